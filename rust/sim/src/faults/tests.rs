#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::provider::{Provider, Request};
use crate::reply::{Dialect, End, FOREVER, Reply, Role};
use std::collections::HashSet;

#[test]
fn every_fault_has_its_own_name_and_parses_with_its_defaults() {
    let names: HashSet<_> = Kind::ALL.iter().map(|kind| kind.row().name).collect();
    assert_eq!(names.len(), Kind::ALL.len());
    for kind in Kind::ALL {
        let row = kind.row();
        let spelled: Vec<String> =
            std::iter::once(row.name.to_owned()).chain(row.params.iter().map(|(k, v)| format!("{k}={v}"))).collect();
        assert_eq!(Fault::parse(&spelled.join(";")).unwrap().kind, *kind);
        assert!(row.doc.trim().ends_with('.'), "{}", row.name);
    }
}

#[test]
fn what_is_not_known_is_refused() {
    assert!(Fault::parse("cut;at=x").unwrap_err().contains("whole number"));
    assert!(Fault::parse("cut;when=1").unwrap_err().contains("when"));
    assert!(Fault::parse("nonsense").unwrap_err().contains("GET /faults"));
}

#[test]
fn a_list_keeps_its_order_and_its_parameters() {
    let faults = Fault::parse_list("status;code=429, retry-after;as=junk").unwrap();
    assert_eq!((faults[0].number("code"), faults[1].text("as")), (429, "junk"));
}

const CHAT: &str = "/v1/chat/completions";

/// The answer to a call with these faults.
fn answer(path: &str, body: &Value, faults: &str) -> Reply {
    let lines: [(&[u8], &[u8]); 2] = [(b"content-type", b"application/json"), (b"x-sim-fault", faults.as_bytes())];
    let head = http1::RequestHead::from_parts(b"POST", path.as_bytes(), lines.into_iter());
    let provider = Provider::new(crate::Options::default()).unwrap();
    provider.answer(&Request { head, body: body.to_string().into() }).reply
}

fn chat(stream: bool) -> Value {
    let mut body = json!({"model": "chat", "messages": [{"role": "user", "content": "hi"}]});
    if stream {
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

fn with_tools(stream: bool) -> Value {
    let mut body = chat(stream);
    body["model"] = json!("tools");
    body["tools"] = json!([{"type": "function", "function": {"name": "f", "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "minLength": 20}}}}}]);
    body
}

fn text(reply: &Reply) -> String {
    reply.pieces.iter().map(|piece| String::from_utf8_lossy(&piece.bytes).into_owned()).collect()
}

/// The JSON of all events.
fn events(reply: &Reply) -> Vec<Value> {
    let text = text(reply);
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    lines.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[test]
fn terminators_are_missing_doubled_or_followed_by_content() {
    let done = |faults| text(&answer(CHAT, &chat(true), faults)).matches("[DONE]").count();
    assert_eq!((done(""), done("no-terminator"), done("double-terminator")), (1, 0, 2));
    assert!(!text(&answer(CHAT, &chat(true), "data-after-done")).ends_with("[DONE]\n\n"));
    let responses = json!({"model": "chat", "input": "hi", "stream": true});
    assert!(!text(&answer("/v1/responses", &responses, "no-terminator")).contains("response.completed"));
}

#[test]
fn an_error_event_ends_the_stream_wherever_it_stands() {
    for (place, before) in [("first", 0), ("middle", 9), ("last", 19)] {
        let reply = answer(CHAT, &chat(true), &format!("error-event;at={place}"));
        assert!(!text(&reply).contains("[DONE]"));
        let events = events(&reply);
        assert!(events.last().unwrap()["error"]["message"].is_string());
        assert!(events.len() > before, "{place}");
    }
    let responses = json!({"model": "chat", "input": "hi", "stream": true});
    let failed = events(&answer("/v1/responses", &responses, "error-event;at=last;form=failed"));
    assert_eq!(failed.last().unwrap()["type"], "response.failed");
    assert_eq!(failed.last().unwrap()["response"]["error"]["code"], "server_error");
}

#[test]
fn streams_without_content_have_none() {
    let pings = answer(CHAT, &chat(true), "pings-only;count=5;then=silence");
    assert_eq!((text(&pings).matches(": ping\n\n").count(), pings.end), (5, End::Silence));
    let empty = events(&answer(CHAT, &chat(true), "empty-deltas"));
    assert!(empty.iter().all(|chunk| chunk["choices"][0]["delta"]["content"].as_str().is_none_or(str::is_empty)));
    assert!(empty.len() > 10);
}

#[test]
fn content_may_come_before_it_stops_coming() {
    let texts = |faults| {
        let events = events(&answer(CHAT, &chat(true), faults));
        events
            .iter()
            .filter(|chunk| chunk["choices"][0]["delta"]["content"].as_str().is_some_and(|text| !text.is_empty()))
            .count()
    };
    assert_eq!((texts("pings-only;after=2"), texts("empty-deltas;after=3;every_ms=5")), (2, 3));
    let pings = text(&answer(CHAT, &chat(true), "pings-only;after=2;count=5;then=silence"));
    assert!(pings.ends_with(&": ping\n\n".repeat(5)), "{pings}");
}

#[test]
fn usage_is_bent_in_streams_and_in_whole_answers() {
    for stream in [false, true] {
        let usage = |form: &str| {
            let reply = answer(CHAT, &chat(stream), &format!("usage;as={form}"));
            let whole = if stream { None } else { serde_json::from_str(&text(&reply)).ok() };
            whole.or_else(|| events(&reply).last().cloned()).unwrap()["usage"].clone()
        };
        assert_eq!(usage("negative")["total_tokens"], -7);
        assert_eq!(usage("zero")["prompt_tokens"], 0);
        assert_eq!(usage("huge")["prompt_tokens"], 9_007_199_254_740_993_u64);
        assert!(usage("string")["prompt_tokens"].is_string());
        assert!(usage("missing").is_null() && usage("null").is_null());
        let twice = text(&answer(CHAT, &chat(stream), "usage;as=twice"));
        assert_eq!(twice.matches("\"usage\":{").count(), 2, "{twice}");
    }
}

#[test]
fn cut_tool_arguments_are_not_json() {
    let whole: Value = serde_json::from_str(&text(&answer(CHAT, &with_tools(false), "tool-json-cut"))).unwrap();
    let arguments = whole["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(arguments).is_err(), "{arguments}");
    let stream = events(&answer(CHAT, &with_tools(true), "tool-json-cut"));
    let parts =
        stream.iter().filter_map(|c| c["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str());
    let joined: String = parts.collect();
    assert!(joined.starts_with('{') && serde_json::from_str::<Value>(&joined).is_err(), "{joined}");
}

#[test]
fn bytes_that_are_not_utf8_stand_inside_the_text() {
    for stream in [false, true] {
        let reply = answer(CHAT, &chat(stream), "invalid-utf8");
        assert!(reply.pieces.iter().any(|piece| std::str::from_utf8(&piece.bytes).is_err()));
    }
}

#[test]
fn a_body_is_cut_at_any_byte_and_states_its_whole_length() {
    let whole = answer(CHAT, &chat(false), "").length();
    for at in 0..whole {
        let reply = answer(CHAT, &chat(false), &format!("cut;at={at}"));
        assert_eq!((reply.length(), reply.end), (at, End::Close));
        assert_eq!(reply.framing, crate::reply::Framing::Length(Some(whole)));
    }
}

#[test]
fn stalls_last_as_long_as_asked_or_for_ever() {
    let wait = |faults| answer(CHAT, &chat(true), faults).pieces[3].wait;
    assert_eq!(wait("stall;at=3"), FOREVER);
    assert_eq!(wait("stall;at=3;ms=40"), std::time::Duration::from_millis(40));
}

#[test]
fn a_big_event_is_one_event() {
    let reply = answer(CHAT, &chat(true), "big-event;bytes=200000");
    assert_eq!(reply.dialect, Dialect::Chat);
    let big = reply.pieces.iter().filter(|piece| piece.bytes.len() > 200_000);
    assert_eq!(big.filter(|piece| piece.role == Role::Content).count(), 1);
}

#[test]
fn a_drip_and_a_split_keep_every_byte() {
    let plain = text(&answer(CHAT, &chat(true), "")).len();
    let drip = answer(CHAT, &chat(true), "drip;bytes=3;every_ms=1");
    assert_eq!(text(&drip).len(), plain);
    assert!(drip.pieces.iter().all(|piece| piece.bytes.len() <= 3));
}

#[test]
fn retry_advice_comes_in_every_spelling() {
    let advice = |form: &str| {
        let reply = answer(CHAT, &chat(false), &format!("status;code=429, retry-after;as={form};value=3"));
        let found = reply.headers.into_iter().filter(|(name, _)| name.starts_with("retry-after"));
        found.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(advice("seconds"), "retry-after=3");
    assert_eq!(advice("negative"), "retry-after=-3");
    assert_eq!(advice("ms"), "retry-after-ms=3000");
    assert_eq!(advice("two"), "retry-after=3 retry-after=7");
    assert!(advice("year-2099").contains("2099"));
    assert!(advice("date").ends_with("GMT"));
}
