//! A place in a body that is held in pieces, and the ways on from it.

use crate::scan::plain;
use bytes::Bytes;

/// The longest key that is told from others.
const LONGEST: usize = 32;

/// A key, as far as it is told from others.
#[derive(Debug, Default)]
pub(super) struct Key {
    bytes: [u8; LONGEST],
    /// More than [`LONGEST`] where it is longer.
    length: usize,
}

impl Key {
    /// Its name, decoded; empty where it is longer than any that is looked for.
    pub(super) fn name(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
        }
        self.length = (self.length + 1).min(LONGEST + 1);
    }
}

/// Stands before a byte; behind the last one everything is over.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'p> {
    rest: &'p [u8],
    more: std::slice::Iter<'p, Bytes>,
    passed: usize,
}

impl<'p> Cursor<'p> {
    /// Before the first byte of an object.
    pub(super) fn new(pieces: &'p [Bytes]) -> Self {
        Self { rest: &[], more: pieces.iter(), passed: 0 }
    }

    /// Before the first byte of what stands in the rest of a piece and in those behind it.
    pub(super) fn within(rest: &'p [u8], more: &'p [Bytes]) -> Self {
        Self { rest, more: more.iter(), passed: 0 }
    }

    /// Before the first byte of a value.
    pub(super) fn of(value: &'p [u8]) -> Self {
        Self { rest: value, more: [].iter(), passed: 0 }
    }

    /// How many bytes were passed.
    pub(super) fn passed(&self) -> usize {
        self.passed
    }

    /// The next key of the outermost object, from its bracket or from behind a value on; stands before its value then.
    pub(super) fn key(&mut self) -> Option<Key> {
        while self.next()? != b'"' {}
        let mut key = Key::default();
        loop {
            match self.next()? {
                b'"' => break,
                b'\\' => key.push(self.escaped()?),
                byte => key.push(byte),
            }
        }
        while self.next()? != b':' {}
        while matches!(self.peek()?, b' ' | b'\n' | b'\r' | b'\t') {
            self.next()?;
        }
        Some(key)
    }

    /// The value, as it is spelt.
    pub(super) fn value(&mut self) -> Vec<u8> {
        let mut start = self.clone();
        self.skip_value();
        let mut value = vec![0; self.passed - start.passed];
        start.copy(&mut value);
        value
    }

    /// Goes behind a value, or to the end where it is cut.
    pub(super) fn skip_value(&mut self) {
        let _cut = self.pass_value();
    }

    /// Copies what comes, as much as there is room for; returns how much that was.
    pub(super) fn copy(&mut self, buffer: &mut [u8]) -> usize {
        let mut copied = 0;
        while copied < buffer.len() && self.peek().is_some() {
            let part = self.rest.len().min(buffer.len() - copied);
            buffer[copied..copied + part].copy_from_slice(&self.rest[..part]);
            self.pass(part);
            copied += part;
        }
        copied
    }

    fn pass_value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => {
                self.pass(1);
                self.pass_text()
            }
            b'{' | b'[' => self.pass_brackets(),
            _ => {
                while !matches!(self.peek()?, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') {
                    self.pass(1);
                }
                Some(())
            }
        }
    }

    fn pass_brackets(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.next()? {
                b'"' => self.pass_text()?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(());
                    }
                }
                _ => {}
            }
        }
    }

    /// Goes behind a string whose opening quote was passed.
    fn pass_text(&mut self) -> Option<()> {
        loop {
            self.peek()?;
            self.pass(plain::run(self.rest));
            if self.rest.is_empty() {
                continue;
            }
            match self.next()? {
                b'"' => return Some(()),
                // What follows `\u` are digits.
                b'\\' => {
                    self.next()?;
                }
                _ => {}
            }
        }
    }

    /// The byte that an escape stands for, whose backslash was passed; one that no key looked for has where it is none of
    /// ASCII.
    fn escaped(&mut self) -> Option<u8> {
        let byte = self.next()?;
        if byte != b'u' {
            return Some(plain::simple_escape(byte).unwrap_or(u8::MAX));
        }
        let mut value = 0;
        for _ in 0..4 {
            value = value << 4 | char::from(self.next()?).to_digit(16)?;
        }
        Some(u8::try_from(value).ok().filter(u8::is_ascii).unwrap_or(u8::MAX))
    }

    fn peek(&mut self) -> Option<u8> {
        while self.rest.is_empty() {
            self.rest = self.more.next()?;
        }
        self.rest.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.pass(1);
        Some(byte)
    }

    /// Passes bytes of this piece.
    fn pass(&mut self, count: usize) {
        self.rest = &self.rest[count..];
        self.passed += count;
    }
}
