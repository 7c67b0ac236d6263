//! What a stream has said, as far as it is one plain text.

use crate::outline::{Found, Outline};
use crate::sse::whole;
use bytes::Bytes;

/// Gathers the text of a stream of chat completions while it passes.
#[derive(Debug, Default)]
pub struct Said {
    /// The inside of a JSON string: what stood in the chunks, joined. An escape that one chunk began and the next ended
    /// is whole again.
    json: Vec<u8>,
    pieces: u64,
    id: Vec<u8>,
    created: Vec<u8>,
    /// The model has said that it is at its end.
    is_ended: bool,
    is_unfit: bool,
}

/// A text that was said, at least one character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// As the inside of a JSON string.
    pub(super) json: Bytes,
    /// As it is.
    pub(super) plain: String,
    /// In how many pieces it came.
    pub(super) pieces: u64,
    /// What the chunks have as `id` and `created`, as JSON; empty where they have none.
    pub(super) id: Vec<u8>,
    pub(super) created: Vec<u8>,
}

impl Text {
    /// How many bytes of UTF-8 it has.
    pub fn length(&self) -> usize {
        self.plain.len()
    }
}

/// What one chunk says beside its text.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// Where the text stands, without its quotes.
    pub(super) content: Option<std::ops::Range<usize>>,
    pub(super) id: Option<std::ops::Range<usize>>,
    pub(super) created: Option<std::ops::Range<usize>>,
    pub(super) role: Option<std::ops::Range<usize>>,
    pub(super) is_finish: bool,
    /// It says something that is not plain text: a tool call, reasoning, a refusal, a second choice.
    pub(super) is_odd: bool,
}

impl Chunk {
    /// Reads the data of an event.
    pub(super) fn read(data: &[u8]) -> Self {
        let mut chunk = Self::default();
        let is_whole = Outline::walk(4, data, |found: &Found<'_>| chunk.see(data, found));
        chunk.is_odd |= !is_whole;
        chunk
    }

    fn see(&mut self, data: &[u8], found: &Found<'_>) {
        let place = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
        let range = place(found.range.start)..place(found.range.end);
        let Some(value) = data.get(range.clone()) else { return };
        match found.path {
            [top] if top.key() == Some(b"id") => self.id = Some(range),
            [top] if top.key() == Some(b"created") => self.created = Some(range),
            [top, choice] if top.key() == Some(b"choices") => self.is_odd |= choice.item() != Some(0),
            [top, _, member] if top.key() == Some(b"choices") => match member.key() {
                Some(b"finish_reason") => self.is_finish |= !is_empty(value),
                Some(b"index") => self.is_odd |= value != b"0",
                Some(b"delta") => self.is_odd |= found.first != b'{',
                Some(b"logprobs") => self.is_odd |= !is_empty(value),
                _ => {}
            },
            [top, _, within, member] if top.key() == Some(b"choices") && within.key() == Some(b"delta") => {
                match (member.key(), found.first) {
                    (Some(b"content"), b'"') => self.content = Some(range.start + 1..range.end - 1),
                    (Some(b"role"), _) => self.role = Some(range),
                    _ => self.is_odd |= !is_empty(value),
                }
            }
            _ => {}
        }
    }
}

/// Whether a value says nothing: null, or a string, a list or an object with nothing in it.
fn is_empty(value: &[u8]) -> bool {
    value == b"null" || value == b"\"\"" || {
        let inside = value.get(1..value.len().saturating_sub(1)).unwrap_or_default();
        matches!(value.first(), Some(b'[' | b'{')) && inside.trim_ascii().is_empty()
    }
}

impl Said {
    /// How much of a text is gathered, in bytes as it is written in JSON; one that is longer is not continued.
    pub const CAP: usize = 256 << 10;

    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes whole events that pass.
    pub fn take(&mut self, events: &[u8]) {
        for event in whole::events(events) {
            self.event(&event);
        }
    }

    /// What passed was not seen: the text is not known any more.
    pub fn lose(&mut self) {
        self.is_unfit = true;
        self.json = Vec::new();
    }

    fn event(&mut self, event: &whole::Whole<'_>) {
        let data = event.data();
        if self.is_unfit || data.is_empty() || data.starts_with(b"[DONE]") {
            return;
        }
        let chunk = Chunk::read(&data);
        let content = chunk.content.clone().and_then(|range| data.get(range)).unwrap_or_default();
        if chunk.is_odd || self.json.len() + content.len() > Self::CAP {
            return self.lose();
        }
        self.is_ended |= chunk.is_finish;
        self.pieces += u64::from(!content.is_empty());
        self.json.extend_from_slice(content);
        for (kept, range) in [(&mut self.id, chunk.id), (&mut self.created, chunk.created)] {
            if kept.is_empty() {
                kept.extend_from_slice(range.and_then(|range| data.get(range)).unwrap_or_default());
            }
        }
    }

    /// Whether all that came is plain text, or none at all.
    pub const fn is_plain(&self) -> bool {
        !self.is_unfit
    }

    /// The text; none where it cannot be continued: it is not plain, too long, empty or at its end, or it breaks off
    /// within a character.
    pub fn text(self) -> Option<Text> {
        if self.is_unfit || self.is_ended || self.json.is_empty() {
            return None;
        }
        let plain = decode(&self.json)?;
        let Self { json, pieces, id, created, .. } = self;
        Some(Text { json: json.into(), plain, pieces, id, created })
    }
}

/// What stands inside a JSON string.
pub(super) fn decode(json: &[u8]) -> Option<String> {
    serde_json::from_slice(&[b"\"", json, b"\""].concat()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(delta: &str) -> String {
        format!(
            "data: {{\"id\":\"c-1\",\"created\":7,\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null}}]}}\n\n"
        )
    }

    fn text(events: &[String]) -> Option<String> {
        let mut said = Said::new();
        for event in events {
            said.take(event.as_bytes());
        }
        said.text().map(|text| text.plain)
    }

    #[test]
    fn the_text_is_what_the_deltas_say_together() {
        let events =
            [r#"{"role":"assistant","content":"","refusal":null}"#, r#"{"content":"a\"\u00e9"}"#, r#"{"content":"b"}"#];
        let mut said = Said::new();
        said.take(events.map(chunk).concat().as_bytes());
        said.take(b": keep-alive\n\n");
        let text = said.text().unwrap();
        assert_eq!((text.plain.as_str(), text.pieces, text.length()), ("a\"\u{e9}b", 2, 5));
        assert_eq!((text.id.as_slice(), text.created.as_slice()), (b"\"c-1\"".as_slice(), b"7".as_slice()));
        assert_eq!(&text.json[..], br#"a\"\u00e9b"#);
    }

    #[test]
    fn a_pair_of_escapes_that_two_chunks_share_is_one_character() {
        let halves = [chunk(r#"{"content":"\ud83d"}"#), chunk(r#"{"content":"\udeb0"}"#)];
        assert_eq!(text(&halves[..1]), None, "it breaks off within a character");
        assert_eq!(text(&halves).as_deref(), Some("\u{1f6b0}"));
    }

    #[test]
    fn what_is_not_plain_text_is_not_continued() {
        for delta in [
            r#"{"content":"a","tool_calls":[{"index":0,"function":{"name":"f"}}]}"#,
            r#"{"reasoning_content":"hm"}"#,
            r#"{"reasoning":"hm"}"#,
            r#"{"refusal":"no"}"#,
            r#"{"content":[{"type":"text","text":"a"}]}"#,
            r#"{"audio":{"id":"a"}}"#,
            r#"{"something_new":1}"#,
        ] {
            assert_eq!(text(&[chunk(r#"{"content":"a"}"#), chunk(delta)]), None, "{delta}");
        }
        for data in [
            r#"{"choices":[{"index":1,"delta":{"content":"a"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[1]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"}}]"#,
            r#"{"choices":[{"index":0,"delta":{"content":"\x"}}]}"#,
        ] {
            assert_eq!(text(&[format!("data: {data}\n\n")]), None, "{data}");
        }
        assert_eq!(text(&[chunk(r#"{"role":"assistant"}"#)]), None, "nothing was said");
        assert_eq!(
            text(&[chunk(r#"{"content":"a"}"#), chunk(r#"{"reasoning":null,"annotations":[ ]}"#)]).as_deref(),
            Some("a")
        );
    }

    #[test]
    fn a_text_that_is_too_long_is_forgotten() {
        let mut said = Said::new();
        for _ in 0..=Said::CAP / 1000 {
            said.take(chunk(&format!("{{\"content\":\"{}\"}}", "x".repeat(1000))).as_bytes());
        }
        assert!(!said.is_plain() && said.json.capacity() == 0 && said.text().is_none());
    }
}
