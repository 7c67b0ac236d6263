//! Whether a streamed chat asks to be told what it used, and how it is made to ask.
//!
//! Source: `stream_options.include_usage` of chat completions and completions. One chunk more comes then, with an empty
//! list of choices; a caller that did not ask does not expect it, and some take the first choice of each chunk.

use super::walk::{Stop, Walk};
use crate::sse::whole;
use crate::top::value_at;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::ops::Range;

/// What stands behind the model's name in the body of a call that is made to ask.
pub const ASKS: &[u8] = b",\"stream_options\":{\"include_usage\":true}";

/// How a call stands to usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asking {
    /// It asks.
    Asks,
    /// It does not, and [`ASKS`] can stand behind its model.
    Silent,
    /// It has options, which must be others: where, and which.
    Otherwise(Range<u64>, Bytes),
    /// It has options that are none, which are its provider's to judge.
    Odd,
}

impl Asking {
    /// Reads a body that a scan has passed; `options`: where the value of its `stream_options` begins, if it has any.
    pub fn read(pieces: &[Bytes], options: Option<u64>) -> Self {
        let Some(start) = options else { return Self::Silent };
        if asks(pieces, start) {
            return Self::Asks;
        }
        let value = value_at(pieces, start);
        let range = start..start + value.len() as u64;
        let mut options = match serde_json::from_slice(&value) {
            Ok(Value::Object(options)) => options,
            Ok(Value::Null) => Map::new(),
            Ok(_) | Err(_) => return Self::Odd,
        };
        match options.get("include_usage") {
            Some(Value::Bool(true)) => return Self::Asks,
            None | Some(Value::Bool(false) | Value::Null) => {}
            Some(_) => return Self::Odd,
        }
        options.insert("include_usage".to_owned(), Value::Bool(true));
        Self::Otherwise(range, Value::Object(options).to_string().into())
    }

    /// Whether the caller does not expect to be told, when its call was made to ask.
    pub const fn withholds(&self) -> bool {
        matches!(self, Self::Silent | Self::Otherwise(..))
    }
}

/// Whether options ask, as they nearly always do where they are there; read where they stand, in one piece.
fn asks(pieces: &[Bytes], start: u64) -> bool {
    let mut skipped = 0;
    let piece = pieces.iter().find(|piece| {
        skipped += piece.len() as u64;
        start < skipped
    });
    let Some(piece) = piece else { return false };
    let before = usize::try_from(skipped - start).unwrap_or_default();
    let mut asks = false;
    let walked = Walk::new(&piece[piece.len() - before.min(piece.len())..]).object(|walk, key| {
        if key == b"include_usage" {
            asks = walk.peek()? == b't' && walk.word()? == b"true";
            return if asks { Ok(()) } else { Err(Stop::Odd) };
        }
        walk.skip()
    });
    walked.is_ok() && asks
}

/// Whole events of a chat without those that say what was used and have no choices.
pub fn withhold(events: &Bytes) -> Bytes {
    let mut kept: Option<Bytes> = None;
    let mut at = 0;
    for event in whole::events(events) {
        let range = at..at + event.raw.len();
        at = range.end;
        kept = match (kept, is_usage_alone(&event.data())) {
            (None, false) => None,
            (None, true) => Some(events.slice(..range.start)),
            (kept, true) => kept,
            (Some(kept), false) if kept.is_empty() => Some(events.slice(range)),
            (Some(kept), false) => Some([&kept[..], event.raw].concat().into()),
        };
    }
    kept.unwrap_or_else(|| events.clone())
}

fn is_usage_alone(data: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Chunk {
        choices: Vec<IgnoredAny>,
        usage: Option<IgnoredAny>,
    }
    serde_json::from_slice(data).is_ok_and(|chunk: Chunk| chunk.choices.is_empty() && chunk.usage.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Scan;
    use proptest::prelude::*;

    fn read(body: &str, size: usize) -> (Asking, Vec<Bytes>) {
        let pieces: Vec<_> = body.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
        let mut scan = Scan::new();
        pieces.iter().try_for_each(|piece| scan.push(piece)).expect("good");
        (Asking::read(&pieces, scan.finish().expect("good").stream_options), pieces)
    }

    #[test]
    fn a_call_asks_is_silent_asks_for_otherwise_or_is_odd() {
        let otherwise = |range, options: &str| Asking::Otherwise(range, Bytes::from(options.to_owned()));
        for (options, asking) in [
            ("", Asking::Silent),
            (r#""stream_options":{"include_usage":true},"#, Asking::Asks),
            (r#""stream_options" : { "include_obfuscation":false , "include_usage" : true },"#, Asking::Asks),
            (r#""stream_options":{},"#, otherwise(18..20, r#"{"include_usage":true}"#)),
            (r#""stream_options":null,"#, otherwise(18..22, r#"{"include_usage":true}"#)),
            (r#""stream_options":{"include_usage":false},"#, otherwise(18..41, r#"{"include_usage":true}"#)),
            (r#""stream_options":{"include_usage":null},"#, otherwise(18..40, r#"{"include_usage":true}"#)),
            (
                r#""stream_options":{"include_obfuscation":false},"#,
                otherwise(18..47, r#"{"include_obfuscation":false,"include_usage":true}"#),
            ),
            (r#""stream_options":{"include_usage":"yes"},"#, Asking::Odd),
            (r#""stream_options":[],"#, Asking::Odd),
            (r#""stream_options":"x","#, Asking::Odd),
            (r#""metadata":{"stream_options":{"include_usage":true}},"#, Asking::Silent),
            (r#""stream_option\u0073":{"include_usage":true},"#, Asking::Asks),
        ] {
            let body = format!(r#"{{{options}"model":"m","stream":true}}"#);
            for size in [1, 3, 1_000] {
                assert_eq!(read(&body, size).0, asking, "{body}");
            }
        }
    }

    const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":4}}\n\n";
    const CHUNK: &str = "data: {\"choices\":[{\"delta\":{}}],\"usage\":{\"total_tokens\":4}}\n\n";
    const FILTERED: &str = "data: {\"choices\":[],\"usage\":null,\"prompt_filter_results\":[]}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    #[test]
    fn a_chunk_is_withheld_that_has_usage_and_no_choices() {
        for (events, left) in [
            (vec![], vec![]),
            (vec![CHUNK, DONE], vec![CHUNK, DONE]),
            (vec![CHUNK, USAGE, DONE], vec![CHUNK, DONE]),
            (vec![USAGE, DONE], vec![DONE]),
            (vec![CHUNK, USAGE], vec![CHUNK]),
            (vec![USAGE, USAGE], vec![]),
            (vec![CHUNK, USAGE, CHUNK, USAGE, DONE], vec![CHUNK, CHUNK, DONE]),
            (vec![FILTERED, ": USAGE\n\n", DONE], vec![FILTERED, ": USAGE\n\n", DONE]),
        ] {
            assert_eq!(withhold(&Bytes::from(events.concat())), left.concat(), "{events:?}");
        }
        let whole = Bytes::from([CHUNK, DONE].concat());
        assert_eq!(withhold(&whole).as_ptr(), whole.as_ptr(), "not copied");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn what_is_withheld_is_usage_alone(
            events in prop::collection::vec(prop::sample::select(vec![USAGE, CHUNK, FILTERED, DONE, ": c\n\n"]), 0..9),
        ) {
            let left: Vec<_> = events.iter().copied().filter(|event| *event != USAGE).collect();
            prop_assert_eq!(withhold(&Bytes::from(events.concat())), left.concat());
        }
    }
}
