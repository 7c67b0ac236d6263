//! Atomics and locks: std's, or loom's, which tries every interleaving (`--cfg loom`).
//!
//! `Arc` is std's in both: what is modelled is the state, not how long it lives.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// The lock, whatever a thread that panicked with it left behind: what it guards are counts, right or slightly wrong.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
