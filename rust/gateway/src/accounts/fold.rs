//! The journal, read into accounts.

use super::file::Checkpoint;
use super::since::Since;
use super::tally::Tally;
use admission::Limits;
use journal::{Position, Read, Reader};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// How many entries are read at once.
const BATCH: usize = 10_000;

/// Accounts, and how far the journal is counted into them.
#[derive(Debug)]
pub(super) struct Fold {
    reader: Reader,
    pub(super) tally: Tally,
}

impl Fold {
    /// Goes on from a checkpoint; without one, from the oldest entry that is kept.
    ///
    /// Fails where the checkpoint's position is none.
    pub(super) fn begin(
        directory: &Path,
        limits: &Arc<Limits>,
        since: &Since,
        from: Option<Checkpoint>,
    ) -> Result<Self, String> {
        let position = from.as_ref().map(|from| from.position.parse());
        let position: Position =
            position.transpose().map_err(|error: journal::NoPosition| error.to_string())?.unwrap_or_default();
        Ok(Self { reader: Reader::new(directory, &position), tally: Tally::new(limits, since, from) })
    }

    /// Counts what was written since, up to what is there now. Returns how many entries that were.
    pub(super) fn read(&mut self) -> io::Result<u64> {
        let Self { reader, tally } = self;
        let mut count = 0;
        loop {
            let read = reader.read(BATCH, &mut |read| {
                if let Read::Entry(_, entry) = read {
                    tally.count(&entry);
                }
            })?;
            count += read as u64;
            if read < BATCH {
                return Ok(count);
            }
        }
    }

    /// How far it has read.
    pub(super) fn position(&self) -> Position {
        self.reader.position()
    }

    /// All that a later one needs to go on from here.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        self.tally.checkpoint(&self.position())
    }
}
