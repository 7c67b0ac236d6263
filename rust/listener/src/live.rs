//! What is open right now, over all workers.
//!
//! The gauges move when a connection opens, closes or changes its version, never per request: they are shared lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Gauges and counters of the listener; one value shared by all workers.
#[derive(Debug, Default)]
pub struct Live {
    open: AtomicU64,
    counted: AtomicU32,
    refusing: AtomicU32,
    handshakes: AtomicU64,
    http1: AtomicU64,
    http2: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    tls_failed: AtomicU64,
    accept_failed: AtomicU64,
    stalled: AtomicU64,
}

/// How many connections over the limit may be told so at once; the rest is closed without a word.
const REFUSALS_AT_ONCE: u32 = 64;

impl Live {
    /// Nothing open.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Open connections, those within their TLS handshake included.
    pub fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    /// Open connections that count towards the limit: not from this machine.
    pub fn counted(&self) -> u32 {
        self.counted.load(Relaxed)
    }

    /// Connections within their TLS handshake.
    pub fn handshakes(&self) -> u64 {
        self.handshakes.load(Relaxed)
    }

    /// Open connections that speak HTTP/1.1, or have not said yet what they speak.
    pub fn http1(&self) -> u64 {
        self.http1.load(Relaxed)
    }

    /// Open connections that speak HTTP/2.
    pub fn http2(&self) -> u64 {
        self.http2.load(Relaxed)
    }

    /// Connections accepted since start.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Connections refused since start because there were too many.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// TLS handshakes that failed since start.
    pub fn tls_failed(&self) -> u64 {
        self.tls_failed.load(Relaxed)
    }

    /// Times that accepting failed since start, for want of file descriptors in particular.
    pub fn accept_failed(&self) -> u64 {
        self.accept_failed.load(Relaxed)
    }

    /// Answers given up since start because their caller did not read them.
    pub fn stalled(&self) -> u64 {
        self.stalled.load(Relaxed)
    }

    pub(crate) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_tls_failed(&self) {
        self.tls_failed.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_accept_failed(&self) {
        self.accept_failed.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_stalled(&self) {
        self.stalled.fetch_add(1, Relaxed);
    }

    /// A place among the connections that count; `None` when all `max` are taken.
    pub(crate) fn seat(self: &Arc<Self>, max: u32) -> Option<Held> {
        self.held_below(|live| &live.counted, max)
    }

    /// A place among those that are told that there is none; `None` when too many are being told already.
    pub(crate) fn refusal(self: &Arc<Self>) -> Option<Held> {
        self.held_below(|live| &live.refusing, REFUSALS_AT_ONCE)
    }

    pub(crate) fn opened(self: &Arc<Self>) -> Gauged {
        Gauged::new(self, |live| &live.open)
    }

    pub(crate) fn handshaking(self: &Arc<Self>) -> Gauged {
        Gauged::new(self, |live| &live.handshakes)
    }

    pub(crate) fn speaks_http1(self: &Arc<Self>) -> Gauged {
        Gauged::new(self, |live| &live.http1)
    }

    pub(crate) fn speaks_http2(self: &Arc<Self>) -> Gauged {
        Gauged::new(self, |live| &live.http2)
    }

    fn held_below(self: &Arc<Self>, which: fn(&Self) -> &AtomicU32, max: u32) -> Option<Held> {
        let below = |taken| (taken < max).then_some(taken + 1);
        which(self).fetch_update(Relaxed, Relaxed, below).ok()?;
        Some(Held { live: Arc::clone(self), which })
    }
}

/// A place that is held until dropped.
#[derive(Debug)]
pub(crate) struct Held {
    live: Arc<Live>,
    which: fn(&Live) -> &AtomicU32,
}

impl Drop for Held {
    fn drop(&mut self) {
        (self.which)(&self.live).fetch_sub(1, Relaxed);
    }
}

/// One more on a gauge until dropped.
#[derive(Debug)]
pub(crate) struct Gauged {
    live: Arc<Live>,
    which: fn(&Live) -> &AtomicU64,
}

impl Gauged {
    fn new(live: &Arc<Live>, which: fn(&Live) -> &AtomicU64) -> Self {
        which(live).fetch_add(1, Relaxed);
        Self { live: Arc::clone(live), which }
    }
}

impl Drop for Gauged {
    fn drop(&mut self) {
        (self.which)(&self.live).fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_end_at_the_limit_and_come_back() {
        let live = Live::new();
        let first = live.seat(2);
        let second = live.seat(2);
        assert!(first.is_some() && second.is_some());
        assert!(live.seat(2).is_none());
        assert_eq!(live.counted(), 2);
        drop(first);
        assert!(live.seat(2).is_some());
    }

    #[test]
    fn gauges_fall_when_their_guards_go() {
        let live = Live::new();
        let guards = (live.opened(), live.speaks_http2());
        assert_eq!((live.open(), live.http2(), live.http1()), (1, 1, 0));
        drop(guards);
        assert_eq!((live.open(), live.http2()), (0, 0));
    }
}
