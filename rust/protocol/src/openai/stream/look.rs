//! Looks at the data of one event: a whole JSON value, which nobody has checked. What is not JSON finds nothing.

use memchr::memchr2;
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// The keys under which a delta carries text, in the dialect and in what compatible servers add to it.
const TEXTS: &[&[u8]] = &[
    b"content",
    b"refusal",
    b"reasoning_content",
    b"reasoning",
    b"text",
    b"arguments",
    b"input",
    b"transcript",
    b"data",
];

static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"error\""));
static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finish_reason\""));

/// Whether the event says that the call failed: a top-level `error` that is not empty (libraries raise on it), or
/// `"object": "error"` at the top.
pub(super) fn is_error(data: &[u8]) -> bool {
    if ERROR.find(data).is_none() {
        return false;
    }
    let is_full = |value: &[u8]| {
        let inside = value[1..].trim_ascii_start();
        match value[0] {
            b'{' => !inside.starts_with(b"}"),
            b'"' => !inside.starts_with(b"\""),
            b'n' | b'f' => false,
            _ => true,
        }
    };
    value_at_top(data, b"error").is_some_and(is_full) || text_at_top(data, b"object") == b"error"
}

/// The first finish reason of a choice that is not null, as raw text.
pub(super) fn finish_reason(data: &[u8]) -> Option<&[u8]> {
    FINISH.find_iter(data).find_map(|place| {
        let behind = data[place + b"\"finish_reason\"".len()..].trim_ascii_start();
        let text = behind.strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
        Some(&text[..string_end(text)])
    })
}

/// The raw text of the string `key` in the object `object`, wherever that stands; empty if there is none.
pub(super) fn text_in<'a>(data: &'a [u8], object: &[u8], key: &[u8]) -> &'a [u8] {
    let found = members(data).find(|(_, name, value)| *name == object && value.starts_with(b"{"));
    found.map_or(&[], |(_, _, value)| text_at_top(object_of(value), key))
}

/// The object under a top-level key, as raw text.
pub(super) fn object_at_top<'a>(data: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    value_at_top(data, key).filter(|value| value.starts_with(b"{")).map(object_of)
}

/// Whether a delta holds text, or the name of a tool, that is not empty.
pub(super) fn has_content(data: &[u8]) -> bool {
    let mut is_call = false;
    members(data).any(|(_, key, value)| {
        is_call = is_call || matches!(key, b"tool_calls" | b"function_call");
        (TEXTS.contains(&key) || (is_call && key == b"name")) && is_nonempty(value)
    })
}

/// Whether a `name`, at whatever depth, is a string that is not empty.
pub(super) fn has_name(data: &[u8]) -> bool {
    members(data).any(|(_, key, value)| key == b"name" && is_nonempty(value))
}

/// The raw text of a string at the top level; empty if there is none.
pub(super) fn text_at_top<'a>(data: &'a [u8], key: &[u8]) -> &'a [u8] {
    value_at_top(data, key).and_then(|value| value.strip_prefix(b"\"")).map_or(&[], |text| &text[..string_end(text)])
}

/// What begins with the value of a top-level key; never empty.
fn value_at_top<'a>(data: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    members(data).find(|(depth, name, _)| *depth == 1 && *name == key).map(|(_, _, value)| value)
}

/// The object that `value` begins with: all of it if its end is missing.
fn object_of(value: &[u8]) -> &[u8] {
    let (mut at, mut depth) = (0, 0_u32);
    while let Some(byte) = value.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return &value[..at],
            b'}' | b']' => depth -= 1,
            b'"' => at += string_end(&value[at..]) + 1,
            _ => {}
        }
    }
    value
}

/// Whether a value is a string or a list with something in it.
fn is_nonempty(value: &[u8]) -> bool {
    match value {
        [b'"', next, ..] => *next != b'"',
        [b'[', inside @ ..] => !inside.trim_ascii_start().starts_with(b"]"),
        _ => false,
    }
}

/// All members of all objects, in the order of the text: depth (1 at the top), raw key, and what begins with the value.
fn members(data: &[u8]) -> impl Iterator<Item = (u32, &[u8], &[u8])> {
    let mut rest = data;
    let mut depth = 0_u32;
    std::iter::from_fn(move || {
        loop {
            let (byte, behind) = rest.split_first()?;
            rest = behind;
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b'"' => {
                    let end = string_end(rest);
                    let text = &rest[..end];
                    rest = rest.get(end + 1..)?;
                    let value = rest.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start);
                    if let Some(value) = value.filter(|value| !value.is_empty()) {
                        return Some((depth, text, value));
                    }
                }
                _ => {}
            }
        }
    })
}

/// Where the string that begins with `text` ends: the place of its closing quote, or the end of the text.
fn string_end(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(place) = memchr2(b'"', b'\\', &text[at..]) {
        if text[at + place] == b'"' {
            return at + place;
        }
        at = (at + place + 2).min(text.len());
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_counts_at_the_top_level_and_with_something_in_it() {
        for (data, error) in [
            (r#"{"error":{"message":"m"}}"#, true),
            (r#"{"id":"x", "error" : "overloaded"}"#, true),
            (r#"{"object":"error","message":"m"}"#, true),
            (r#"{"object": "error"}"#, true),
            (r#"{"error":null,"choices":[]}"#, false),
            (r#"{"error":{}}"#, false),
            (r#"{"error":{ } }"#, false),
            (r#"{"error":""}"#, false),
            (r#"{"error":false}"#, false),
            (r#"{"response":{"error":{"message":"m"}}}"#, false),
            (r#"{"text":"{\"error\":{\"message\":\"m\"}}"}"#, false),
            (r#"{"text":"error"}"#, false),
            (r#"{"text":"\\","error":1}"#, true),
            (r#""error""#, false),
            ("", false),
        ] {
            assert_eq!(is_error(data.as_bytes()), error, "{data}");
        }
    }

    #[test]
    fn an_object_ends_where_its_braces_do() {
        for (data, object) in [
            (r#"{"type":"x","response":{"a":{"b":["}"]},"c":"\"}"},"d":{}}"#, Some(r#"{"a":{"b":["}"]},"c":"\"}"}"#)),
            (r#"{"response":{}}"#, Some("{}")),
            (r#"{"response":{"a":1"#, Some(r#"{"a":1"#)),
            (r#"{"response":{"a":"1"#, Some(r#"{"a":"1"#)),
            (r#"{"response":[]}"#, None),
            (r#"{"x":{"response":{}}}"#, None),
        ] {
            assert_eq!(object_at_top(data.as_bytes(), b"response"), object.map(str::as_bytes), "{data}");
        }
    }

    #[test]
    fn content_is_text_that_is_not_empty_or_the_name_of_a_tool() {
        for (delta, content) in [
            (r#"{"role":"assistant","content":""}"#, false),
            (r#"{"role":"assistant","content":null,"refusal":null}"#, false),
            (r#"{"content":[]}"#, false),
            ("{}", false),
            (r#"{"name":"bob"}"#, false),
            (r#"{"content" : "a"}"#, true),
            (r#"{"content":"\""}"#, true),
            (r#"{"content":[{"type":"text"}]}"#, true),
            (r#"{"refusal":"no"}"#, true),
            (r#"{"reasoning_content":"hm"}"#, true),
            (r#"{"reasoning":"hm"}"#, true),
            (r#"{"audio":{"id":"a","transcript":"x"}}"#, true),
            (r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}"#, true),
            (r#"{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}"#, true),
            (r#"{"function_call":{"name":"f"}}"#, true),
            (r#"{"tool_calls":[{"index":0,"type":"custom","custom":{"input":"x"}}]}"#, true),
        ] {
            let chunk = format!(r#"{{"id":"1","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#);
            assert_eq!(has_content(chunk.as_bytes()), content, "{delta}");
        }
        assert!(has_content(br#"{"choices":[{"text":"a"}]}"#), "legacy completions");
    }

    #[test]
    fn a_finish_reason_is_one_that_is_not_null_and_not_quoted_in_text() {
        assert_eq!(
            finish_reason(br#"{"choices":[{"finish_reason":null},{"finish_reason": "stop"}]}"#),
            Some(&b"stop"[..])
        );
        assert_eq!(finish_reason(br#"{"choices":[{"finish_reason":null}]}"#), None);
        assert_eq!(finish_reason(br#"{"content":"\"finish_reason\":\"stop\""}"#), None);
    }

    #[test]
    fn what_is_not_json_finds_nothing_and_harms_nobody() {
        for data in ["\"", "\"\\", "{\"a", "{\"type\":", "{\"type\":\"", "}}}\"error\":", "\"error\":\"\\"] {
            is_error(data.as_bytes());
            has_content(data.as_bytes());
            finish_reason(data.as_bytes());
            object_at_top(data.as_bytes(), b"error");
            text_in(data.as_bytes(), b"a", b"b");
            assert_eq!(text_at_top(data.as_bytes(), b"type"), b"");
        }
    }
}
