//! An `id` for each event of a stream, so that a caller can say how far it got.

use super::{BOM, Line};
use bytes::{BufMut, Bytes, BytesMut};
use memchr::memchr2;

/// How long the line with the number is, about: what is set aside for it.
const LINE_BYTES: usize = 64;

/// Puts the line `id: NAME:N` into each event of a stream, N from 1 on, as the last line of the event: where the provider
/// has put one of its own, the last one counts. All other bytes stay as they are.
///
/// What has no `data` is no event: comments carry no id.
#[derive(Debug)]
pub struct Numbering {
    line: Vec<u8>,
    last: u64,
    started: bool,
    /// The middle of an event went by: what follows cannot be numbered.
    is_broken: bool,
}

impl Numbering {
    /// Numbers under `name`, which holds no line end.
    pub fn new(name: &str) -> Self {
        Self { line: format!("id: {name}:").into_bytes(), last: 0, started: false, is_broken: false }
    }

    /// Takes whole events, as a [`Boundary`](super::Boundary) cuts them, and hands each on with its number; comments
    /// behind the last one with the number of that.
    ///
    /// What ends within an event, as the rest of a stream may, has the next number and is handed on as it is; so is all
    /// that follows it.
    pub fn push(&mut self, events: &[u8], mut each: impl FnMut(Bytes, u64)) {
        if self.is_broken {
            return each(Bytes::copy_from_slice(events), self.last);
        }
        let mut out = BytesMut::with_capacity(events.len() + LINE_BYTES);
        let mut rest = events;
        let (mut has_data, mut is_within) = (false, false);
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            let length = if rest[end..].starts_with(b"\r\n") { end + 2 } else { end + 1 };
            match Line::read(self.without_mark(&rest[..end])) {
                Line::Blank => {
                    let is_event = std::mem::take(&mut has_data);
                    if is_event {
                        self.put_next_id(&mut out);
                    }
                    out.extend_from_slice(&rest[..length]);
                    if is_event {
                        each(out.split().freeze(), self.last);
                    }
                    is_within = false;
                }
                line @ (Line::Data(_) | Line::Name(_) | Line::Other) => {
                    has_data |= matches!(line, Line::Data(_));
                    is_within = true;
                    out.extend_from_slice(&rest[..length]);
                }
            }
            rest = &rest[length..];
        }
        out.extend_from_slice(rest);
        if is_within || !rest.is_empty() {
            self.is_broken = true;
            self.last += 1;
        }
        if !out.is_empty() {
            each(out.freeze(), self.last);
        }
    }

    /// The number of the last event.
    pub const fn last(&self) -> u64 {
        self.last
    }

    fn put_next_id(&mut self, out: &mut BytesMut) {
        self.last += 1;
        out.extend_from_slice(&self.line);
        out.extend_from_slice(self.last.to_string().as_bytes());
        out.put_u8(b'\n');
    }

    /// A line without the byte order mark that may stand before the first.
    fn without_mark<'a>(&mut self, line: &'a [u8]) -> &'a [u8] {
        if std::mem::replace(&mut self.started, true) { line } else { line.strip_prefix(BOM).unwrap_or(line) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sse::{Boundary, Splitter};
    use proptest::prelude::*;

    fn numbered<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, u64)> {
        let mut numbering = Numbering::new("r");
        let mut out = vec![];
        for piece in pieces {
            numbering.push(piece, |bytes, number| out.push((String::from_utf8_lossy(&bytes).into_owned(), number)));
        }
        out
    }

    #[test]
    fn each_event_gets_a_number_and_nothing_else_does() {
        for (stream, expected) in [
            ("data: a\n\n", vec![("data: a\nid: r:1\n\n", 1)]),
            (
                "data: a\n\nevent: x\ndata: b\n\n",
                vec![("data: a\nid: r:1\n\n", 1), ("event: x\ndata: b\nid: r:2\n\n", 2)],
            ),
            (": ping\n\ndata: a\n\n: ping\n\n", vec![(": ping\n\ndata: a\nid: r:1\n\n", 1), (": ping\n\n", 1)]),
            ("event: x\n\n", vec![("event: x\n\n", 0)]),
            ("id: 7\ndata: a\n\n", vec![("id: 7\ndata: a\nid: r:1\n\n", 1)]),
            ("data: a\r\n\r\n", vec![("data: a\r\nid: r:1\n\r\n", 1)]),
            ("data: a\r\r", vec![("data: a\rid: r:1\n\r", 1)]),
            ("\u{feff}data: a\n\n", vec![("\u{feff}data: a\nid: r:1\n\n", 1)]),
            ("data: a\n\ndata: [DONE]\n", vec![("data: a\nid: r:1\n\n", 1), ("data: [DONE]\n", 2)]),
            ("data: a\n\ndata: [DO", vec![("data: a\nid: r:1\n\n", 1), ("data: [DO", 2)]),
            ("", vec![]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(text, number)| (text.to_owned(), number)).collect();
            assert_eq!(numbered([stream.as_bytes()]), expected, "{stream:?}");
        }
    }

    #[test]
    fn behind_a_part_of_an_event_nothing_is_numbered() {
        let pieces = [&b"data: a\n\ndata: b"[..], b"b\n\ndata: c\n\n"];
        let texts: Vec<_> = numbered(pieces).into_iter().map(|(text, _)| text).collect();
        assert_eq!(texts, ["data: a\nid: r:1\n\n", "data: b", "b\n\ndata: c\n\n"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn a_reader_has_the_same_events_and_the_bytes_without_ids_are_the_same(
            tokens in prop::collection::vec(prop::sample::select(vec![
                "data: a", "data: b", "data", "event: x", ": c", "id: 9", "\n", "\n\n", "\r", "\r\n", "\r\n\r\n", "\r\r",
            ]), 0..14),
            size in 1..30_usize,
        ) {
            let stream = tokens.concat().into_bytes();
            let (mut boundary, mut held, mut out) = (Boundary::new(), vec![], vec![]);
            let mut numbering = Numbering::new("r");
            for chunk in stream.chunks(size) {
                let whole = boundary.push(chunk);
                held.extend_from_slice(&chunk[..whole]);
                if whole > 0 {
                    numbering.push(&std::mem::take(&mut held), |bytes, _| out.extend_from_slice(&bytes));
                }
                held.extend_from_slice(&chunk[whole..]);
            }
            let whole = &stream[..stream.len() - held.len()];
            let events = |bytes: &[u8]| {
                let mut events = vec![];
                Splitter::new()
                    .push(bytes, |event| events.push((event.name.to_vec(), event.data.to_vec())))
                    .map(|()| events)
            };
            let expected = events(whole).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
            let found = events(&out).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(numbering.last(), expected.len() as u64);
            let mut text = String::from_utf8_lossy(&out).into_owned();
            for number in 1..=expected.len() {
                text = text.replacen(&format!("id: r:{number}\n"), "", 1);
            }
            prop_assert_eq!(text.as_bytes(), whole);
        }
    }
}
