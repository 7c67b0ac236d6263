//! Event streams as bytes. Source: WHATWG HTML, section 9.2, "Server-sent events".
//!
//! Three tools. [`Boundary`] says where a stream may be interrupted, and looks at little more than the end of a chunk: it
//! is for every byte that passes. [`Splitter`] hands out events and copies their data: it is for those who read a stream.
//! [`Numbering`] puts an `id` into each event. The first two take chunks that are cut anywhere, within a line end or a
//! character too.

mod boundary;
mod numbering;
mod splitter;
pub(crate) mod whole;

pub use boundary::Boundary;
pub use numbering::Numbering;
pub use splitter::{Event, Splitter};

/// The events of `bytes`, which end between events as a [`Boundary`] cuts them, each with its comments and the blank line
/// that ends it. Joined, they are `bytes`.
pub fn each(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    whole::events(bytes).map(|event| event.raw)
}

/// The fields that matter in one line of an event; `id`, `retry` and unknown ones do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// The blank line that ends an event.
    Blank,
    /// `data`, without the space behind the colon.
    Data(&'a [u8]),
    /// `event`.
    Name(&'a [u8]),
    /// A comment, or a field that does not matter.
    Other,
}

impl<'a> Line<'a> {
    /// Reads one line, given without its end.
    pub(crate) fn read(line: &'a [u8]) -> Self {
        if line.is_empty() {
            return Self::Blank;
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => Self::Data(value),
            b"event" => Self::Name(value),
            _ => Self::Other,
        }
    }
}

/// The byte order mark that may stand before a stream.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";
