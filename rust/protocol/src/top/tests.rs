use super::*;
use crate::scan::Scan;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The body in pieces of so many bytes; some are empty.
fn pieces(body: &str, size: usize) -> Vec<Bytes> {
    let cut = body.as_bytes().chunks(size.max(1)).flat_map(|piece| [Bytes::copy_from_slice(piece), Bytes::new()]);
    cut.collect()
}

fn start(body: &str, size: usize) -> Option<Vec<u8>> {
    prompt(&pieces(body, size), &mut [0; PREFIX]).map(<[u8]>::to_vec)
}

#[test]
fn the_prompt_is_the_first_value_that_is_one_up_to_its_end_or_a_kibibyte() {
    for (body, expected) in [
        (r#"{"model":"m","messages":[{"content":"a\"]"}],"seed":1}"#, Some(r#"[{"content":"a\"]"}]"#)),
        (r#"{"x":{"messages":[1]}, "input" :  "hi\\", "y":2}"#, Some(r#""hi\\""#)),
        (r#"{"a":[{"b":"}"}],"prompt":null}"#, Some("null")),
        (r#"{"m\u0065ssages":[1 , 2]}"#, Some("[1 , 2]")),
        (r#"{"model":"messages"}"#, None),
        ("{}", None),
    ] {
        for size in [1, 2, 7, 1000] {
            assert_eq!(start(body, size).as_deref(), expected.map(str::as_bytes), "{body} in pieces of {size}");
        }
    }
    let long = format!(r#"{{"input":"{}"}}"#, "x".repeat(5000));
    assert_eq!(start(&long, 100), Some(long.as_bytes()[9..9 + PREFIX].to_vec()));
}

#[test]
fn a_text_is_found_by_its_key() {
    let body = r#"{"messages":[{"prompt_cache_key":"no"}],"prompt_cache_key":"s-\u00e9","user":"","n":3}"#;
    let text = |key: &str| text(&pieces(body, 5), key.as_bytes());
    assert_eq!(text("prompt_cache_key"), Some(br"s-\u00e9".to_vec()));
    assert_eq!((text("user"), text("n"), text("session")), (None, None, None));
}

#[test]
fn what_runs_or_is_kept_at_the_provider_is_told() {
    let function = json!({"type": "function", "function": {"name": "web_search_options"}});
    for (fields, expected) in [
        (json!({}), false),
        (json!({"tools": null}), false),
        (json!({"tools": []}), false),
        (json!({"tools": [function, function]}), false),
        (json!({"tools": [function, {"type": "web_search"}]}), true),
        (json!({"tools": [{"type": "custom"}]}), true),
        (json!({"tools": [{"name": "no type"}]}), true),
        (json!({"tools": "all"}), true),
        (json!({"tools": {"type": "function"}}), true),
        (json!({"web_search_options": {}}), true),
        (json!({"web_search_options": null}), false),
        (json!({"background": true}), true),
        (json!({"background": false, "conversation": null}), false),
        (json!({"conversation": "conv_1"}), true),
        (json!({"messages": [{"tools": [{"type": "web_search"}], "plugins": [1]}]}), false),
        (json!({"a-key-that-is-longer-than-any-that-is-looked-for": [], "plugins": [{"id": "web"}]}), true),
    ] {
        for size in [1, 3, 1000] {
            assert_eq!(acts_at_provider(&pieces(&fields.to_string(), size)), expected, "{fields}");
        }
    }
    assert!(acts_at_provider(&pieces(r#"{"t\u006fols":[{"type":"web_search"}]}"#, 4)), "however it is spelt");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        r#"[a-z"\\{}\[\],:é\n]{0,12}"#.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"]{0,4}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn a_value_is_found_whole_wherever_the_body_is_cut(
        fields in prop::collection::btree_map("[a-z\"\\\\é]{0,6}|prompt_cache_key", value(), 0..6),
        size in 1..40_usize, wide in any::<bool>(),
    ) {
        let body: Value = fields.clone().into_iter().collect::<serde_json::Map<_, _>>().into();
        let body = if wide { serde_json::to_string_pretty(&body) } else { serde_json::to_string(&body) }.unwrap();
        let mut scan = Scan::new();
        prop_assert!(scan.push(body.as_bytes()).is_ok() && scan.fields().is_ok());
        let pieces = pieces(&body, size);
        for (key, value) in fields.iter().filter(|(key, _)| !key.is_empty()) {
            let found = find(&pieces, |name| name == key.as_bytes());
            if key.is_ascii() {
                let found: Value = serde_json::from_slice(&found.expect("there")).unwrap();
                prop_assert_eq!(&found, value);
            }
        }
        prop_assert_eq!(find(&pieces, |name| name == b"absent"), None);
    }
}
