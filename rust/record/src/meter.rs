//! Counters that one worker writes and anybody reads.
//!
//! Each has one writer, so adding is a relaxed load and a relaxed store: no locked instruction, no shared line. Readers
//! on other threads see a value that was true a moment ago.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds; from the owning worker alone.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Starts anew; from the owning worker alone.
    pub(crate) fn clear(&self) {
        self.0.store(0, Relaxed);
    }

    /// The value.
    pub fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that grows and shrinks.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Adds, or takes away; from the owning worker alone.
    pub fn add(&self, n: i64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Sets the value.
    pub fn set(&self, n: i64) {
        self.0.store(n, Relaxed);
    }

    /// The value.
    pub fn read(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// Durations in buckets.
#[derive(Debug)]
pub struct Histogram {
    bounds_ns: &'static [u64],
    counts: Box<[Counter]>,
    sum_ns: Counter,
}

impl Histogram {
    /// An empty histogram. `bounds_ns` are upper bounds in nanoseconds, ascending; a bucket beyond the last is added.
    pub fn new(bounds_ns: &'static [u64]) -> Self {
        Self {
            bounds_ns,
            counts: (0..=bounds_ns.len()).map(|_| Counter::default()).collect(),
            sum_ns: Counter::default(),
        }
    }

    /// Counts one duration.
    pub fn observe(&self, ns: u64) {
        let bucket = self.bounds_ns.partition_point(|bound| *bound < ns);
        self.counts[bucket].add(1);
        self.sum_ns.add(ns);
    }

    /// Upper bounds in nanoseconds, without the last, unbounded one.
    pub fn bounds_ns(&self) -> &'static [u64] {
        self.bounds_ns
    }

    /// How many fell into each bucket, the unbounded one last; and the sum in nanoseconds.
    pub fn read(&self) -> (Vec<u64>, u64) {
        (self.counts.iter().map(Counter::read).collect(), self.sum_ns.read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_own_bucket() {
        let histogram = Histogram::new(&[10, 20]);
        for ns in [0, 10, 11, 20, 21, 1000] {
            histogram.observe(ns);
        }
        assert_eq!(histogram.read(), (vec![2, 2, 2], 1062));
    }
}
