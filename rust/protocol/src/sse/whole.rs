//! Whole events, as a [`Boundary`](super::Boundary) cuts them, one by one.

use super::{BOM, Line};
use memchr::memchr2;
use std::borrow::Cow;
use std::ops::Range;

/// One event where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole<'a> {
    /// All of it, with the blank line that ends it, and comments before it.
    pub(crate) raw: &'a [u8],
    /// Its data, if it has any: where that stands in `raw`, or the lines of it joined, where there is more than one.
    pub(crate) data: Option<Data>,
}

/// Where the data of an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Data {
    /// In one line, as nearly always.
    Line(Range<usize>),
    /// In several, joined by line feeds.
    Lines(Vec<u8>),
}

impl Whole<'_> {
    /// The data; empty if there is none.
    pub(crate) fn data(&self) -> Cow<'_, [u8]> {
        match &self.data {
            None => Cow::Borrowed(&[]),
            Some(Data::Line(range)) => Cow::Borrowed(self.raw.get(range.clone()).unwrap_or_default()),
            Some(Data::Lines(lines)) => Cow::Borrowed(lines),
        }
    }
}

/// The events of `bytes`, which end between events. Joined, their raw bytes are `bytes`.
pub(crate) fn events(bytes: &[u8]) -> impl Iterator<Item = Whole<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let event = first(rest)?;
        rest = &rest[event.raw.len()..];
        Some(event)
    })
}

fn first(bytes: &[u8]) -> Option<Whole<'_>> {
    let mut data = None;
    let mut at = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
    while let Some(length) = memchr2(b'\n', b'\r', bytes.get(at..)?) {
        let line = &bytes[at..at + length];
        let start = at;
        at += length + 1;
        // The second half of CRLF is not a blank line.
        if bytes[at - 1] == b'\r' && bytes.get(at) == Some(&b'\n') {
            at += 1;
        }
        match Line::read(line) {
            Line::Blank => return Some(Whole { raw: &bytes[..at], data }),
            Line::Data(value) => {
                let from = start + line.len() - value.len();
                data = Some(with_line(data, bytes, from..from + value.len()));
            }
            Line::Name(_) | Line::Other => {}
        }
    }
    // What is not ended is not an event, and is passed on with what it belongs to.
    (!bytes.is_empty()).then_some(Whole { raw: bytes, data: None })
}

fn with_line(data: Option<Data>, bytes: &[u8], line: Range<usize>) -> Data {
    let earlier = match data {
        None => return Data::Line(line),
        Some(Data::Line(range)) => bytes[range].to_vec(),
        Some(Data::Lines(lines)) => lines,
    };
    Data::Lines([&earlier, b"\n".as_slice(), &bytes[line]].concat())
}

#[cfg(test)]
mod tests {
    use super::super::{Boundary, Splitter};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_event_is_told_with_its_comments_and_its_data() {
        let found: Vec<_> = events(b"\xef\xbb\xbf: hi\n\ndata: a\r\n\r\nevent: x\ndata: b\ndata:c\n\n\n").collect();
        let shown: Vec<_> = found.iter().map(|event| (event.raw.to_vec(), event.data().into_owned())).collect();
        let expected: [(&[u8], &[u8]); 4] = [
            (b"\xef\xbb\xbf: hi\n\n", b""),
            (b"data: a\r\n\r\n", b"a"),
            (b"event: x\ndata: b\ndata:c\n\n", b"b\nc"),
            (b"\n", b""),
        ];
        assert_eq!(shown, expected.map(|(raw, data)| (raw.to_vec(), data.to_vec())));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn events_are_those_of_the_splitter_and_lose_nothing(
            lines in prop::collection::vec("(data: ?|event: |: |)[ab]{0,3}(\n|\r|\r\n){1,3}", 0..8),
        ) {
            let stream = lines.concat();
            let whole = Boundary::new().push(stream.as_bytes());
            let bytes = &stream.as_bytes()[..whole];
            let found: Vec<_> = events(bytes).collect();
            prop_assert_eq!(found.iter().map(|event| event.raw).collect::<Vec<_>>().concat(), bytes);
            let mut expected: Vec<Vec<u8>> = Vec::new();
            Splitter::new().push(bytes, |event| expected.push(event.data.to_vec())).unwrap();
            let data: Vec<Vec<u8>> =
                found.iter().filter(|event| event.data.is_some()).map(|event| event.data().into_owned()).collect();
            prop_assert_eq!(data, expected);
        }
    }
}
