//! What follows a text, made a part of the same answer.

use super::Text;
use super::said::{Chunk, decode};
use crate::splice::json_string;
use crate::sse::whole::{Data, Whole, events};
use bytes::Bytes;
use std::ops::Range;

/// Rewrites the events of the stream that goes on.
///
/// What comes before its first word (a role, an announcement) is left out, since the caller has had that. Each chunk gets
/// the id and the time of the first stream, which are the same in all chunks of an answer; the model's name and the usage
/// stay as the one that goes on states them. Source: OpenAI, API reference, "The chat completion chunk object" (read
/// 2026-11): "each chunk has the same ID", "each chunk has the same timestamp".
#[derive(Debug)]
pub struct Follow {
    id: Vec<u8>,
    created: Vec<u8>,
    /// What the server is going to say of the text that it was given, before it goes on.
    echo: String,
    has_begun: bool,
}

impl Follow {
    /// Before the first event of a stream that goes on from `text`, and says it again first if it `echoes`.
    pub fn new(text: Text, echoes: bool) -> Self {
        let Text { plain, id, created, .. } = text;
        Self { id, created, echo: if echoes { plain } else { String::new() }, has_begun: false }
    }

    /// What the caller gets of whole events; `None` where they do not go on from the text.
    pub fn pass(&mut self, bytes: &[u8]) -> Option<Bytes> {
        let mut out = Vec::with_capacity(bytes.len() + 64);
        for event in events(bytes) {
            self.event(&event, &mut out)?;
        }
        Some(out.into())
    }

    fn event(&mut self, event: &Whole<'_>, out: &mut Vec<u8>) -> Option<()> {
        let data = event.data();
        if data.is_empty() || data.starts_with(b"[DONE]") {
            out.extend_from_slice(event.raw);
            return Some(());
        }
        let chunk = Chunk::read(&data);
        let mut changes: Vec<(Range<usize>, Vec<u8>)> = Vec::new();
        let mut says = false;
        if let Some(range) = chunk.content.clone() {
            let content = data.get(range.clone()).unwrap_or_default();
            says = !content.is_empty();
            if says && !self.echo.is_empty() {
                let rest = self.behind_echo(&decode(content)?)?;
                says = !rest.is_empty();
                changes.push((range, rest));
            }
        }
        if !self.has_begun {
            if chunk.is_odd || (chunk.is_finish && !self.echo.is_empty()) {
                return None;
            }
            if !says && !chunk.is_finish {
                return Some(());
            }
            self.has_begun = true;
        }
        changes.extend(chunk.role.map(|range| (range, b"null".to_vec())));
        changes.extend(chunk.id.filter(|_| !self.id.is_empty()).map(|range| (range, self.id.clone())));
        changes.extend(chunk.created.filter(|_| !self.created.is_empty()).map(|range| (range, self.created.clone())));
        write(event, &data, changes, out);
        Some(())
    }

    /// The part of a text that is behind what was said before, as the inside of a JSON string.
    fn behind_echo(&mut self, content: &str) -> Option<Vec<u8>> {
        if let Some(rest) = self.echo.strip_prefix(content) {
            self.echo = rest.to_owned();
            return Some(Vec::new());
        }
        let rest = content.strip_prefix(&*self.echo)?;
        self.echo = String::new();
        let quoted = json_string(rest);
        Some(quoted[1..quoted.len() - 1].to_vec())
    }
}

/// Writes an event with changes in its data.
fn write(event: &Whole<'_>, data: &[u8], mut changes: Vec<(Range<usize>, Vec<u8>)>, out: &mut Vec<u8>) {
    changes.sort_by_key(|(range, _)| range.start);
    let place = match &event.data {
        Some(Data::Line(range)) => range.clone(),
        // In JSON, a line's end between lines of data is as good as a blank.
        _ => return write_joined(data, changes, out),
    };
    out.extend_from_slice(&event.raw[..place.start]);
    changed(data, changes, out);
    out.extend_from_slice(&event.raw[place.end..]);
}

fn write_joined(data: &[u8], changes: Vec<(Range<usize>, Vec<u8>)>, out: &mut Vec<u8>) {
    let mut joined = Vec::with_capacity(data.len() + 64);
    changed(data, changes, &mut joined);
    joined.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(&joined);
    out.extend_from_slice(b"\n\n");
}

fn changed(data: &[u8], changes: Vec<(Range<usize>, Vec<u8>)>, out: &mut Vec<u8>) {
    let mut at = 0;
    for (range, value) in changes {
        out.extend_from_slice(data.get(at..range.start).unwrap_or_default());
        out.extend_from_slice(&value);
        at = range.end;
    }
    out.extend_from_slice(data.get(at..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::super::Said;
    use super::*;

    fn chunk(id: &str, delta: &str, finish: &str) -> String {
        format!(
            "data: {{\"id\": \"{id}\",\"created\":{},\"model\":\"m-{id}\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n",
            id.len()
        )
    }

    fn follow(said: &str, echoes: bool) -> Follow {
        let mut gathered = Said::new();
        gathered.take(chunk("one", &format!("{{\"content\":\"{said}\"}}"), "null").as_bytes());
        Follow::new(gathered.text().unwrap(), echoes)
    }

    const ROLE: &str = r#"{"role":"assistant","content":""}"#;

    #[test]
    fn what_follows_has_the_first_id_and_no_role() {
        let mut follow = follow("ab", false);
        let events = [
            ": hi\n\n".to_owned(),
            chunk("second", ROLE, "null"),
            chunk("second", r#"{"role":"assistant","content":"cd"}"#, "null"),
            chunk("second", "{}", "\"stop\""),
            "data: [DONE]\n\n".to_owned(),
        ];
        let expected = [
            ": hi\n\n".to_owned(),
            "data: {\"id\": \"one\",\"created\":3,\"model\":\"m-second\",\"choices\":[{\"index\":0,\"delta\":{\"role\":null,\"content\":\"cd\"},\"finish_reason\":null}]}\n\n".to_owned(),
            "data: {\"id\": \"one\",\"created\":3,\"model\":\"m-second\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n".to_owned(),
            "data: [DONE]\n\n".to_owned(),
        ];
        assert_eq!(follow.pass(events.concat().as_bytes()).unwrap(), expected.concat());
    }

    #[test]
    fn data_in_several_lines_becomes_one() {
        let mut follow = follow("ab", false);
        let passed =
            follow.pass(b"data: {\"id\":\"x\",\ndata: \"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\n").unwrap();
        assert_eq!(passed, "data: {\"id\":\"one\", \"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\n");
    }

    #[test]
    fn an_echo_of_what_was_said_is_left_out_wherever_it_is_cut() {
        let whole = "a\u{e9}\"b and on";
        for at in (1..whole.len()).filter(|at| whole.is_char_boundary(*at)) {
            let mut follow = follow("a\\u00e9\\\"b", true);
            let mut text = String::new();
            for part in [&whole[..at], &whole[at..]] {
                let delta = serde_json::json!({"content": part}).to_string();
                let passed = follow.pass(chunk("x", &delta, "null").as_bytes()).unwrap();
                for event in events(&passed) {
                    let data: serde_json::Value = serde_json::from_slice(&event.data()).unwrap();
                    text.push_str(data["choices"][0]["delta"]["content"].as_str().unwrap());
                }
            }
            assert_eq!(text, " and on", "{at}");
        }
    }

    #[test]
    fn what_does_not_go_on_is_told() {
        let content = |text: &str| chunk("x", &format!("{{\"content\":\"{text}\"}}"), "null");
        assert!(follow("ab", true).pass(content("ax").as_bytes()).is_none(), "another text than was said");
        assert!(follow("ab", true).pass((content("a") + &chunk("x", "{}", "\"stop\"")).as_bytes()).is_none());
        for delta in [r#"{"reasoning_content":"hm"}"#, r#"{"tool_calls":[{"index":0}]}"#] {
            assert!(follow("ab", false).pass(chunk("x", delta, "null").as_bytes()).is_none(), "{delta}");
        }
        let mut begun = follow("ab", false);
        begun.pass(content("c").as_bytes()).unwrap();
        assert!(begun.pass(chunk("x", r#"{"refusal":"no"}"#, "null").as_bytes()).is_some(), "it went on first");
    }
}
