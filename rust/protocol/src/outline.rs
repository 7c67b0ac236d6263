//! Where the values of a JSON text stand, as far down as somebody wants to know.
//!
//! For a text whose grammar was checked before ([`crate::scan`]), or whose reader checks it afterwards: what is not JSON
//! finds something or nothing, and harms nobody. The text may come in pieces that are cut anywhere; short keys are
//! copied, nothing else is.

use memchr::memchr2;
use std::ops::Range;

/// The longest key that is kept, in bytes as they are written.
const KEY: usize = 40;

/// One value, found when its last byte has come.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// The brackets around it, the outermost first, each with the member that this is or is in; empty for the whole text.
    pub(crate) path: &'a [Place],
    /// Where it stands.
    pub(crate) range: Range<u64>,
    /// Its first byte.
    pub(crate) first: u8,
}

/// A member of an object or of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    key: [u8; KEY],
    length: usize,
    /// A key is longer than what is kept, or written with an escape.
    is_odd: bool,
    is_object: bool,
    index: u64,
    expects_key: bool,
    /// Where the value begins, and with what; of no value yet, nothing.
    begun: Option<(u64, u8)>,
}

impl Place {
    const fn new(is_object: bool) -> Self {
        let key = [0; KEY];
        Self { key, length: 0, is_odd: false, is_object, index: 0, expects_key: is_object, begun: None }
    }

    /// The key, as it is written; none of an item, and of a key that is long or written with an escape.
    pub(crate) fn key(&self) -> Option<&[u8]> {
        if self.is_object && !self.is_odd { self.key.get(..self.length) } else { None }
    }

    /// The number of an item, from 0; none of a member of an object.
    pub(crate) const fn item(&self) -> Option<u64> {
        if self.is_object { None } else { Some(self.index) }
    }

    fn keep(&mut self, bytes: &[u8]) {
        match self.key.get_mut(self.length..self.length + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => self.is_odd = true,
        }
    }

    fn begin_key(&mut self) {
        (self.length, self.is_odd) = (0, false);
    }
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Text { is_key: bool, escaped: bool },
    Word,
}

/// The walk over one text. Tells of every value that has at most `most` brackets around it, inner ones first.
pub(crate) struct Outline<S> {
    most: usize,
    see: S,
    state: State,
    /// Open brackets, and those of them that are looked into.
    depth: usize,
    path: Vec<Place>,
    /// Where the whole text begins, and with what.
    root: Option<(u64, u8)>,
    at: u64,
    is_over: bool,
}

impl<S: FnMut(&Found<'_>)> Outline<S> {
    /// A walk that has seen nothing.
    pub(crate) fn new(most: usize, see: S) -> Self {
        let path = Vec::with_capacity(most);
        Self { most, see, state: State::Between, depth: 0, path, root: None, at: 0, is_over: false }
    }

    /// The walk over a text in one piece; whether its outermost value came to its end.
    pub(crate) fn walk(most: usize, text: &[u8], see: S) -> bool {
        let mut outline = Self::new(most, see);
        outline.push(text);
        outline.is_whole()
    }

    /// Looks at the next piece, which may be empty.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        let mut at = 0;
        while at < piece.len() {
            at = match self.state {
                State::Text { is_key, escaped } => self.text(piece, at, is_key, escaped),
                State::Word => self.word(piece, at),
                State::Between => self.structure(piece, at),
            };
        }
        self.at += piece.len() as u64;
    }

    /// Whether the outermost value, an object or a list, has ended.
    pub(crate) const fn is_whole(&self) -> bool {
        self.is_over
    }

    /// Whether the place is one that is looked into, and not deeper.
    fn is_looked_into(&self) -> bool {
        self.depth == self.path.len()
    }

    fn structure(&mut self, piece: &[u8], at: usize) -> usize {
        let (byte, next) = (piece[at], at + 1);
        let position = self.at + at as u64;
        match byte {
            b'{' | b'[' => self.open(byte, position),
            b'}' | b']' => self.close(position),
            b',' if self.is_looked_into() => {
                if let Some(place) = self.path.last_mut() {
                    place.index += 1;
                    place.expects_key = place.is_object;
                }
            }
            b':' if self.is_looked_into() => {
                if let Some(place) = self.path.last_mut() {
                    place.expects_key = false;
                }
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => {}
            b'"' => self.begin_text(position),
            _ => {
                self.begin(byte, position);
                self.state = State::Word;
            }
        }
        next
    }

    fn begin_text(&mut self, position: u64) {
        let is_looked_into = self.is_looked_into();
        let key = self.path.last_mut().filter(|place| is_looked_into && place.expects_key);
        let is_key = key.is_some();
        if let Some(place) = key {
            place.begin_key();
        } else {
            self.begin(b'"', position);
        }
        self.state = State::Text { is_key, escaped: false };
    }

    /// A value begins.
    fn begin(&mut self, first: u8, position: u64) {
        if !self.is_looked_into() {
            return;
        }
        let begun = self.path.last_mut().map_or(&mut self.root, |place| &mut place.begun);
        *begun = Some((position, first));
    }

    /// A value has ended, before `position`.
    fn end(&mut self, position: u64) {
        if !self.is_looked_into() {
            return;
        }
        let begun = self.path.last_mut().map_or(&mut self.root, |place| &mut place.begun);
        if let Some((start, first)) = begun.take() {
            (self.see)(&Found { path: &self.path, range: start..position, first });
        }
    }

    fn open(&mut self, byte: u8, position: u64) {
        self.begin(byte, position);
        if self.is_looked_into() && self.depth < self.most {
            self.path.push(Place::new(byte == b'{'));
        }
        self.depth += 1;
    }

    fn close(&mut self, position: u64) {
        let Some(depth) = self.depth.checked_sub(1) else { return };
        if self.is_looked_into() {
            self.path.pop();
        }
        self.depth = depth;
        self.end(position + 1);
        self.is_over = depth == 0;
    }

    /// Goes on with a string.
    fn text(&mut self, piece: &[u8], at: usize, is_key: bool, escaped: bool) -> usize {
        if escaped {
            self.state = State::Text { is_key, escaped: false };
            return at + 1;
        }
        let rest = &piece[at..];
        let length = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        if is_key && let Some(place) = self.path.last_mut() {
            place.keep(&rest[..length]);
            place.is_odd |= rest.get(length) == Some(&b'\\');
        }
        match rest.get(length) {
            None => {}
            Some(b'"') => {
                self.state = State::Between;
                if !is_key {
                    self.end(self.at + (at + length + 1) as u64);
                }
            }
            Some(_) => self.state = State::Text { is_key, escaped: true },
        }
        (at + length + 1).min(piece.len())
    }

    /// Goes on with a number or a literal.
    fn word(&mut self, piece: &[u8], at: usize) -> usize {
        let is_end = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
        let Some(length) = piece[at..].iter().position(is_end) else { return piece.len() };
        self.state = State::Between;
        self.end(self.at + (at + length) as u64);
        at + length
    }
}

#[cfg(test)]
pub(crate) mod tests;
