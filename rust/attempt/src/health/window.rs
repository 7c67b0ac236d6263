//! Counts of calls over the last while, and of failures in a row.

use crate::sync::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Buckets of a window.
pub(super) const BUCKETS: u64 = 10;
/// Cells of a lane, used in turn: more than the window has, so that a thread whose clock was read a moment ago still
/// finds its own bucket; a power of two, so that the turn goes on where ticks begin anew.
const CELLS: usize = 16;
/// Counts are the lower half of a cell.
const COUNT: u64 = 0xffff_ffff;

/// The number of a bucket's time.
pub(super) type Tick = u32;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A call was sent.
    Sent,
    /// It was answered well; nothing is known of its first token.
    Good,
    /// It was answered well, the first token came in time.
    Brisk,
    /// It was answered well, the first token was slow.
    Slow,
    /// It failed.
    Failed,
}

/// Events of each kind over the last [`BUCKETS`] ticks.
///
/// On its own cache line, apart from what is only read.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Window([Lane; 5]);

impl Window {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Lane::new()))
    }

    pub(super) fn add(&self, event: Event, tick: Tick) {
        self.0[event as usize].add(tick);
    }

    /// Takes back one event of that tick, if it is still counted.
    pub(super) fn take_back(&self, event: Event, tick: Tick) {
        self.0[event as usize].take_back(tick);
    }

    /// The events of the window that ends in `tick`.
    pub(super) fn counts(&self, tick: Tick) -> Counts {
        let sum = |event: Event| self.0[event as usize].sum(tick);
        Counts {
            sent: sum(Event::Sent),
            good: sum(Event::Good),
            brisk: sum(Event::Brisk),
            slow: sum(Event::Slow),
            failed: sum(Event::Failed),
        }
    }

    pub(super) fn clear(&self) {
        self.0.iter().for_each(Lane::clear);
    }
}

/// The number of the bucket in which a moment lies. `bucket_ns` is at least 1.
#[expect(clippy::cast_possible_truncation, reason = "ticks begin anew after 2^32 of them")]
pub(super) fn tick(now_ns: u64, bucket_ns: u64) -> Tick {
    (now_ns / bucket_ns) as Tick
}

/// Events of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) good: u64,
    pub(super) brisk: u64,
    pub(super) slow: u64,
    pub(super) failed: u64,
}

impl Counts {
    /// Calls that failures are a share of: sent or decided, whichever is more.
    pub(super) fn calls(&self) -> u64 {
        self.sent.max(self.good + self.brisk + self.slow + self.failed)
    }

    /// Calls whose first token was timed.
    pub(super) fn timed(&self) -> u64 {
        self.brisk + self.slow
    }
}

/// One kind of event: for each bucket the tick in the upper half, the count in the lower.
///
/// Both change together, so a bucket is taken over for a new tick without a lock and without losing a count. One count
/// can land 16 ticks later, if a thread is held up for that long between two instructions.
#[derive(Debug)]
struct Lane([AtomicU64; CELLS]);

impl Lane {
    fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    fn cell(&self, tick: Tick) -> &AtomicU64 {
        &self.0[tick as usize % CELLS]
    }

    fn add(&self, tick: Tick) {
        let cell = self.cell(tick);
        let mut seen = cell.load(Relaxed);
        while seen >> 32 != u64::from(tick) {
            match cell.compare_exchange(seen, (u64::from(tick) << 32) | 1, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
        cell.fetch_add(1, Relaxed);
    }

    fn take_back(&self, tick: Tick) {
        let less = |seen: u64| (seen >> 32 == u64::from(tick) && seen & COUNT > 0).then(|| seen - 1);
        // An error says that the tick is not counted any more.
        let _gone = self.cell(tick).fetch_update(Relaxed, Relaxed, less);
    }

    fn sum(&self, tick: Tick) -> u64 {
        let recent = |cell: u64| u64::from(tick).wrapping_sub(cell >> 32) & COUNT < BUCKETS;
        self.0.iter().map(|cell| cell.load(Relaxed)).filter(|cell| recent(*cell)).map(|cell| cell & COUNT).sum()
    }

    fn clear(&self) {
        for cell in &self.0 {
            if cell.load(Relaxed) != 0 {
                cell.store(0, Relaxed);
            }
        }
    }
}

/// Failures in a row, of two kinds: a first token ends a row of calls that had none, and only a whole answer ends a row
/// of answers that were cut. One row for both would never see a provider that cuts every stream, or would open the
/// breaker of one whose good answers take longer than its failures.
#[derive(Debug)]
pub(super) struct Rows {
    missed: AtomicU32,
    cut: AtomicU32,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self { missed: AtomicU32::new(0), cut: AtomicU32::new(0) }
    }

    /// Counts a failure; returns how many there are now of its kind.
    pub(super) fn fail(&self, was_answered: bool) -> u32 {
        let row = if was_answered { &self.cut } else { &self.missed };
        row.fetch_add(1, Relaxed).saturating_add(1)
    }

    /// A first token came.
    pub(super) fn answered(&self) {
        end(&self.missed);
    }

    /// A whole answer came, or all starts anew.
    pub(super) fn clear(&self) {
        end(&self.missed);
        end(&self.cut);
    }
}

/// Writes only where there is something to end.
fn end(row: &AtomicU32) {
    if row.load(Relaxed) != 0 {
        row.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bucket_counts_for_ten_ticks_its_own_included() {
        let window = Window::new();
        window.add(Event::Failed, 7);
        assert_eq!(window.counts(7).failed, 1);
        assert_eq!(window.counts(16).failed, 1);
        assert_eq!(window.counts(17).failed, 0);
        assert_eq!(window.counts(6).failed, 0, "what is yet to come does not count");
    }

    #[test]
    fn a_bucket_is_taken_over_whole() {
        let window = Window::new();
        for tick in [3, 3, 3, 19] {
            window.add(Event::Sent, tick);
        }
        assert_eq!((window.counts(3).sent, window.counts(19).sent), (0, 1));
        window.take_back(Event::Sent, 3);
        assert_eq!(window.counts(19).sent, 1, "that tick is gone");
        window.take_back(Event::Sent, 19);
        window.take_back(Event::Sent, 19);
        assert_eq!(window.counts(19).sent, 0, "nothing is taken twice");
    }

    #[test]
    fn a_window_lies_across_the_end_of_the_ticks() {
        let window = Window::new();
        window.add(Event::Good, Tick::MAX);
        assert_eq!(window.counts(3).good, 1);
    }

    #[test]
    fn kinds_are_counted_apart_and_cleared_together() {
        let window = Window::new();
        let kinds = [Event::Sent, Event::Good, Event::Brisk, Event::Slow, Event::Failed];
        for (times, event) in (1..).zip(kinds) {
            (0..times).for_each(|_| window.add(event, 1));
        }
        let counts = window.counts(1);
        assert_eq!(counts, Counts { sent: 1, good: 2, brisk: 3, slow: 4, failed: 5 });
        assert_eq!((counts.calls(), counts.timed()), (14, 7));
        assert_eq!(Counts { sent: 15, ..counts }.calls(), 15);
        window.clear();
        assert_eq!(window.counts(1), Counts::default());
    }

    #[test]
    fn a_first_token_ends_the_row_of_calls_without_one_and_no_other() {
        let rows = Rows::new();
        assert_eq!((rows.fail(false), rows.fail(false), rows.fail(true)), (1, 2, 1));
        rows.answered();
        assert_eq!((rows.fail(false), rows.fail(true)), (1, 2));
        rows.clear();
        assert_eq!((rows.fail(false), rows.fail(true)), (1, 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn a_lane_counts_what_a_list_counts(
            steps in prop::collection::vec((prop_oneof![8 => 0_u64..3, 1 => 0_u64..40], 0_u8..4, 0_u64..15), 1..60),
            start in prop_oneof![0_u64..30, COUNT - 60..COUNT],
        ) {
            let lane = Lane::new();
            let mut list: Vec<u64> = Vec::new();
            let mut tick = start;
            for (step, act, age) in steps {
                tick += step;
                list.retain(|held| tick - held < BUCKETS);
                if act == 0 {
                    let old = tick.saturating_sub(age);
                    lane.take_back(super::tick(old, 1));
                    if let Some(at) = list.iter().position(|held| *held == old) {
                        list.swap_remove(at);
                    }
                } else {
                    lane.add(super::tick(tick, 1));
                    list.push(tick);
                }
                prop_assert_eq!(lane.sum(super::tick(tick, 1)), list.len() as u64);
            }
        }
    }
}
