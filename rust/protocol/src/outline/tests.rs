//! The outline of a text against the tree of it.

use super::*;
use proptest::prelude::*;
use serde_json::Value;

/// Each value with its path, as `a/0/b`, in the order in which it ends.
fn outline(text: &str, most: usize, cuts: &[usize]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut outline = Outline::new(most, |value: &Found<'_>| {
        let name = |place: &Place| match (place.item(), place.key()) {
            (Some(item), _) => item.to_string(),
            (None, Some(key)) => String::from_utf8_lossy(key).into_owned(),
            (None, None) => "?".to_owned(),
        };
        let path = value.path.iter().map(name).collect::<Vec<_>>().join("/");
        let range = usize::try_from(value.range.start).unwrap()..usize::try_from(value.range.end).unwrap();
        assert_eq!(text.as_bytes()[range.start], value.first);
        found.push((path, text[range].to_owned()));
    });
    let mut rest = text.as_bytes();
    for cut in cuts {
        let (piece, behind) = rest.split_at((*cut).min(rest.len()));
        outline.push(piece);
        rest = behind;
    }
    outline.push(rest);
    assert!(outline.is_whole());
    found
}

/// The same, of a tree.
fn tree(value: &Value, path: &str, room: usize, out: &mut Vec<(String, Value)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
    if let Some(less) = room.checked_sub(1) {
        match value {
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, item)| tree(item, &below(&n.to_string()), less, out));
            }
            Value::Object(members) => members.iter().for_each(|(key, member)| tree(member, &below(key), less, out)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    out.push((path.to_owned(), value.clone()));
}

pub(crate) fn json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![Just(String::new()), "[a-z\"\\\\{}\\[\\],: \u{e9}\u{1f6b0}\n]{0,12}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The text of a value, with white space drawn from `blanks` wherever some may stand.
pub(crate) fn spaced(value: &Value, blanks: &[u8]) -> String {
    let mut blanks = blanks.iter().cycle();
    let mut text = String::new();
    write(
        value,
        &mut || [" ", "\n\t", "", "\r\n", ""][usize::from(blanks.next().copied().unwrap_or(2)) % 5],
        &mut text,
    );
    text
}

fn write<'b>(value: &Value, blank: &mut impl FnMut() -> &'b str, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                out.push_str(blank());
                write(item, blank, out);
                out.push_str(blank());
            }
            out.push_str(blank());
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (n, (key, member)) in members.iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                out.push_str(blank());
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(blank());
                out.push(':');
                out.push_str(blank());
                write(member, blank, out);
                out.push_str(blank());
            }
            out.push_str(blank());
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}

#[test]
fn values_are_told_with_their_paths_inner_ones_first() {
    let text = r#"{"a": [1, {"b":"x\"]"}], "c":null}"#;
    let found = outline(text, 2, &[]);
    let expected = [("a/0", "1"), ("a/1", r#"{"b":"x\"]"}"#), ("a", r#"[1, {"b":"x\"]"}]"#), ("c", "null"), ("", text)];
    assert_eq!(found, expected.map(|(path, value)| (path.to_owned(), value.to_owned())));
}

#[test]
fn a_key_that_is_long_or_escaped_is_not_told() {
    let long = "k".repeat(KEY + 1);
    let found = outline(&format!(r#"{{"{long}":1,"\u0061":2,"b":3}}"#), 1, &[]);
    assert_eq!(found.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["?", "?", "b", ""]);
}

#[test]
fn what_is_not_json_harms_nobody() {
    for text in ["", "]", "}}", "\"", "\"\\", "{\"a", "{:,", "[1", "nul", "{\"a\":}", "[,]", ":\"x\""] {
        Outline::walk(3, text.as_bytes(), |_| {});
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn the_outline_is_that_of_the_tree_however_the_text_is_cut(
        value in json(),
        blanks in prop::collection::vec(any::<u8>(), 1..20),
        cuts in prop::collection::vec(0usize..9, 0..30),
        most in 0usize..5,
    ) {
        prop_assume!(value.is_array() || value.is_object());
        let text = spaced(&value, &blanks);
        let found: Vec<_> = outline(&text, most, &cuts)
            .into_iter()
            .map(|(path, value)| (path, serde_json::from_str::<Value>(&value).unwrap()))
            .collect();
        let mut expected = Vec::new();
        tree(&value, "", most, &mut expected);
        prop_assert_eq!(found, expected);
    }
}
