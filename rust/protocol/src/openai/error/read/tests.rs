#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Code, kind, message.
type Words = (String, String, String);

fn words(body: &[u8]) -> Words {
    let read = read(body);
    (read.code.into_owned(), read.kind.into_owned(), read.message.into_owned())
}

fn told(body: &Value) -> Words {
    words(&serde_json::to_vec(body).unwrap())
}

fn three(code: &str, kind: &str, message: &str) -> Words {
    (code.to_owned(), kind.to_owned(), message.to_owned())
}

#[test]
fn each_shape_in_use_is_read() {
    let details = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]);
    let google = json!({"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT", "details": details}});
    let failed = json!({"type": "response.failed", "response": {"id": "r", "error": {"code": "c", "message": "m"}}});
    for (body, expected) in [
        (json!({"error": {"message": "m", "type": "t", "param": null, "code": "c"}}), three("c", "t", "m")),
        (json!({"error": {"message": "m", "type": "t", "param": null, "code": 400}}), three("400", "t", "m")),
        (json!({"error": {"message": "m", "code": 502, "metadata": {"raw": "x", "code": "x"}}}), three("502", "", "m")),
        (json!({"type": "error", "error": {"type": "t", "message": "m"}, "request_id": "r"}), three("", "t", "m")),
        (
            json!({"type": "error", "error": {"type": "t", "message": "m", "details": {"error_code": "c"}}}),
            three("c", "t", "m"),
        ),
        (google.clone(), three("400", "INVALID_ARGUMENT", "m")),
        (json!([google]), three("400", "INVALID_ARGUMENT", "m")),
        (json!({"code": "c", "error": "m"}), three("c", "", "m")),
        (
            json!({"object": "error", "message": "m", "type": "t", "param": null, "code": "3505"}),
            three("3505", "t", "m"),
        ),
        (json!({"__type": "a.b#ThrottlingException", "Message": "m"}), three("", "a.b#ThrottlingException", "m")),
        (json!({"detail": "m"}), three("", "", "m")),
        (json!({"detail": [{"loc": ["body", "n"], "msg": "m"}, {"msg": "x"}]}), three("", "", "m")),
        (json!({"status": 400, "title": "t", "detail": "m"}), three("", "", "m")),
        (json!({"status": 429, "title": "m"}), three("", "", "m")),
        (json!({"fault": {"faultstring": "m", "detail": {"errorcode": "c"}}}), three("c", "", "m")),
        (json!({"type": "error", "code": "c", "message": "m", "sequence_number": 2}), three("c", "", "m")),
        (failed, three("c", "", "m")),
        (json!({"status": 400, "error": "Bad Request", "message": "m"}), three("", "", "m")),
    ] {
        assert_eq!(told(&body), expected, "{body}");
    }
}

#[test]
fn what_is_no_error_says_nothing() {
    for body in
        ["", "null", "[]", "{}", "\"error\"", "<html>502 Bad Gateway</html>", "upstream connect error", "\u{feff}{}"]
    {
        assert_eq!(read(body.as_bytes()), ErrorBody::default(), "{body}");
    }
    let completion = json!({"id": "c", "object": "chat.completion", "choices": [{"message": {"content": "error"}}]});
    assert_eq!(told(&completion), three("", "", ""));
}

#[test]
fn what_the_error_quotes_is_not_taken_for_its_own_words() {
    let quoted = json!({"error": {"failed_generation": "{\"error\":{\"code\":\"x\"}}", "message": "m",
        "inner": {"code": "x", "message": "x", "error": {"code": "x"}}, "list": [[{"code": "x"}]], "code": "c"}});
    assert_eq!(told(&quoted), three("c", "", "m"));
}

#[test]
fn escapes_are_read_and_what_is_no_text_stays_as_it_is() {
    assert_eq!(words(br#"{"error":{"message":"a \"b\"\n\u00e9\ud83d\ude80"}}"#).2, "a \"b\"\n\u{e9}\u{1f680}");
    assert_eq!(words(br#"{"error":{"message":"\ud83d \q"}}"#).2, r"\ud83d \q");
    assert_eq!(words(b"{\"error\":{\"message\":\"a\xff\"}}").2, "a\u{fffd}");
    assert!(matches!(read(br#"{"message":"plain"}"#).message, Cow::Borrowed("plain")), "the usual case copies nothing");
}

#[test]
fn a_body_that_is_cut_says_what_it_said_until_there() {
    let whole = r#" [ {"error" : {"code": 429, "status": "S", "message": "too many", "details": [{"a": [1, {}]}]}} ]"#;
    for cut in 0..=whole.len() {
        let (code, kind, message) = words(&whole.as_bytes()[..cut]);
        assert!("429".starts_with(&code) && "S".starts_with(&kind) && "too many".starts_with(&message), "cut at {cut}");
    }
    assert_eq!(words(whole.as_bytes()), three("429", "S", "too many"));
}

#[test]
fn a_body_without_end_is_looked_at_to_the_bound() {
    let mut body = br#"{"error":{"code":"c","noise":""#.to_vec();
    body.resize(LOOKED_AT, b'x');
    body.extend_from_slice(br#"","message":"m"}}"#);
    assert_eq!(words(&body), three("c", "", ""));
    let deep = [br#"{"noise":"#.to_vec(), vec![b'['; 60_000]].concat();
    assert_eq!(words(&deep), three("", "", ""));
}

/// The same by way of a tree.
fn by_tree(body: &Value) -> Words {
    let root = if body.is_array() { body.get(0).unwrap_or(&Value::Null) } else { body };
    let text =
        |path: &str| root.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let number = |path: &str| root.pointer(path).and_then(Value::as_i64).map(|number| number.to_string());
    let messages = [
        "/error/message",
        "/response/error/message",
        "/message",
        "/error",
        "/detail",
        "/detail/0/msg",
        "/fault/faultstring",
        "/title",
    ];
    let codes =
        ["/error/details/error_code", "/error/code", "/response/error/code", "/code", "/fault/detail/errorcode"];
    let kinds = ["/error/type", "/error/status", "/response/error/type", "/type", "/__type"];
    let said =
        |path: &&str| text(path).filter(|text| *path != "/type" || (text != "error" && text != "response.failed"));
    (
        codes.iter().find_map(|path| text(path).or_else(|| number(path))).unwrap_or_default(),
        kinds.iter().find_map(said).unwrap_or_default(),
        messages.iter().find_map(|path| text(path)).unwrap_or_default(),
    )
}

fn leaf() -> impl Strategy<Value = Value> + Clone {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec!["", "error", "response.failed", "a:b", "{}", "\"", "\\", "]"]).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

/// JSON whose keys are those that are looked for, in any place.
fn any_json() -> impl Strategy<Value = Value> + Clone {
    let key = prop::sample::select(vec![
        "error",
        "message",
        "code",
        "type",
        "__type",
        "title",
        "detail",
        "details",
        "error_code",
        "fault",
        "faultstring",
        "errorcode",
        "response",
        "status",
        "msg",
        "other",
    ]);
    leaf().prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            4 => prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

/// An object with some of these members; now and then something else stands where it should.
fn object(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let some = |(key, value)| prop::option::of(value).prop_map(move |value: Option<Value>| Some((key, value?)));
    let members: Vec<_> = members.into_iter().map(some).collect();
    let object = members.prop_map(|members: Vec<Option<(&str, Value)>>| {
        members.into_iter().flatten().map(|(key, value)| (key.to_owned(), value)).collect()
    });
    prop_oneof![4 => object, 1 => leaf(), 1 => any_json()].boxed()
}

/// Bodies with all shapes at once, so that one place has to give way to another.
fn shaped() -> impl Strategy<Value = Value> {
    let leaf = || leaf().boxed();
    let words = || vec![("message", leaf()), ("code", leaf()), ("type", leaf()), ("other", any_json().boxed())];
    let details = object(vec![("error_code", leaf()), ("code", leaf())]);
    let error = object([words(), vec![("status", leaf()), ("details", details)]].concat());
    let response = object(vec![("error", object(words())), ("code", leaf())]);
    let items = prop::collection::vec(object(vec![("msg", leaf()), ("loc", any_json().boxed())]), 0..3);
    let detail = prop_oneof![leaf(), items.prop_map(Value::from)].boxed();
    let fault = object(vec![("faultstring", leaf()), ("detail", object(vec![("errorcode", leaf())]))]);
    let others = vec![("error", error), ("response", response), ("detail", detail), ("fault", fault)];
    let root = object([words(), vec![("title", leaf()), ("__type", leaf())], others].concat());
    (root, any::<bool>()).prop_map(|(root, in_a_list)| if in_a_list { Value::from(vec![root]) } else { root })
}

fn json_value() -> impl Strategy<Value = Value> {
    prop_oneof![3 => shaped(), 1 => any_json()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn what_is_read_is_what_a_tree_has(body in json_value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_vec_pretty(&body) } else { serde_json::to_vec(&body) }.unwrap();
        prop_assert_eq!(words(&text), by_tree(&body));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&body);
    }

    #[test]
    fn json_with_a_byte_changed_or_cut_is_read_without_a_panic(
        body in json_value(), place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut text = serde_json::to_vec(&body).unwrap();
        let place = place.index(text.len());
        if cut {
            text.truncate(place);
        } else {
            text[place] = byte;
        }
        read(&text);
    }
}
