//! Places: how many calls at once.

use crate::sync::{AtomicU64, Ordering::Relaxed};

/// Places that are taken, shared by all workers. All orderings are relaxed: the number guards no other data.
#[derive(Debug, Default)]
pub struct Places(AtomicU64);

impl Places {
    /// Takes one of `most`, and owes a [`Places::leave`]; or none.
    #[must_use]
    pub fn take(&self, most: u64) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |taken| (taken < most).then(|| taken + 1)).is_ok()
    }

    /// Takes one whether or not it is free.
    pub fn take_anyway(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// Gives one back.
    pub fn leave(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// How many are taken.
    pub fn taken(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
