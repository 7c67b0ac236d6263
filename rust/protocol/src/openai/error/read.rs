//! What a provider's error body says, in whichever of the shapes that are in use.
//!
//! Nobody promises the shape of an error: compatible servers nest it as OpenAI does, put it flat, make `error` the
//! sentence itself, answer as their framework does, or wrap it in a list. One walk over the bytes looks for the places
//! that are known; everything else is passed over, so that an error which quotes a whole prompt costs no more than a
//! scan of it. What is broken or cut says what it said until there. Keys are compared as they are spelt, and one that
//! comes twice counts the last time.
//!
//! | shape | who |
//! |---|---|
//! | `{"error": {message, type, code}}` | OpenAI and most |
//! | `{"type": "error", "error": {type, message, details: {error_code}}}` | Anthropic |
//! | `{"error": {code, message, status}}`, also as the one item of a list | Gemini, Vertex |
//! | `{"error": "...", "code": "..."}` | xAI, Ollama |
//! | `{"object": "error", message, type, code}` | Mistral, older vLLM |
//! | `{message, __type}` | Bedrock, Cohere |
//! | `{"detail": "..."}`, `{"detail": [{"msg": "..."}]}` | FastAPI |
//! | `{status, title, detail}` | NVIDIA (RFC 9457) |
//! | `{"fault": {faultstring, detail: {errorcode}}}` | Apigee |
//! | `{"type": "response.failed", "response": {"error": {code, message}}}` | the Responses API, within a stream |

mod places;
#[cfg(test)]
mod tests;

use memchr::memchr2;
use places::{At, CODES, DEPTH, KINDS, MESSAGES, Next, SLOTS, Slot};
use std::borrow::Cow;

/// How much of a body is looked at, in bytes.
const LOOKED_AT: usize = 64 << 10;

/// What an error body says; each is empty where the body does not say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorBody<'a> {
    /// The machine's word, or number as text.
    pub code: Cow<'a, str>,
    /// The type of error.
    pub kind: Cow<'a, str>,
    /// The sentence.
    pub message: Cow<'a, str>,
}

/// Reads an error body. Any bytes are taken.
pub fn read(body: &[u8]) -> ErrorBody<'_> {
    let mut walk = Walk { rest: body.get(..LOOKED_AT).unwrap_or(body), ..Walk::default() };
    walk.run();
    ErrorBody { code: walk.first(CODES), kind: walk.first(KINDS), message: walk.first(MESSAGES) }
}

/// The walk over one body.
#[derive(Debug, Default)]
struct Walk<'a> {
    rest: &'a [u8],
    open: [At; DEPTH],
    depth: usize,
    next: Next,
    /// Raw text, without its quotes.
    found: [&'a [u8]; SLOTS],
}

impl<'a> Walk<'a> {
    fn run(&mut self) {
        while let Some((&byte, behind)) = self.rest.split_first() {
            let from_here = std::mem::replace(&mut self.rest, behind);
            match byte {
                b'{' | b'[' => self.enter(byte),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.next = (None, None);
                }
                b'"' => self.text(),
                b'-' | b'0'..=b'9' => self.number(from_here),
                b',' => self.next = (None, None),
                _ if self.depth == 0 && !byte.is_ascii_whitespace() => return,
                _ => continue,
            }
            if self.depth == 0 {
                return;
            }
        }
    }

    /// An opening bracket: one that is looked into, or one that is passed over whole.
    fn enter(&mut self, bracket: u8) {
        let at = match (self.depth, bracket) {
            (0, b'{') => Some(At::Root),
            (0, _) => Some(At::List),
            _ => self.next.1.filter(|at| at.bracket() == bracket),
        };
        self.next = (None, None);
        match (at, self.open.get_mut(self.depth)) {
            (Some(at), Some(place)) => {
                *place = at;
                self.depth += 1;
                self.next = at.first_item();
            }
            _ => self.pass_over(),
        }
    }

    /// Goes behind the bracket that closes the one just opened.
    fn pass_over(&mut self) {
        let mut depth = 1_u32;
        while let Some((&byte, behind)) = self.rest.split_first() {
            self.rest = behind;
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 1 => return,
                b'}' | b']' => depth -= 1,
                b'"' => {
                    self.string();
                }
                _ => {}
            }
        }
    }

    /// A string: a key where a colon follows.
    fn text(&mut self) {
        let text = self.string();
        if !self.rest.trim_ascii_start().starts_with(b":") {
            self.take(text);
        } else if let Some(at) = self.depth.checked_sub(1).and_then(|top| self.open.get(top)) {
            self.next = at.member(text);
        }
    }

    /// A number, which only a code can be.
    fn number(&mut self, from_here: &'a [u8]) {
        let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let (number, behind) = from_here.split_at(from_here.iter().take_while(is_part).count());
        self.rest = behind;
        if self.next.0.is_some_and(|slot| CODES.contains(&slot)) {
            self.take(number);
        }
    }

    /// Keeps what was looked for.
    fn take(&mut self, text: &'a [u8]) {
        if let Some(place) = self.next.0.and_then(|slot| self.found.get_mut(slot as usize)) {
            *place = text;
        }
        self.next = (None, None);
    }

    /// The raw text of the string whose opening quote was passed; goes behind its closing one.
    fn string(&mut self) -> &'a [u8] {
        let mut end = 0;
        while let Some(place) = memchr2(b'"', b'\\', self.rest.get(end..).unwrap_or_default()) {
            end += place;
            if self.rest.get(end) == Some(&b'"') {
                let text = self.rest.get(..end).unwrap_or_default();
                self.rest = self.rest.get(end + 1..).unwrap_or_default();
                return text;
            }
            end += 2;
        }
        std::mem::take(&mut self.rest)
    }

    /// The first of these places that is not empty.
    fn first(&self, slots: &[Slot]) -> Cow<'a, str> {
        let texts = slots.iter().map(|slot| (*slot, self.found.get(*slot as usize).copied().unwrap_or_default()));
        let mut from_the_first =
            texts.skip_while(|(slot, text)| text.is_empty() || (*slot == Slot::Type && is_event(text)));
        from_the_first.next().map_or(Cow::Borrowed(""), |(_, text)| unescape(text))
    }
}

/// Whether a type is that of an event or of the whole body, and says nothing of the error.
fn is_event(text: &[u8]) -> bool {
    text == b"error" || text.starts_with(b"response.")
}

/// A string's text; as it was written where it is no JSON.
fn unescape(text: &[u8]) -> Cow<'_, str> {
    let raw = String::from_utf8_lossy(text);
    if !raw.contains('\\') {
        return raw;
    }
    serde_json::from_str(&format!("\"{raw}\"")).map_or(raw, Cow::Owned)
}
