#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use proptest::prelude::*;
use serde::de::IgnoredAny;

fn scan(body: &[u8]) -> Result<Fields, Fault> {
    let mut scan = Scan::new();
    scan.push(body)?;
    scan.fields()
}

fn kind(body: &str) -> Kind {
    let mut whole = Scan::new();
    whole.push(body.as_bytes()).and_then(|()| whole.finish()).unwrap_err().kind()
}

/// The outcome with the body cut at each place, which must not depend on the place.
fn cut_everywhere(body: &[u8]) -> Result<Fields, (Kind, String)> {
    let told = |fault: Fault| (fault.kind(), fault.message().to_owned());
    let whole = scan(body).map_err(told);
    let mut bytewise = Scan::new();
    let outcome = body.iter().try_for_each(|byte| bytewise.push(&[*byte])).and_then(|()| bytewise.fields());
    assert_eq!(outcome.map_err(told), whole, "byte by byte");
    for cut in 0..=body.len() {
        let mut halves = Scan::new();
        let outcome = halves.push(&body[..cut]).and_then(|()| halves.push(&body[cut..])).and_then(|()| halves.fields());
        assert_eq!(outcome.map_err(told), whole, "cut at {cut}");
    }
    whole
}

#[test]
fn the_model_and_the_stream_flag_are_found_wherever_they_stand() {
    let body = br#" {"messages":[{"model":"inner","stream":false}] , "stream" : true, "model" : "gpt-6" } "#;
    let fields = cut_everywhere(body).unwrap();
    let model = fields.model.unwrap();
    assert_eq!(model.name, "gpt-6");
    assert_eq!(
        &body[usize::try_from(model.range.start).unwrap()..usize::try_from(model.range.end).unwrap()],
        br#""gpt-6""#
    );
    assert!(fields.stream);
}

#[test]
fn keys_and_names_are_compared_after_unescaping() {
    let body = br#"{"mod\u0065l":"\ud83d\ude80 \u00e9\n\/","str\u0065am":true}"#;
    let fields = cut_everywhere(body).unwrap();
    assert_eq!(fields.model.unwrap().name, "\u{1f680} \u{e9}\n/");
    assert!(fields.stream);
}

#[test]
fn a_key_that_comes_twice_is_refused_and_named_however_it_is_spelt() {
    for body in [r#"{"model":"a","mod\u0065l":"b"}"#, r#"{"model":null,"model":"b"}"#] {
        let (kind, sentence) = cut_everywhere(body.as_bytes()).unwrap_err();
        assert_eq!(kind, Kind::DuplicateKey);
        assert!(sentence.contains("\"model\""), "{sentence}");
    }
    assert_eq!(kind(r#"{"x":1,"model":"a","x":2}"#), Kind::DuplicateKey);
    assert!(scan(br#"{"model":"a","b":{"x":1,"x":2}}"#).is_ok(), "only the top level is ours to judge");
}

#[test]
fn a_model_that_is_not_there_is_missing_and_one_of_another_type_is_invalid() {
    assert_eq!(kind("{}"), Kind::ModelMissing);
    assert_eq!(kind(r#"{"model":null}"#), Kind::ModelMissing);
    for value in ["1", "-1", "true", "[]", "{}", r#""""#] {
        assert_eq!(kind(&format!(r#"{{"model":{value}}}"#)), Kind::ModelInvalid, "{value}");
    }
    let longest = "m".repeat(MAX_MODEL);
    assert!(scan(format!(r#"{{"model":"{longest}"}}"#).as_bytes()).is_ok());
    assert_eq!(kind(&format!(r#"{{"model":"{longest}m"}}"#)), Kind::ModelInvalid);
}

#[test]
fn stream_is_a_boolean_or_null() {
    for (value, stream) in [("true", true), ("false", false), ("null", false)] {
        let body = format!(r#"{{"stream":{value},"n":[true],"model":"m"}}"#);
        assert_eq!(cut_everywhere(body.as_bytes()).unwrap().stream, stream);
    }
    for value in ["1", r#""true""#, "[]", "{}"] {
        let fault = scan(format!(r#"{{"stream":{value}}}"#).as_bytes()).unwrap_err();
        assert_eq!((fault.kind(), fault.param()), (Kind::ModelInvalid, Some("stream")), "{value}");
    }
}

#[test]
fn what_a_body_asks_for_at_its_top_level_is_noted_and_nothing_below_it() {
    let asks = |body: &str| cut_everywhere(body.as_bytes()).unwrap().asks;
    let noted = |member: &str| {
        let asks = asks(&format!(r#"{{"x":{{"tools":[1],"temperature":0}},{member},"model":"m"}}"#));
        [asks.tools(), asks.audio(), asks.modalities(), asks.reasoning(), asks.no_temperature()]
            .map(|bit| if bit { '1' } else { '0' })
            .iter()
            .collect::<String>()
    };
    for (member, expected) in [
        (r#""y":1"#, "00000"),
        (r#""tools":[{"type":"function"}]"#, "10000"),
        (r#""to\u006fls":[{"parameters":{}}]"#, "10000"),
        (r#""functions":[[]]"#, "10000"),
        (r#""tools":[ ]"#, "00000"),
        (r#""tools":null"#, "00000"),
        (r#""tools":[],"functions":[{}]"#, "10000"),
        (r#""audio":{"voice":"alloy"}"#, "01000"),
        (r#""modalities":["text"]"#, "00100"),
        (r#""reasoning":{"effort":"low"}"#, "00010"),
        (r#""reasoning":{}"#, "00000"),
        (r#""reasoning_effort":"low""#, "00010"),
        (r#""reasoning_effort":null"#, "00000"),
    ] {
        assert_eq!(noted(member), expected, "{member}");
    }
    for zero in ["0", "-0", "0.0", "-0.000", "0e5", "0.0E-12"] {
        assert_eq!(noted(&format!(r#""temperature":{zero}"#)), "00001", "{zero}");
    }
    for other in ["1", "0.1", "-0.01", "10", "0.10e-400", "2e0", "null", "\"0\"", "[0]"] {
        assert_eq!(noted(&format!(r#""temperature":{other}"#)), "00000", "{other}");
    }
}

#[test]
fn how_much_of_an_answer_is_asked_for_is_noted_in_any_spelling() {
    for (member, tokens, answers) in [
        (r#""max_tokens":50"#, Some(50), None),
        (r#""max_completion_tokens" : 7 ,"n":3"#, Some(7), Some(3)),
        (r#""max_output_tokens":0"#, Some(0), None),
        (r#""max_tokens":5,"max_completion_tokens":40"#, Some(40), None),
        (r#""max_tokens":null,"n":null"#, None, None),
        (r#""max_tokens":-5,"n":"2""#, None, None),
        (r#""max_tokens":1e3,"n":2.5"#, None, None),
        (r#""max_tokens":99999999999999999999999"#, Some(u64::MAX), None),
        (r#""other":{"max_tokens":5,"n":2}"#, None, None),
    ] {
        let found = cut_everywhere(format!(r#"{{"model":"m",{member}}}"#).as_bytes()).unwrap();
        assert_eq!((found.bounds.tokens, found.bounds.answers), (tokens, answers), "{member}");
    }
}

#[test]
fn who_a_body_says_is_behind_it_is_kept_where_that_is_wanted() {
    let user = |value: &str, wanted: bool| {
        let body = format!(r#"{{"user":{value},"model":"m","metadata":{{"user":"not this"}}}}"#);
        let mut scan = Scan::new();
        if wanted {
            scan.keep_user();
        }
        body.as_bytes().chunks(3).try_for_each(|piece| scan.push(piece)).and_then(|()| scan.fields()).unwrap().user
    };
    assert_eq!(user(r#""a\u006en \ud83d\ude80""#, true), User::Text("ann \u{1f680}".into()));
    assert_eq!(user(r#""""#, true), User::Text("".into()));
    assert_eq!(user(&format!("{:?}", "x".repeat(256)), true), User::Text("x".repeat(256).into()));
    assert_eq!(user(&format!("{:?}", "x".repeat(1 << 20)), true), User::TooLong);
    assert_eq!(user("7", true), User::None);
    assert_eq!(user(r#""ann""#, false), User::None);
}

#[test]
fn what_is_not_one_object_is_refused_with_the_byte_where_it_fails() {
    for (body, byte) in [
        ("[]", 0),
        ("\u{feff}{}", 0),
        ("{} x", 3),
        (r#"{"a":1,}"#, 7),
        (r#"{"a" 1}"#, 5),
        (r#"{"a":}"#, 5),
        (r#"{"a":[1,]}"#, 8),
        (r#"{"a":[1}"#, 7),
        (r#"{"a":{"b":1]}"#, 11),
        ("{a:1}", 1),
        (r#"{"a":01}"#, 6),
        (r#"{"a":1.}"#, 7),
        (r#"{"a":+1}"#, 5),
        (r#"{"a":nul}"#, 8),
        (r#"{"a":truee}"#, 9),
        (r#"{"a":"\x"}"#, 7),
        (r#"{"a":"\u12g4"}"#, 10),
        ("{\"a\":\"\n\"}", 6),
        ("{\"a\n\":1}", 3),
        (r#"{"a":"b"#, 7),
        (r#"{"a":1"#, 6),
    ] {
        let (kind, sentence) = cut_everywhere(body.as_bytes()).unwrap_err();
        assert_eq!(kind, Kind::BodyNotJson, "{body}");
        assert!(sentence.contains(&format!("(byte {byte})")), "{body}: {sentence}");
    }
    assert_eq!(kind(""), Kind::BodyNotJson);
    assert_eq!(kind(" "), Kind::BodyNotJson);
}

#[test]
fn brackets_nest_to_the_limit_and_no_further() {
    let nested = |depth: usize| format!(r#"{{"model":"m","a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(scan(nested(MAX_DEPTH as usize).as_bytes()).is_ok());
    assert_eq!(kind(&nested(MAX_DEPTH as usize + 1)), Kind::BodyTooDeep);
}

#[test]
fn keys_are_counted_to_their_bound_on_either_side_of_the_inline_store() {
    let with_keys = |count: usize| {
        let keys: Vec<String> = (1..count).map(|key| format!(r#""key{key}":0"#)).collect();
        format!(r#"{{"model":"m",{}}}"#, keys.join(","))
    };
    assert!(scan(with_keys(keys::MAX_KEYS).as_bytes()).is_ok());
    assert_eq!(kind(&with_keys(keys::MAX_KEYS + 1)), Kind::BodyNotJson);
    assert_eq!(kind(&with_keys(200).replace("key150", "key199")), Kind::DuplicateKey);
}

#[test]
fn text_that_is_read_is_utf8_and_text_that_is_skipped_may_be_anything() {
    assert_eq!(cut_everywhere(b"{\"model\":\"\xff\"}").unwrap_err().0, Kind::BodyNotUtf8);
    assert_eq!(cut_everywhere(b"{\"\xff\":1}").unwrap_err().0, Kind::BodyNotUtf8);
    assert!(cut_everywhere(b"{\"model\":\"m\",\"a\":\"\xff\"}").is_ok());
    for half in [r"\ud800", r"\udc00", r"\ud800x", r"\ud800\ud800", r"\ud800\n"] {
        assert_eq!(cut_everywhere(format!(r#"{{"model":"{half}"}}"#).as_bytes()).unwrap_err().0, Kind::BodyNotUtf8);
        assert!(scan(format!(r#"{{"model":"m","a":"{half}"}}"#).as_bytes()).is_ok());
    }
}

#[test]
fn a_long_key_is_told_from_its_neighbour_behind_the_buffer() {
    let long = "k".repeat(300);
    assert!(scan(format!(r#"{{"model":"m","{long}a":1,"{long}b":1}}"#).as_bytes()).is_ok());
    assert_eq!(kind(&format!(r#"{{"{long}a":1,"{long}a":1}}"#)), Kind::DuplicateKey);
}

#[test]
fn the_recorded_requests_of_the_golden_folder_name_their_model() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");
    let mut seen = 0;
    for dialect in ["openai_chat", "openai_responses"] {
        for entry in std::fs::read_dir(format!("{golden}/{dialect}")).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_string_lossy().ends_with(".request.json") {
                continue;
            }
            let body = std::fs::read(&path).unwrap();
            let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let fields = scan(&body).unwrap();
            assert_eq!(fields.model.unwrap().name, value["model"].as_str().unwrap(), "{}", path.display());
            assert_eq!(fields.stream, value["stream"].as_bool().unwrap_or(false), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 30, "{seen} requests");
}

/// Bytes that are often JSON, and often nearly so.
fn near_json() -> impl Strategy<Value = Vec<u8>> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "\"c\\n\"",
        "\"\\u00e9\"",
        "\"\\",
        "\"",
        "1",
        "-0",
        "0.5",
        "1e9",
        "-",
        "1E+",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\n",
        "{\"a\":",
        "[1,",
        "\"x\":[",
        "}}",
        "\"a\":1,",
    ]);
    prop::collection::vec(token, 0..14).prop_map(|tokens| format!("{{{}", tokens.concat()).into_bytes())
}

fn json_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[ -~\u{e9}\u{1f680}]{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        prop::sample::select(vec![
            "0",
            "-0",
            "1.50",
            "1e5",
            "-1E-05",
            "12345678901234567890",
            "true",
            "false",
            "null",
            "\"\\u0041\\/\""
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[ {} ]", items.join(" ,\n"))),
            prop::collection::vec(inner, 0..4).prop_map(|items| {
                let members: Vec<String> =
                    items.iter().enumerate().map(|(at, item)| format!("\"k{at}\" :\t{item}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn what_is_accepted_is_what_a_tree_parser_accepts(body in near_json()) {
        let oracle = serde_json::from_slice::<IgnoredAny>(&body).is_ok();
        match scan(&body) {
            Ok(_) => prop_assert!(oracle, "only we accept {}", String::from_utf8_lossy(&body)),
            Err(fault) if fault.kind() == Kind::BodyNotJson => {
                prop_assert!(!oracle, "only we refuse {}: {fault}", String::from_utf8_lossy(&body));
            }
            Err(fault) => prop_assert_eq!(fault.kind(), Kind::DuplicateKey),
        }
    }

    #[test]
    fn three_pieces_tell_the_same_as_one(body in near_json(), cuts in any::<(u16, u16)>()) {
        let (first, second) = (usize::from(cuts.0) % (body.len() + 1), usize::from(cuts.1) % (body.len() + 1));
        let (first, second) = (first.min(second), first.max(second));
        let mut pieces = Scan::new();
        let outcome = [&body[..first], &body[first..second], &body[second..]]
            .iter()
            .try_for_each(|piece| pieces.push(piece))
            .and_then(|()| pieces.fields());
        prop_assert_eq!(outcome.map_err(|fault| fault.to_string()), scan(&body).map_err(|fault| fault.to_string()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_spliced_body_differs_in_the_model_alone(
        before in prop::collection::vec(json_value(), 0..4),
        after in prop::collection::vec(json_value(), 0..4),
        spaces in "[ \n\t\r]{0,3}",
        old in "[ -~\u{e9}\u{1f680}]{1,20}",
        new in "[ -~\u{e9}\u{1f680}]{1,20}",
        cuts in prop::collection::vec(any::<u16>(), 0..5),
    ) {
        let members = |prefix: &str, values: &[String]| -> Vec<String> {
            values.iter().enumerate().map(|(at, value)| format!("\"{prefix}{at}\"{spaces}:{value}")).collect()
        };
        let with_model = |value: &str| {
            let mut all = members("a", &before);
            all.push(format!("\"mod\\u0065l\"{spaces}:{spaces}{value}"));
            all.extend(members("z", &after));
            format!("{spaces}{{{}}}{spaces}", all.join(&format!(",{spaces}"))).into_bytes()
        };
        let body = bytes::Bytes::from(with_model(&serde_json::to_string(&old).unwrap()));
        let mut places: Vec<usize> = cuts.iter().map(|cut| usize::from(*cut) % (body.len() + 1)).collect();
        places.extend([0, body.len()]);
        places.sort_unstable();
        let pieces: Vec<bytes::Bytes> = places.windows(2).map(|ends| body.slice(ends[0]..ends[1])).collect();

        let mut scan = Scan::new();
        for piece in &pieces {
            scan.push(piece).unwrap();
        }
        let model = scan.finish().unwrap().model;
        prop_assert_eq!(&model.name, &old);
        let spliced = crate::splice::splice(&pieces, model.range, &crate::splice::json_string(&new));
        prop_assert_eq!(spliced.concat(), with_model(&serde_json::to_string(&new).unwrap()));
    }
}
