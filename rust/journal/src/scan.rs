//! One segment, read record by record through a window: with `pread`, so that a file that is cut short under the reader
//! is an end and no fault.

use crate::decode::{Decoded, decode};
use crate::entry::Entry;
use crate::frame::{self, Frame, HEAD, MOST, space};
use crate::header::{Header, LENGTH};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How much is read at once.
const WINDOW: usize = 256 << 10;

/// A segment that is being read.
#[derive(Debug)]
pub(crate) struct Scan {
    file: File,
    pub(crate) header: Header,
    /// How long the file was when it was last looked at.
    length: u64,
    /// The next record.
    offset: u64,
    window: Vec<u8>,
    window_at: u64,
}

/// A record that was found; its payload stands in the window until the scan goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) offset: u64,
    kind: u8,
    length: usize,
}

/// What comes next in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A record.
    Record(Found),
    /// A stretch that is no record, with records behind it.
    Damage { from: u64, until: u64 },
    /// Nothing more. `torn`: how many bytes stand there that are no record.
    End { torn: u64 },
}

impl Scan {
    /// A segment from its first record on.
    pub(crate) fn new(file: File, header: Header) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file, header, length, offset: LENGTH as u64, window: Vec::new(), window_at: 0 })
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes on at a place.
    pub(crate) fn seek(&mut self, offset: u64) {
        self.offset = offset.max(LENGTH as u64).next_multiple_of(8);
    }

    /// Whether it was closed: then its file is shorter than it was made.
    pub(crate) fn is_closed(&mut self) -> io::Result<bool> {
        self.length = self.file.metadata()?.len();
        Ok(self.length < self.header.capacity || self.offset >= self.length)
    }

    /// Whether anything was written.
    pub(crate) fn has_records(&mut self) -> io::Result<bool> {
        let mut word = [0; 4];
        let read = self.file.read_at(&mut word, LENGTH as u64)?;
        Ok(read == word.len() && word != [0; 4])
    }

    /// What comes next. `is_over`: nobody writes to it any more, so that what follows a gap is looked for.
    pub(crate) fn next(&mut self, is_over: bool) -> io::Result<Next> {
        let mut is_fresh = false;
        loop {
            match self.frame()? {
                Some(found) => return Ok(Next::Record(found)),
                None if !is_fresh => {
                    // What was read a while ago may have been written since.
                    self.forget();
                    is_fresh = true;
                }
                None if is_over || !self.is_blank()? => return self.behind(is_over),
                None => return Ok(Next::End { torn: 0 }),
            }
        }
    }

    /// The entry of a record that was found; none of a kind that this build does not know.
    pub(crate) fn entry(&self, found: Found) -> Option<Entry<'_>> {
        match decode(found.kind, self.payload(found)) {
            Decoded::Entry(entry) => Some(entry),
            Decoded::Unknown | Decoded::Broken => None,
        }
    }

    fn payload(&self, found: Found) -> &[u8] {
        let from = usize::try_from(found.offset - self.window_at).unwrap_or(usize::MAX).saturating_add(HEAD);
        self.window.get(from..from.saturating_add(found.length)).unwrap_or_default()
    }

    /// Goes on behind a record that was found.
    pub(crate) fn pass(&mut self, found: Found) {
        self.offset = found.offset + space(found.length) as u64;
    }

    /// A gap: the record behind it, or the end.
    ///
    /// Where somebody writes, records come one after the other, so there is none behind one that is not whole yet: the
    /// gap is fresh from the file, and a record that was seen behind it was written after it.
    fn behind(&mut self, is_over: bool) -> io::Result<Next> {
        let from = self.offset;
        let mut torn = 0;
        let mut at = from;
        while at + 8 <= self.length {
            let left = self.fill(at)?;
            if left < 8 {
                break;
            }
            let bytes = self.bytes(at);
            // Most of what is behind an end is zeros.
            let blank = bytes.chunks_exact(8).take_while(|chunk| *chunk == [0; 8]).count() as u64 * 8;
            if blank > 0 {
                at += blank;
                continue;
            }
            if at > from && self.record_at(at)?.is_some() {
                return self.damage(from, at, is_over);
            }
            at += 8;
            torn = at - from;
        }
        if at < self.length && self.fill(at)? > 0 && self.bytes(at).iter().any(|byte| *byte != 0) {
            torn = self.length - from;
        }
        self.forget();
        Ok(Next::End { torn })
    }

    /// There is a record behind a gap. Where somebody writes, the gap may have been closed since it was read.
    fn damage(&mut self, from: u64, until: u64, is_over: bool) -> io::Result<Next> {
        if !is_over {
            self.forget();
            if let Some(found) = self.frame()? {
                return Ok(Next::Record(found));
            }
        }
        self.offset = until;
        Ok(Next::Damage { from, until })
    }

    fn frame(&mut self) -> io::Result<Option<Found>> {
        self.record_at(self.offset)
    }

    /// The record at a place.
    fn record_at(&mut self, offset: u64) -> io::Result<Option<Found>> {
        self.fill(offset)?;
        Ok(match frame::read(self.header.salt, offset, self.bytes(offset)) {
            Frame::Record { kind, payload } if decode(kind, payload) != Decoded::Broken => {
                Some(Found { offset, kind, length: payload.len() })
            }
            Frame::Record { .. } | Frame::Blank | Frame::Bad => None,
        })
    }

    fn is_blank(&mut self) -> io::Result<bool> {
        self.fill(self.offset)?;
        Ok(matches!(self.bytes(self.offset), [0, 0, 0, 0, ..] | []))
    }

    /// Reads on, so that a whole record is in the window that begins at `offset` or before, if the file has it. Returns
    /// how many bytes there are.
    fn fill(&mut self, offset: u64) -> io::Result<usize> {
        let have = self.bytes(offset).len();
        if have >= HEAD + MOST || (have > 0 && self.window_at + self.window.len() as u64 >= self.length) {
            return Ok(have);
        }
        self.window.resize(WINDOW, 0);
        let mut read = 0;
        while read < self.window.len() {
            match self.file.read_at(&mut self.window[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(bytes) => read += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.window.truncate(read);
        self.window_at = offset;
        Ok(read)
    }

    fn bytes(&self, offset: u64) -> &[u8] {
        let from = offset.checked_sub(self.window_at).and_then(|from| usize::try_from(from).ok());
        from.and_then(|from| self.window.get(from..)).unwrap_or_default()
    }

    fn forget(&mut self) {
        self.window.clear();
    }
}
