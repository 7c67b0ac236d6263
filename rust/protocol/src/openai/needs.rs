//! What a call needs of a model besides plain text, read off its body.
//!
//! What stands at the top level the one scan has noted ([`Asks`]). Parts of messages stand anywhere below; each names its
//! kind in its member `type`, and so does the form of an answer. They are found by a search for that member: within a
//! string every quote is escaped, so an unescaped `"type"` with a colon behind it is a key. A key or kind that is spelt
//! with escapes is not seen, and the provider judges such a call.

use crate::scan::Asks;
use bytes::Bytes;
use memchr::memmem::Finder;

/// One thing that a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Tools are offered.
    Tools,
    /// A part of a message is an image.
    Images,
    /// A part of a message is sound, or the answer is to be.
    Audio,
    /// A part of a message is a file.
    Files,
    /// The answer has to fit a JSON Schema.
    JsonSchema,
    /// It is said how to think.
    Reasoning,
}

/// Calls `take` with what the body in `pieces`, of which a scan has noted `asks`, needs; perhaps more than once with the
/// same. The body is whole JSON; it may be cut anywhere.
pub fn each(pieces: &[Bytes], asks: Asks, mut take: impl FnMut(Need)) {
    let noted = [(asks.tools(), Need::Tools), (asks.audio(), Need::Audio), (asks.reasoning(), Need::Reasoning)];
    noted.into_iter().filter(|(is_asked, _)| *is_asked).for_each(|(_, need)| take(need));
    if asks.modalities() {
        values(pieces, b"\"modalities\"", |value| {
            if value.next() == Some(b'[') && lists(value, b"audio") {
                take(Need::Audio);
            }
        });
    }
    values(pieces, b"\"type\"", |value| {
        if let Some(need) = kind(value) {
            take(need);
        }
    });
}

/// What a part of this type needs. Source: the content parts and forms of answers of the chat completions and responses
/// APIs.
fn kind(value: &mut dyn Iterator<Item = u8>) -> Option<Need> {
    let mut word = [0; 24];
    if value.next() != Some(b'"') {
        return None;
    }
    match text(value, &mut word)? {
        b"image_url" | b"input_image" | b"image_file" | b"computer_screenshot" => Some(Need::Images),
        b"input_audio" => Some(Need::Audio),
        b"file" | b"input_file" => Some(Need::Files),
        b"json_schema" => Some(Need::JsonSchema),
        _ => None,
    }
}

/// A string up to its closing quote, unless it is longer than `room` or has escapes.
fn text<'r>(bytes: &mut dyn Iterator<Item = u8>, room: &'r mut [u8]) -> Option<&'r [u8]> {
    for (length, byte) in bytes.enumerate() {
        match byte {
            b'"' => return room.get(..length),
            b'\\' => return None,
            _ => *room.get_mut(length)? = byte,
        }
    }
    None
}

/// Whether a list of strings, behind its opening bracket, has `word` in it.
fn lists(bytes: &mut dyn Iterator<Item = u8>, word: &[u8]) -> bool {
    let mut room = [0; 24];
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if text(bytes, &mut room) == Some(word) => return true,
            b']' => return false,
            _ => {}
        }
    }
    false
}

/// Calls `see` with what stands behind each `key`, its colon and the white space around that.
fn values(pieces: &[Bytes], key: &[u8], mut see: impl FnMut(&mut dyn Iterator<Item = u8>)) {
    let finder = Finder::new(key);
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
    let mut look = |piece: usize, behind: usize| {
        let mut rest = from(pieces, piece, behind).skip_while(is_space);
        if rest.next() == Some(b':') {
            see(&mut rest.skip_while(is_space));
        }
    };
    for (number, piece) in pieces.iter().enumerate() {
        finder.find_iter(piece).for_each(|at| look(number, at + key.len()));
        // Those that the end of the piece cuts.
        let cut = piece.len().saturating_sub(key.len() - 1);
        for at in (cut..piece.len()).filter(|at| piece[*at] == key[0]) {
            if from(pieces, number, at).take(key.len()).eq(key.iter().copied()) && at + key.len() > piece.len() {
                look(number, at + key.len());
            }
        }
    }
}

/// The bytes from a place of a piece on; the place may lie beyond its end.
fn from(pieces: &[Bytes], piece: usize, at: usize) -> impl Iterator<Item = u8> {
    let here = pieces[piece].get(at..).unwrap_or_default();
    let beyond = at.saturating_sub(pieces[piece].len());
    let later = pieces[piece + 1..].iter().flat_map(|piece| piece.iter());
    here.iter().chain(later.skip(beyond)).copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::scan::Scan;

    fn needs(pieces: &[Bytes]) -> Vec<Need> {
        let mut scan = Scan::new();
        for piece in pieces {
            scan.push(piece).unwrap();
        }
        let mut found = Vec::new();
        each(pieces, scan.fields().unwrap().asks, |need| {
            if !found.contains(&need) {
                found.push(need);
            }
        });
        found
    }

    /// What a body needs, wherever it is cut.
    fn of(body: &str) -> Vec<Need> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let whole = needs(std::slice::from_ref(&body));
        for cut in 0..=body.len() {
            assert_eq!(needs(&[body.slice(..cut), body.slice(cut..)]), whole, "cut at {cut}");
        }
        let bytes: Vec<_> = (0..body.len()).map(|at| body.slice(at..=at)).collect();
        assert_eq!(needs(&bytes), whole, "byte by byte");
        whole
    }

    fn chat(content: &str) -> String {
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":{content}}}]}}"#)
    }

    #[test]
    fn parts_of_messages_tell_what_they_are() {
        for (part, need) in [
            (r#"{"type":"image_url","image_url":{"url":"https://x/y.png"}}"#, Some(Need::Images)),
            ("{ \"type\" :\r\n\t\"input_image\" }", Some(Need::Images)),
            (r#"{"input_audio":{"data":"","format":"wav"},"type":"input_audio"}"#, Some(Need::Audio)),
            (r#"{"type":"file","file":{"file_id":"f"}}"#, Some(Need::Files)),
            (r#"{"type":"input_file","file_id":"f"}"#, Some(Need::Files)),
            (r#"{"type":"text","text":"hello"}"#, None),
            (r#"{"type":"a kind that nobody has thought of so far","text":"hello"}"#, None),
        ] {
            assert_eq!(of(&chat(&format!("[{part}]"))), need.into_iter().collect::<Vec<_>>(), "{part}");
        }
    }

    #[test]
    fn what_is_only_spoken_of_is_not_needed() {
        for content in [
            r#""{\"type\":\"image_url\"}""#,
            r#""type: \"image_url\"""#,
            r#"[{"type":"text","text":"\"type\":\"file\""}]"#,
            r#"[{"type":"text","text":"type","name":"file"}]"#,
            r#"["type","file"]"#,
        ] {
            assert_eq!(of(&chat(content)), [], "{content}");
        }
        let tool =
            r#"{"type":"object","properties":{"file":{"type":"string"},"image_url":{"type":["string","file"]}}}"#;
        let body = format!(r#"{{"model":"m","tools":[{{"type":"function","function":{{"parameters":{tool}}}}}]}}"#);
        assert_eq!(of(&body), [Need::Tools]);
    }

    #[test]
    fn the_top_level_tells_tools_thinking_sound_and_forms_of_answers() {
        for (member, expected) in [
            (r#""functions":[{"name":"f"}]"#, vec![Need::Tools]),
            (r#""tools":[]"#, vec![]),
            (r#""reasoning_effort":"low""#, vec![Need::Reasoning]),
            (r#""modalities":["text"]"#, vec![]),
            (r#""modalities" : [ "text" , "audio" ]"#, vec![Need::Audio]),
            (r#""modalities":["text"],"voice":["audio"]"#, vec![]),
            (r#""response_format":{"type":"json_object"}"#, vec![]),
            (r#""response_format":{"type":"json_schema","json_schema":{}}"#, vec![Need::JsonSchema]),
            (r#""text":{"format":{"type":"json_schema","schema":{}}}"#, vec![Need::JsonSchema]),
            (r#""reasoning":{"effort":"high"},"tools":[{"type":"web_search"}]"#, vec![Need::Tools, Need::Reasoning]),
        ] {
            assert_eq!(of(&format!(r#"{{"model":"m","input":"type",{member}}}"#)), expected, "{member}");
        }
    }

    #[test]
    fn an_input_that_is_a_single_part_is_seen_too() {
        let body = r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"u"}]}]}"#;
        assert_eq!(of(body), [Need::Images]);
    }
}
