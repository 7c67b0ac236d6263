//! The body that continues a call, against the tree of the one that it continues.

use super::*;
use crate::openai::continuing::Said;
use crate::outline::tests::{json, spaced};
use proptest::prelude::*;
use serde_json::{Value, json};

fn text(said: &str, pieces: usize) -> Text {
    let mut gathered = Said::new();
    let parts: Vec<char> = said.chars().collect();
    for part in parts.chunks(parts.len().div_ceil(pieces)) {
        let content: String = part.iter().collect();
        let chunk = json!({"choices": [{"index": 0, "delta": {"content": content}}]});
        gathered.take(format!("data: {chunk}\n\n").as_bytes());
    }
    gathered.text().unwrap()
}

/// The same bytes in pieces of these lengths, the last of what is left.
fn cut(body: &str, cuts: &[usize]) -> Vec<Bytes> {
    let mut rest = Bytes::from(body.to_owned());
    let mut pieces: Vec<Bytes> = cuts.iter().map(|cut| rest.split_to((*cut).min(rest.len()))).collect();
    pieces.push(rest);
    pieces
}

fn model(body: &str) -> (Range<u64>, Bytes) {
    let mut scan = crate::scan::Scan::new();
    scan.push(body.as_bytes()).unwrap();
    (scan.finish().unwrap().model.range, Bytes::from_static(b"\"other\""))
}

fn continued(body: &str, cuts: &[usize], text: &Text, prefill: Prefill) -> Option<Value> {
    let pieces = cut(body, cuts);
    let plain = Plain::read(&pieces)?;
    serde_json::from_slice(&plain.continued(&pieces, vec![model(body)], text, prefill).concat()).unwrap()
}

const HELLO: &str = r#"{"model":"m","messages":[{"role":"user","content":"hello"}],"stream":true}"#;

#[test]
fn each_server_is_asked_in_its_own_way() {
    let ask = |prefill| continued(HELLO, &[], &text("so \"far", 2), prefill).unwrap();
    let messages = |last: Value| json!([{"role": "user", "content": "hello"}, last]);
    let whole = |last: Value| json!({"model": "other", "messages": messages(last), "stream": true});
    let said = json!({"role": "assistant", "content": "so \"far"});
    assert_eq!(ask(Prefill::Assistant), whole(said.clone()));
    let mut flagged = whole(said);
    flagged["continue_final_message"] = json!(true);
    flagged["add_generation_prompt"] = json!(false);
    assert_eq!(ask(Prefill::ContinueFinalMessage), flagged);
    assert_eq!(ask(Prefill::Prefix), whole(json!({"role": "assistant", "content": "so \"far", "prefix": true})));
}

#[test]
fn a_limit_of_tokens_counts_what_has_come() {
    for (limit, left) in [("10", json!(7)), ("3", json!(1)), ("1", json!(1)), ("null", Value::Null)] {
        let body = format!(r#"{{"max_tokens": {limit},"model":"m","messages":[{{"role":"user","content":"x"}}]}}"#);
        let next = continued(&body, &[], &text("abc", 3), Prefill::Assistant).unwrap();
        assert_eq!(next["max_tokens"], left);
    }
}

#[test]
fn what_asks_for_more_than_one_plain_text_is_not_continued() {
    let with = |fields: &str| {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{fields}}}"#);
        Plain::read(&[Bytes::from(body)]).is_some()
    };
    for fields in [
        r#""tools":[{"type":"function","function":{"name":"f"}}]"#,
        r#""functions":[{"name":"f"}]"#,
        r#""tool_choice":"auto""#,
        r#""n":2"#,
        r#""logprobs":true"#,
        r#""top_logprobs":3"#,
        r#""response_format":{"type":"json_object"}"#,
        r#""response_format":{"type":"json_schema","json_schema":{"name":"x"}}"#,
        r#""modalities":["text","audio"]"#,
        r#""audio":{"voice":"v"}"#,
        r#""reasoning_effort":"low""#,
        r#""continue_final_message":true"#,
        r#""web_search_options":{}"#,
        r#""something_new":1"#,
        r#""\u006e":1"#,
        r#""max_tokens":"ten""#,
    ] {
        assert!(!with(fields), "{fields}");
    }
    for fields in [
        r#""tools":null"#,
        r#""tools":[ ]"#,
        r#""n":1"#,
        r#""logprobs":false"#,
        r#""response_format": { "type" : "text" }"#,
        r#""modalities":["text"]"#,
        r#""something_new":null"#,
        r#""temperature":0.5,"stop":["a","b"],"seed":7,"stream_options":{"include_usage":true},"user":"u""#,
    ] {
        assert!(with(fields), "{fields}");
    }
}

#[test]
fn only_an_answer_that_begins_anew_is_continued() {
    let after =
        |messages: &str| Plain::read(&[Bytes::from(format!(r#"{{"model":"m","messages":{messages}}}"#))]).is_some();
    assert!(after(
        r#"[{"role":"assistant","content":"a"},{"content":[{"type":"text","text":"x","role":"tool"}],"role":"user"}]"#
    ));
    for messages in [
        r#"[{"role":"user","content":"x"},{"role":"assistant","content":"Sure"}]"#,
        r#"[{"role":"user","content":"x"},{"role":"tool","content":"1","tool_call_id":"c"}]"#,
        r#"[{"role":"user","content":"x"},{"content":"y"}]"#,
        r#"[{"role":"user","content":"x"},"y"]"#,
        "[]",
        r#""hello""#,
    ] {
        assert!(!after(messages), "{messages}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn the_next_body_has_the_same_messages_and_one_more(
        contents in prop::collection::vec(json(), 1..4),
        first in prop::collection::btree_map("(temperature|stop|user|metadata|seed)", json(), 0..3),
        last in prop::collection::btree_map("(logit_bias|stream_options|store|top_p)", json(), 0..3),
        blanks in prop::collection::vec(any::<u8>(), 1..20),
        cuts in prop_oneof![prop::collection::vec(0usize..12, 0..30), Just(vec![1; 2000])],
        said in "[a-z\"\\\\{}\\[\\]\u{e9}\u{1f6b0}\n ]{1,20}",
        prefill in prop_oneof![
            Just(Prefill::Assistant), Just(Prefill::ContinueFinalMessage), Just(Prefill::Prefix)
        ],
    ) {
        let message = |(n, content): (usize, &Value)| {
            let role = ["user", "system"][n % 2];
            json!({"content": content, "role": role})
        };
        let messages: Vec<Value> = contents.iter().enumerate().map(message).collect();
        let mut body = serde_json::Map::from_iter(first);
        body.insert("model".to_owned(), json!("m"));
        body.insert("messages".to_owned(), json!(messages));
        body.extend(last);
        let body = Value::Object(body);
        let written = spaced(&body, &blanks);
        let text = text(&said, 2);
        let next = continued(&written, &cuts, &text, prefill).unwrap();
        let mut expected = body;
        let mut added = json!({"role": "assistant", "content": said});
        if prefill == Prefill::Prefix {
            added["prefix"] = json!(true);
        }
        if prefill == Prefill::ContinueFinalMessage {
            expected["continue_final_message"] = json!(true);
            expected["add_generation_prompt"] = json!(false);
        }
        expected["model"] = json!("other");
        expected["messages"].as_array_mut().unwrap().push(added);
        prop_assert_eq!(next, expected);
    }
}
