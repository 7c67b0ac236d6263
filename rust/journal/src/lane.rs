//! What a worker's writer and the keeper share, and what others may count.

use crate::segment::{Pen, Segment};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The kinds of entries, in the order of [`State::entries`].
pub const KINDS: [&str; 4] = ["opened", "sent", "settled", "closed"];

/// One worker's way to the disk.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    hand: Mutex<Hand>,
    /// Entries by kind; the worker alone adds.
    pub(crate) entries: [AtomicU64; KINDS.len()],
    /// Their bytes, with all around them.
    pub(crate) bytes: AtomicU64,
}

/// What passes from hand to hand; held for a move and no longer.
#[derive(Debug, Default)]
pub(crate) struct Hand {
    /// The segment that comes next.
    pub(crate) next: Option<Pen>,
    /// The one that is written.
    pub(crate) current: Option<Arc<Segment>>,
    /// Those that are full.
    pub(crate) left: Vec<Arc<Segment>>,
    /// The writer is gone.
    pub(crate) is_done: bool,
}

impl Lane {
    pub(crate) fn hand(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an entry; from the worker alone.
    #[inline]
    pub(crate) fn count(&self, kind: usize, bytes: usize) {
        if let Some(counter) = self.entries.get(kind) {
            counter.store(counter.load(Relaxed) + 1, Relaxed);
        }
        self.bytes.store(self.bytes.load(Relaxed) + bytes as u64, Relaxed);
    }
}

/// What a journal did and how it is, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// Entries since the start, in the order of [`KINDS`].
    pub entries: [u64; KINDS.len()],
    /// Their bytes.
    pub bytes: u64,
    /// Segments in the directory, those that are written and allocated ahead included.
    pub segments: u64,
    /// How long ago everything that was appended was on the disk, in nanoseconds; 0 where it is.
    pub lag_ns: u64,
    /// Workers that have no segment ready behind the one that they write: nearly always because the disk is full.
    pub waiting: u64,
    /// How often the disk did not take what it was handed.
    pub sync_errors: u64,
    /// Segments found at the start whose last entry was never finished.
    pub torn_tails: u64,
    /// Segments that were removed before all consumers had read them.
    pub removed_unread: u64,
}
