//! Where a stream may be interrupted.

use memchr::memrchr2;

/// What the bytes so far ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Something of a line.
    Line,
    /// A line end.
    End,
    /// A carriage return, which is a line end, and of which a line feed that follows is a part.
    Return,
    /// A blank line.
    Blank,
    /// A blank line made of a carriage return.
    BlankReturn,
}

impl Last {
    const fn then(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Line | Self::Return, b'\n') => Self::End,
            (Self::Line, b'\r') => Self::Return,
            (Self::End | Self::Blank | Self::BlankReturn, b'\n') => Self::Blank,
            (Self::End | Self::Return | Self::Blank | Self::BlankReturn, b'\r') => Self::BlankReturn,
            _ => Self::Line,
        }
    }

    const fn is_blank(self) -> bool {
        matches!(self, Self::Blank | Self::BlankReturn)
    }
}

/// Finds the places between events, where another event may be put in and where a stream may end.
///
/// A line feed that belongs to the carriage return before it may begin a chunk; the place before it and the one behind it
/// are both between events.
#[derive(Debug, Clone)]
pub struct Boundary {
    last: Last,
}

impl Default for Boundary {
    fn default() -> Self {
        Self::new()
    }
}

impl Boundary {
    /// At the start of a stream, which is between events.
    pub const fn new() -> Self {
        Self { last: Last::Blank }
    }

    /// How many bytes of `chunk` belong to events that are whole with it; 0 when it completes none.
    ///
    /// Costs a few steps when the chunk ends between events, as most do; else a search backwards for the last such place.
    pub fn push(&mut self, chunk: &[u8]) -> usize {
        let mut end = chunk.len();
        let (mut start, mut last) = self.line_ends(chunk, end);
        let last_of_all = last;
        while !last.is_blank() {
            let Some(line_end) = memrchr2(b'\n', b'\r', &chunk[..start]) else {
                end = 0;
                break;
            };
            end = line_end + 1;
            (start, last) = self.line_ends(chunk, end);
        }
        self.last = last_of_all;
        end
    }

    /// Where the line ends begin that stand right before `end`, and what the stream ends with after them. A run of line
    /// ends that holds a blank line ends with one.
    fn line_ends(&self, chunk: &[u8], end: usize) -> (usize, Last) {
        let start = chunk[..end].iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |place| place + 1);
        let before = if start == 0 { self.last } else { Last::Line };
        (start, chunk[start..end].iter().fold(before, |last, byte| last.then(*byte)))
    }

    /// Whether everything so far ended between events.
    pub const fn is_between(&self) -> bool {
        self.last.is_blank()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The places between events, by the definition: behind each byte that ends a blank line.
    fn places(stream: &[u8]) -> Vec<usize> {
        let mut last = Last::Blank;
        let mut found = vec![];
        for (at, byte) in stream.iter().enumerate() {
            last = last.then(*byte);
            if last.is_blank() {
                found.push(at + 1);
            }
        }
        found
    }

    #[test]
    fn a_chunk_is_whole_up_to_its_last_blank_line() {
        for (stream, whole) in [
            ("data: a\n\n", 9),
            ("data: a\n\ndata: b", 9),
            ("data: a\n\ndata: b\n", 9),
            ("data: a\r\n\r\ndata: b\r\n", 11),
            ("data: a\r\rdata: b\r", 9),
            ("data: a\r\n", 0),
            ("data: a\n\r\n", 10),
            (": ping\n\ndata: a", 8),
            ("\n\ndata", 2),
            ("data", 0),
            ("", 0),
        ] {
            let mut boundary = Boundary::new();
            assert_eq!(boundary.push(stream.as_bytes()), whole, "{stream:?}");
            assert_eq!(boundary.is_between(), whole == stream.len(), "{stream:?}");
        }
    }

    #[test]
    fn a_line_feed_in_the_next_chunk_still_belongs_to_its_carriage_return() {
        let mut boundary = Boundary::new();
        assert_eq!(boundary.push(b"data: a\r"), 0);
        assert_eq!(boundary.push(b"\n"), 0);
        assert_eq!(boundary.push(b"\r"), 1);
        assert_eq!(boundary.push(b"\ndata: b"), 1);
        assert!(!boundary.is_between());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn any_cuts_find_the_last_place_of_each_chunk(stream in "[a\n\r]{0,24}", cuts in prop::collection::vec(0usize..25, 0..4)) {
            let bytes = stream.as_bytes();
            let places = places(bytes);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let mut boundary = Boundary::new();
            for ends in cuts.windows(2) {
                let expected = places.iter().rev().find(|place| (ends[0] + 1..=ends[1]).contains(place));
                prop_assert_eq!(boundary.push(&bytes[ends[0]..ends[1]]), expected.map_or(0, |place| place - ends[0]));
            }
            prop_assert_eq!(boundary.is_between(), bytes.is_empty() || places.last() == Some(&bytes.len()));
        }
    }
}
