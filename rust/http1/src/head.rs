//! Heads as byte ranges over one buffer.

use bytes::Bytes;

/// Where something stands in the buffer of its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    /// Where `part`, which is a slice of `whole`, stands in it.
    pub(crate) fn within(whole: &[u8], part: &[u8]) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        debug_assert!(start + part.len() <= whole.len());
        Self::new(start, start + part.len())
    }

    /// The limit of a head keeps both far below 2^32.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let clamp = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: clamp(start), end: clamp(end) }
    }

    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Header lines in the order in which they came; names are compared without regard to case.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    bytes: Bytes,
    lines: Vec<(Span, Span)>,
}

impl Headers {
    pub(crate) fn new(bytes: Bytes, lines: Vec<(Span, Span)>) -> Self {
        Self { bytes, lines }
    }

    /// All lines: name as it came, value without surrounding blanks.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|(name, value)| (name.of(&self.bytes), value.of(&self.bytes)))
    }

    /// The first value of `name`, which is given in lower case.
    pub fn get<'a>(&'a self, name: &str) -> Option<&'a [u8]> {
        // Lengths first: they tell nearly all names apart without a look at the bytes.
        let is_it = |(line, _): &&(Span, Span)| {
            (line.end - line.start) as usize == name.len() && line.of(&self.bytes).eq_ignore_ascii_case(name.as_bytes())
        };
        self.lines.iter().find(is_it).map(|(_, value)| value.of(&self.bytes))
    }

    /// All values of `name`, which is given in lower case.
    pub fn all(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        let like = move |line: &Span| (line.end - line.start) as usize == name.len();
        let lines = self.lines.iter().filter(move |(line, _)| like(line));
        lines
            .filter(move |(line, _)| line.of(&self.bytes).eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.of(&self.bytes))
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// The head of a request.
#[derive(Debug, Clone)]
pub struct RequestHead {
    pub(crate) bytes: Bytes,
    pub(crate) method: Span,
    pub(crate) target: Span,
    /// The header lines.
    pub headers: Headers,
}

impl RequestHead {
    /// A head from its parts, for requests that did not come as HTTP/1.1. Names and values are taken as they are.
    pub fn from_parts<'a>(method: &[u8], target: &[u8], headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut parts = Parts::default();
        let method = parts.push(method);
        let target = parts.push(target);
        let lines = headers.map(|(name, value)| (parts.push(name), parts.push(value))).collect();
        let bytes = Bytes::from(parts.bytes);
        Self { headers: Headers::new(bytes.clone(), lines), bytes, method, target }
    }

    /// The method, as it came.
    pub fn method(&self) -> &[u8] {
        self.method.of(&self.bytes)
    }

    /// The request target in origin form (`/path?query`), or `*`.
    pub fn target(&self) -> &[u8] {
        self.target.of(&self.bytes)
    }

    /// The target up to its query.
    pub fn path(&self) -> &[u8] {
        let target = self.target();
        &target[..memchr::memchr(b'?', target).unwrap_or(target.len())]
    }

    /// The query with its question mark; empty when there is none.
    pub fn query(&self) -> &[u8] {
        &self.target()[self.path().len()..]
    }
}

/// The head of an answer.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// 100..=599.
    pub status: u16,
    /// The header lines.
    pub headers: Headers,
}

impl ResponseHead {
    /// A head from its parts, for answers that did not come as HTTP/1.1.
    pub fn from_parts<'a>(status: u16, headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut parts = Parts::default();
        let lines = headers.map(|(name, value)| (parts.push(name), parts.push(value))).collect();
        Self { status, headers: Headers::new(Bytes::from(parts.bytes), lines) }
    }
}

#[derive(Default)]
struct Parts {
    bytes: Vec<u8>,
}

impl Parts {
    fn push(&mut self, part: &[u8]) -> Span {
        let start = self.position();
        self.bytes.extend_from_slice(part);
        Span { start, end: self.position() }
    }

    fn position(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(target: &str) -> RequestHead {
        let lines = [("Host", "a"), ("X-Twice", "1"), ("x-twice", "2")];
        let lines = lines.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        RequestHead::from_parts(b"GET", target.as_bytes(), lines)
    }

    #[test]
    fn a_head_from_parts_says_what_its_parts_said() {
        let head = head("/a/b?c?d");
        assert_eq!((head.method(), head.target()), (&b"GET"[..], &b"/a/b?c?d"[..]));
        assert_eq!((head.path(), head.query()), (&b"/a/b"[..], &b"?c?d"[..]));
        assert_eq!((head.headers.len(), head.headers.is_empty()), (3, false));
        let answer = ResponseHead::from_parts(200, head.headers.iter());
        assert_eq!((answer.status, answer.headers.len()), (200, 3));
    }

    #[test]
    fn a_target_without_a_query_has_an_empty_one() {
        assert_eq!((head("/a").path(), head("/a").query()), (&b"/a"[..], &b""[..]));
        assert_eq!((head("*").path(), head("*").query()), (&b"*"[..], &b""[..]));
    }

    #[test]
    fn names_are_found_whatever_their_case_and_in_order() {
        let head = head("/");
        assert_eq!(head.headers.get("host"), Some(&b"a"[..]));
        assert_eq!(head.headers.get("accept"), None);
        assert_eq!(head.headers.all("x-twice").collect::<Vec<_>>(), [b"1", b"2"]);
    }
}
