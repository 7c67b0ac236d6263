//! Locks and atomics of accounts.
//!
//! Each atomic stands alone, so all orderings are relaxed; what belongs together is behind a lock.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};

/// The lock, whatever a thread that panicked with it left behind: what it guards are counts, right or slightly wrong.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
