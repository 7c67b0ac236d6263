//! A stream, event by event.

use super::{BOM, Line};
use fault::{Fault, Kind};
use memchr::memchr2;

/// One event, as bytes that nobody has checked. A block without `data` is no event and is not reported; comments, `id`
/// and `retry` are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The field `event`; empty when there was none.
    pub name: &'a [u8],
    /// The `data` lines, joined by line feeds.
    pub data: &'a [u8],
}

/// Splits a stream into events, however it is cut. An event that the stream's end cuts off is not reported.
#[derive(Debug)]
pub struct Splitter {
    cap: usize,
    /// A line whose end has not come.
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// Whether the last byte was a carriage return, of which a line feed would be a part.
    returned: bool,
    /// Whether the first line, which may begin with a byte order mark, is over.
    started: bool,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new()
    }
}

impl Splitter {
    /// The usual bound on one event, in bytes.
    pub const CAP: usize = 1 << 20;

    /// The bound for streams that carry images, in bytes.
    pub const IMAGE_CAP: usize = 4 << 20;

    /// Memory that is kept from one event to the next; that of larger events is given back.
    const KEPT: usize = 64 << 10;

    /// A splitter with the usual bound.
    pub const fn new() -> Self {
        Self::with_cap(Self::CAP)
    }

    /// A splitter for events of up to `cap` bytes.
    pub const fn with_cap(cap: usize) -> Self {
        Self {
            cap,
            line: Vec::new(),
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            returned: false,
            started: false,
        }
    }

    /// Hands each event that `chunk` completes to `each`. Kinds: `UpstreamGarbled` for an event over the bound, after
    /// which the splitter must not be used again.
    pub fn push(&mut self, chunk: &[u8], mut each: impl FnMut(Event<'_>)) -> Result<(), Fault> {
        let mut rest = chunk;
        loop {
            if self.returned && !rest.is_empty() {
                self.returned = false;
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else {
                self.line.extend_from_slice(rest);
                return self.check_size();
            };
            if self.line.is_empty() {
                self.take(&rest[..end], &mut each)?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&rest[..end]);
                self.take(&line, &mut each)?;
                line.clear();
                self.line = line;
            }
            self.returned = rest[end] == b'\r';
            rest = &rest[end + 1..];
        }
    }

    /// Takes one whole line.
    fn take(&mut self, line: &[u8], each: &mut impl FnMut(Event<'_>)) -> Result<(), Fault> {
        let started = std::mem::replace(&mut self.started, true);
        let line = if started { line } else { line.strip_prefix(BOM).unwrap_or(line) };
        match Line::read(line) {
            Line::Blank => self.end_event(each),
            Line::Data(value) => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                return self.check_size();
            }
            Line::Name(value) => {
                self.name.clear();
                self.name.extend_from_slice(value);
                return self.check_size();
            }
            Line::Other => {}
        }
        Ok(())
    }

    fn end_event(&mut self, each: &mut impl FnMut(Event<'_>)) {
        if self.has_data {
            each(Event { name: &self.name, data: &self.data });
        }
        for buffer in [&mut self.name, &mut self.data, &mut self.line] {
            buffer.clear();
            buffer.shrink_to(Self::KEPT);
        }
        self.has_data = false;
    }

    fn check_size(&self) -> Result<(), Fault> {
        if self.line.len() + self.data.len() + self.name.len() <= self.cap {
            return Ok(());
        }
        let sentence = format!("an event of the provider's stream is larger than {} bytes", self.cap);
        Err(Fault::new(Kind::UpstreamGarbled, sentence))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Events = Vec<(String, String)>;

    fn split<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Events {
        let mut splitter = Splitter::new();
        let mut events = vec![];
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for piece in pieces {
            splitter.push(piece, |event| events.push((text(event.name), text(event.data)))).unwrap();
        }
        events
    }

    /// The events with the stream cut at each place, which must not depend on the place.
    fn cut_everywhere(stream: &[u8]) -> Events {
        let whole = split([stream]);
        assert_eq!(split(stream.chunks(1)), whole, "byte by byte");
        for cut in 0..=stream.len() {
            assert_eq!(split([&stream[..cut], &stream[cut..]]), whole, "cut at {cut}");
        }
        whole
    }

    fn events(of: &[(&str, &str)]) -> Events {
        of.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect()
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        for (stream, expected) in [
            ("data: a\n\n", vec![("", "a")]),
            ("data:a\n\ndata:  b\n\n", vec![("", "a"), ("", " b")]),
            ("event: x\ndata: a\ndata: b\ndata\n\n", vec![("x", "a\nb\n")]),
            ("data\n\n", vec![("", "")]),
            ("data:\n\n", vec![("", "")]),
            ("event: x\n\ndata: a\n\n", vec![("", "a")]),
            ("event: x\nevent: y\ndata: a\n\n", vec![("y", "a")]),
            (": ping\n\nid: 1\nretry: 5\nother: z\ndatax: y\ndata: a: b\n\n", vec![("", "a: b")]),
            ("\u{feff}data: a\n\n\u{feff}data: b\n\n", vec![("", "a")]),
            ("data: a\n\ndata: b\n", vec![("", "a")]),
            ("data: \u{1f680}\u{e9}\n\n", vec![("", "\u{1f680}\u{e9}")]),
        ] {
            for line_end in ["\n", "\r\n", "\r"] {
                let stream = stream.replace('\n', line_end);
                assert_eq!(cut_everywhere(stream.as_bytes()), events(&expected), "{stream:?}");
            }
        }
    }

    #[test]
    fn an_event_over_the_bound_is_refused_whole_or_in_parts() {
        let with_data = |bytes: usize| format!("data: {}\n\n", "x".repeat(bytes));
        for chunk in [7, 4096] {
            let push = |stream: &str| {
                let mut splitter = Splitter::with_cap(1000);
                stream.as_bytes().chunks(chunk).try_for_each(|piece| splitter.push(piece, |_| {}))
            };
            assert!(push(&with_data(990).repeat(3)).is_ok());
            assert_eq!(push(&with_data(1001)).unwrap_err().kind(), Kind::UpstreamGarbled);
            assert!(push(&"data: x\n".repeat(600)).is_err(), "many lines make one event too");
        }
    }

    #[test]
    fn the_recorded_streams_split_the_same_wherever_they_are_cut() {
        for (path, stream) in crate::openai::golden::streams() {
            let whole = split([stream.as_slice()]);
            assert!(whole.len() > 2, "{path}");
            for size in [1, 2, 3, 7, 100, 1000] {
                assert_eq!(split(stream.chunks(size)), whole, "{path} in pieces of {size}");
            }
            for (_, data) in whole.iter().filter(|(_, data)| data != "[DONE]") {
                serde_json::from_str::<serde_json::Value>(data).unwrap();
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn any_cut_gives_the_same_events(
            tokens in prop::collection::vec(prop::sample::select(vec![
                "\n", "\r", "\r\n", "\n\n", "data", ":", ": ", "data: x", "event: e", "\u{feff}", "\u{e9}", "id",
            ]), 0..16),
            cut in any::<u16>(),
        ) {
            let stream = tokens.concat().into_bytes();
            let cut = usize::from(cut) % (stream.len() + 1);
            prop_assert_eq!(split([&stream[..cut], &stream[cut..]]), split([stream.as_slice()]));
            prop_assert_eq!(split(stream.chunks(1)), split([stream.as_slice()]));
        }
    }
}
