//! What tapes hold together.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts the bytes that tapes hold.
#[derive(Debug, Default)]
pub struct Stock(AtomicU64);

impl Stock {
    /// How many there are.
    pub fn bytes(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn take(&self, bytes: usize) {
        self.0.fetch_sub(bytes as u64, Relaxed);
    }
}
