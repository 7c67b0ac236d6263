//! Looks into JSON without a tree: the few fields that a load needs of answers that somebody else judges.
//!
//! A key with its quotes cannot occur within a string, where a quote stands behind a backslash; so searching for the
//! bytes finds keys (and strings that are values, which no colon follows).

use memchr::memchr2;
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// A key, wherever it stands.
pub(crate) struct Key(LazyLock<Finder<'static>>);

macro_rules! keys {
    ($($name:ident = $text:literal;)*) => {
        $(pub(crate) static $name: Key = Key(LazyLock::new(|| Finder::new(concat!("\"", $text, "\"").as_bytes())));)*
    };
}

keys! {
    ARGUMENTS = "arguments";
    COMPLETION_TOKENS = "completion_tokens";
    CONTENT = "content";
    DELTA = "delta";
    ERROR = "error";
    INPUT_TOKENS = "input_tokens";
    MESSAGE = "message";
    NAME = "name";
    OUTPUT_TEXT = "output_text";
    OUTPUT_TOKENS = "output_tokens";
    PROMPT_TOKENS = "prompt_tokens";
    REASONING = "reasoning";
    REASONING_CONTENT = "reasoning_content";
    REFUSAL = "refusal";
    STREAM = "stream";
    TEXT = "text";
    TOOL_CALLS = "tool_calls";
    TOTAL_TOKENS = "total_tokens";
    TYPE = "type";
    USAGE = "usage";
}

impl Key {
    /// What begins with the values of the key, in the order of the text.
    pub(crate) fn values<'a>(&'static self, data: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let length = self.0.needle().len();
        self.0.find_iter(data).filter_map(move |at| {
            let value = data[at + length..].trim_ascii_start().strip_prefix(b":")?;
            Some(value.trim_ascii_start())
        })
    }

    /// What begins with the first value of the key.
    pub(crate) fn value<'a>(&'static self, data: &'a [u8]) -> Option<&'a [u8]> {
        self.values(data).next()
    }

    /// What stands behind the first occurrence of the key, be it a key or a string.
    pub(crate) fn behind<'a>(&'static self, data: &'a [u8]) -> Option<&'a [u8]> {
        self.0.find(data).map(|at| &data[at + self.0.needle().len()..])
    }

    /// Whether some value of the key is a string with something in it.
    pub(crate) fn has_text(&'static self, data: &[u8]) -> bool {
        self.values(data).any(|value| matches!(value, [b'"', next, ..] if *next != b'"'))
    }
}

/// The raw content of the string that a value begins with, escapes as they came; `None`: it is no string.
pub(crate) fn string(value: &[u8]) -> Option<&[u8]> {
    let text = value.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        let place = at + memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[place] == b'"' {
            return Some(&text[..place]);
        }
        at = place + 2;
    }
}

/// The whole number that a value begins with.
pub(crate) fn number(value: &[u8]) -> Option<u64> {
    let digits = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    std::str::from_utf8(&value[..digits]).ok()?.parse().ok()
}

/// Whether the bytes could be a JSON object or list: by the first and the last of them.
pub(crate) fn looks_whole(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii(), [b'{', .., b'}'] | [b'[', .., b']'])
}

/// Whether the bytes are JSON.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// Whether the bytes are an object that states an error: its own, not one of its parts.
pub(crate) fn states_error(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Top {
        error: Option<serde::de::IgnoredAny>,
    }
    // Nearly all data ends here, and is not parsed.
    let is_stated = |value: &[u8]| matches!(value, [b'{', ..]) || matches!(value, [b'"', next, ..] if *next != b'"');
    ERROR.values(bytes).any(is_stated) && serde_json::from_slice::<Top>(bytes).is_ok_and(|top| top.error.is_some())
}

/// Tokens, as an answer states them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
    pub(crate) total_tokens: u64,
}

impl Usage {
    /// Looked for near the end of an answer first, where it stands as a rule.
    const NEAR: usize = 4096;

    /// The usage of a whole answer.
    pub(crate) fn of_body(body: &[u8]) -> Option<Self> {
        let near = &body[body.len().saturating_sub(Self::NEAR)..];
        Self::of(near).or_else(|| if near.len() < body.len() { Self::of(body) } else { None })
    }

    /// The last usage in some data that is an object.
    pub(crate) fn of(data: &[u8]) -> Option<Self> {
        let object = USAGE.values(data).filter(|value| value.starts_with(b"{")).last()?;
        let count = |keys: [&'static Key; 2]| keys.iter().find_map(|key| key.value(object).and_then(number));
        let prompt_tokens = count([&PROMPT_TOKENS, &INPUT_TOKENS]).unwrap_or(0);
        let completion_tokens = count([&COMPLETION_TOKENS, &OUTPUT_TOKENS]).unwrap_or(0);
        let total_tokens = TOTAL_TOKENS.value(object).and_then(number).unwrap_or(prompt_tokens + completion_tokens);
        Some(Self { prompt_tokens, completion_tokens, total_tokens })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn usage_is_the_last_object_of_that_name_in_either_spelling() {
        let usage = |prompt_tokens, completion_tokens, total_tokens| {
            Some(Usage { prompt_tokens, completion_tokens, total_tokens })
        };
        for (data, expected) in [
            (r#"{"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#, usage(3, 4, 7)),
            (r#"{"usage": {"input_tokens" : 3, "output_tokens": 4}}"#, usage(3, 4, 7)),
            (r#"{"usage":{"prompt_tokens_details":{},"prompt_tokens":3}}"#, usage(3, 0, 3)),
            (r#"{"usage":null}"#, None),
            (r#"{"content":"\"usage\":{\"prompt_tokens\":3}"}"#, None),
            (r#"{"a":"usage","usage":{"total_tokens":9}}"#, usage(0, 0, 9)),
            ("", None),
        ] {
            assert_eq!(Usage::of_body(data.as_bytes()), expected, "{data}");
        }
        let early = format!(r#"{{"usage":{{"total_tokens":9}},"text":"{}"}}"#, "x".repeat(9000));
        assert_eq!(Usage::of_body(early.as_bytes()), usage(0, 0, 9));
    }

    #[test]
    fn a_string_ends_at_its_quote_and_keeps_its_escapes() {
        assert_eq!(string(br#""a\"b\\" rest"#), Some(&br#"a\"b\\"#[..]));
        for odd in [r#""a"#, r#""a\"#, r#""a\""#, "1", ""] {
            assert_eq!(string(odd.as_bytes()), None, "{odd}");
        }
    }
}
