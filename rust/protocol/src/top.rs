//! The top-level values of a JSON body that a scan has passed, found when somebody asks.
//!
//! Most calls need nothing of their body but what [`Scan`](crate::scan::Scan) keeps. Those that do need more walk it once
//! more, as far as what they look for. The grammar is not checked again: of a body that no scan has passed, the answers
//! mean nothing.

mod cursor;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use cursor::Cursor;

/// How much of a prompt tells whether two begin alike.
pub const PREFIX: usize = 1024;

/// What makes a call do something at the provider, or keep something there, where it is neither `null` nor `false`:
/// `OpenAI`'s search, conversations and answers in the background, plugins of `OpenRouter`, servers of tools.
const ACTS: [&[u8]; 5] = [b"web_search_options", b"conversation", b"background", b"plugins", b"mcp_servers"];

/// The first [`PREFIX`] bytes of the prompt as it is spelt: of `messages`, `input` or `prompt`, whichever comes first.
pub fn prompt<'b>(pieces: &[Bytes], buffer: &'b mut [u8; PREFIX]) -> Option<&'b [u8]> {
    let mut cursor = Cursor::new(pieces);
    while let Some(key) = cursor.key() {
        if matches!(key.name(), b"messages" | b"input" | b"prompt") {
            let copied = cursor.copy(buffer);
            let mut within = Cursor::of(&buffer[..copied]);
            within.skip_value();
            let length = within.passed();
            return Some(&buffer[..length]);
        }
        cursor.skip_value();
    }
    None
}

/// The string at a key, as it is spelt; none where the key is not there, or its value is no string or is empty.
pub fn text(pieces: &[Bytes], name: &[u8]) -> Option<Vec<u8>> {
    let value = find(pieces, |key| key == name)?;
    let text = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    (!text.is_empty()).then(|| text.to_vec())
}

/// Whether a second run of the call could do something at the provider: it has tools of another type than `function`, or
/// asks for what else runs or is kept there. What cannot be told counts as if it did.
pub fn acts_at_provider(pieces: &[Bytes]) -> bool {
    let mut cursor = Cursor::new(pieces);
    while let Some(key) = cursor.key() {
        let acts = match key.name() {
            b"tools" => !are_functions(&cursor.value()),
            name if ACTS.contains(&name) => !matches!(&*cursor.value(), b"null" | b"false"),
            _ => {
                cursor.skip_value();
                false
            }
        };
        if acts {
            return true;
        }
    }
    false
}

/// The value that begins at a place which a scan has noted, as it is spelt.
pub(crate) fn value_at(pieces: &[Bytes], start: u64) -> Vec<u8> {
    let mut skipped = 0;
    for (index, piece) in pieces.iter().enumerate() {
        let length = piece.len() as u64;
        if start < skipped + length {
            let offset = usize::try_from(start - skipped).unwrap_or(piece.len());
            return Cursor::within(&piece[offset..], &pieces[index + 1..]).value();
        }
        skipped += length;
    }
    Vec::new()
}

/// The value at the first key that pleases.
fn find(pieces: &[Bytes], mut pleases: impl FnMut(&[u8]) -> bool) -> Option<Vec<u8>> {
    let mut cursor = Cursor::new(pieces);
    while let Some(key) = cursor.key() {
        if pleases(key.name()) {
            return Some(cursor.value());
        }
        cursor.skip_value();
    }
    None
}

/// Whether tools run at the caller alone; none do as well.
fn are_functions(tools: &[u8]) -> bool {
    let Ok(tools) = serde_json::from_slice::<serde_json::Value>(tools) else { return false };
    let is_function = |tool: &serde_json::Value| tool.get("type").is_some_and(|kind| kind == "function");
    tools.is_null() || tools.as_array().is_some_and(|tools| tools.iter().all(is_function))
}
