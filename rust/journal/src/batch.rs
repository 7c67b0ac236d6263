//! Entries that were read, held together until somebody has use for them.

use crate::decode::{Decoded, decode};
use crate::encode::{bound, write};
use crate::entry::Entry;
use crate::read::{Damage, Read, Reader};
use std::io;
use std::ops::Range;

/// Entries that were read, and what was met between them.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<(u32, u8, Range<usize>)>,
    /// What is damaged.
    pub damage: Vec<Damage>,
}

impl Batch {
    /// Reads at most `limit` entries.
    pub fn read(reader: &mut Reader, limit: usize) -> io::Result<Self> {
        let mut batch = Self::default();
        reader.read(limit, &mut |read| match read {
            Read::Entry(worker, entry) => batch.push(worker, &entry),
            Read::Damage(damage) => batch.damage.push(damage),
        })?;
        Ok(batch)
    }

    fn push(&mut self, worker: u32, entry: &Entry<'_>) {
        let (kind, bound) = bound(entry);
        let from = self.bytes.len();
        self.bytes.resize(from + bound, 0);
        let length = write(entry, &mut self.bytes[from..]);
        self.bytes.truncate(from + length);
        self.entries.push((worker, kind, from..self.bytes.len()));
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, and the worker that wrote each.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Entry<'_>)> {
        self.entries.iter().filter_map(|(worker, kind, range)| match decode(*kind, &self.bytes[range.clone()]) {
            Decoded::Entry(entry) => Some((*worker, entry)),
            Decoded::Unknown | Decoded::Broken => None,
        })
    }
}
