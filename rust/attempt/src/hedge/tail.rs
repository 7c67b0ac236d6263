//! The 95th percentile of the time to the first token, of late.

use std::array::from_fn;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Times are counted in spans of a minute, the last four of them together.
const SPAN_NS: u64 = 60_000_000_000;
const SPANS: usize = 4;
/// With fewer times than this, their 95th percentile is hardly more than the longest of them.
const ENOUGH: u64 = 50;
/// Eight buckets to each doubling, from 2^20 ns (1 ms) to 2^39 ns (9 minutes): a bucket is at most an eighth wide.
const FINEST_BITS: u32 = 3;
const LOWEST_EXPONENT: u32 = 20;
const HIGHEST_EXPONENT: u32 = 38;
const BUCKETS: usize = ((HIGHEST_EXPONENT - LOWEST_EXPONENT + 1) << FINEST_BITS) as usize;
/// How long a computed percentile is good for.
const FRESH_NS: u64 = 1_000_000_000;

/// The times to the first token of one deployment over the last four minutes; shared over workers, 2.4 KiB.
///
/// Without locks: counts are added up relaxed, and the first to come in a new minute clears the oldest. Whoever counts
/// at the same moment may lose his count; of an estimate over a thousand calls that is nothing.
#[derive(Debug)]
pub struct Tail {
    spans: [Span; SPANS],
    /// The last percentile in microseconds (0: not known), and in the upper half the second after it was computed.
    computed: AtomicU64,
}

#[derive(Debug)]
struct Span {
    /// Which minute is counted, from 1; 0 for none.
    minute: AtomicU32,
    counts: [AtomicU32; BUCKETS],
}

impl Default for Tail {
    fn default() -> Self {
        let span = |_| Span { minute: AtomicU32::new(0), counts: from_fn(|_| AtomicU32::new(0)) };
        Self { spans: from_fn(span), computed: AtomicU64::new(0) }
    }
}

impl Tail {
    /// Nothing known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts the time to the first token of a first try. One that lost to its second attempt is counted with the time that
    /// it had waited: left out, the longest times would be missing, and second attempts would come sooner and sooner.
    pub fn record(&self, now_ns: u64, ttft_ns: u64) {
        let count = self.span(minute(now_ns)).and_then(|span| span.counts.get(bucket(ttft_ns)));
        if let Some(count) = count {
            count.fetch_add(1, Relaxed);
        }
    }

    /// The time within which 95 % of first tokens came, in nanoseconds: at least the true one, at most an eighth more.
    /// Up to a second old; none while fewer than 50 are known.
    pub fn p95_ns(&self, now_ns: u64) -> Option<u64> {
        let second = low(now_ns / FRESH_NS).wrapping_add(1);
        let computed = self.computed.load(Relaxed);
        let us = if computed >> 32 == u64::from(second) {
            low(computed)
        } else {
            let us = self.compute(minute(now_ns)).map_or(0, |ns| low(ns.div_ceil(1000)));
            self.computed.store((u64::from(second) << 32) | u64::from(us), Relaxed);
            us
        };
        (us > 0).then(|| u64::from(us) * 1000)
    }

    fn compute(&self, minute: u32) -> Option<u64> {
        let count = |bucket: usize| -> u64 {
            let live = self.spans.iter().filter(|span| span.is_live(minute));
            live.filter_map(|span| span.counts.get(bucket)).map(|count| u64::from(count.load(Relaxed))).sum()
        };
        let total: u64 = (0..BUCKETS).map(count).sum();
        if total < ENOUGH {
            return None;
        }
        let mut left = (total * 95).div_ceil(100);
        (0..BUCKETS).find_map(|bucket| {
            left = left.saturating_sub(count(bucket));
            (left == 0).then(|| highest(bucket))
        })
    }

    /// The counts of a minute, cleared if they were of an older one; none when they are of a newer one already.
    fn span(&self, minute: u32) -> Option<&Span> {
        let span = self.spans.get(minute as usize % SPANS)?;
        let held = span.minute.load(Relaxed);
        if held > minute {
            return None;
        }
        if held < minute && span.minute.compare_exchange(held, minute, Relaxed, Relaxed).is_ok() {
            span.counts.iter().for_each(|count| count.store(0, Relaxed));
        }
        Some(span)
    }
}

impl Span {
    /// Whether its minute is among the last four; a clock that is a little behind counts too.
    fn is_live(&self, minute: u32) -> bool {
        let held = self.minute.load(Relaxed);
        held != 0 && minute.saturating_sub(held) < low(SPANS as u64)
    }
}

fn minute(now_ns: u64) -> u32 {
    low(now_ns / SPAN_NS).saturating_add(1)
}

fn bucket(ns: u64) -> usize {
    let ns = ns.clamp(1 << LOWEST_EXPONENT, (1 << (HIGHEST_EXPONENT + 1)) - 1);
    let exponent = ns.ilog2();
    let part = (ns >> (exponent - FINEST_BITS)) & ((1 << FINEST_BITS) - 1);
    (((exponent - LOWEST_EXPONENT) << FINEST_BITS) | low(part)) as usize
}

/// The longest time of a bucket.
const fn highest(bucket: usize) -> u64 {
    let exponent = LOWEST_EXPONENT + low(bucket as u64 >> FINEST_BITS);
    let part = bucket as u64 & ((1 << FINEST_BITS) - 1);
    (((1 << FINEST_BITS) + part + 1) << (exponent - FINEST_BITS)) - 1
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by what comes in: seconds, minutes, a part of a bucket")]
const fn low(word: u64) -> u32 {
    word as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;
    const MINUTE: u64 = SPAN_NS;

    fn many(tail: &Tail, now_ns: u64, ttft_ns: u64, times: u32) {
        (0..times).for_each(|_| tail.record(now_ns, ttft_ns));
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        for index in 1..BUCKETS {
            let lowest = highest(index - 1) + 1;
            assert_eq!((bucket(lowest - 1), bucket(lowest), bucket(highest(index))), (index - 1, index, index));
        }
    }

    #[test]
    fn nothing_is_said_before_enough_is_known() {
        let tail = Tail::new();
        many(&tail, 0, 400 * MS, 49);
        assert_eq!(tail.p95_ns(0), None);
        many(&tail, 0, 400 * MS, 1);
        assert_eq!(tail.p95_ns(0), None, "what was computed is good for a second");
        assert!(tail.p95_ns(FRESH_NS).is_some_and(|ns| (400 * MS..=450 * MS).contains(&ns)));
    }

    #[test]
    fn one_time_in_twenty_may_be_long() {
        let tail = Tail::new();
        many(&tail, 0, 400 * MS, 95);
        many(&tail, 0, 9_000 * MS, 5);
        assert!(tail.p95_ns(0).is_some_and(|ns| ns <= 450 * MS));
        many(&tail, 0, 9_000 * MS, 1);
        assert!(tail.p95_ns(FRESH_NS).is_some_and(|ns| ns >= 9_000 * MS));
    }

    #[test]
    fn what_is_older_than_four_minutes_is_forgotten() {
        let tail = Tail::new();
        many(&tail, 0, 9_000 * MS, 100);
        many(&tail, 2 * MINUTE, 400 * MS, 100);
        assert!(tail.p95_ns(4 * MINUTE - 1).is_some_and(|ns| ns >= 9_000 * MS));
        assert!(tail.p95_ns(4 * MINUTE).is_some_and(|ns| ns <= 450 * MS));
        assert_eq!(tail.p95_ns(6 * MINUTE), None);
        many(&tail, 8 * MINUTE, 700 * MS, 50);
        assert!(
            tail.p95_ns(8 * MINUTE).is_some_and(|ns| (700 * MS..=790 * MS).contains(&ns)),
            "a span that is used again is cleared"
        );
    }

    #[test]
    fn a_count_from_a_minute_that_is_gone_does_no_harm() {
        let tail = Tail::new();
        many(&tail, 4 * MINUTE, 400 * MS, 50);
        many(&tail, 0, 9_000 * MS, 50);
        assert!(tail.p95_ns(4 * MINUTE).is_some_and(|ns| ns <= 450 * MS));
    }

    #[test]
    fn threads_count_together() {
        let tail = Tail::new();
        tail.record(0, 400 * MS); // the minute is begun: from here on no count is lost
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| many(&tail, 0, 400 * MS, 10_000));
            }
        });
        let counted: u32 = tail.spans.iter().flat_map(|span| &span.counts).map(|count| count.load(Relaxed)).sum();
        assert_eq!(counted, 40_001);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn a_bucket_holds_its_time_and_is_an_eighth_wide(ns in (0..40_u32, any::<u64>()).prop_map(|(bits, n)| n >> (24 + bits))) {
            let held = ns.clamp(1 << LOWEST_EXPONENT, (1 << (HIGHEST_EXPONENT + 1)) - 1);
            let highest = highest(bucket(ns));
            prop_assert!(held <= highest && highest <= held + held / 8);
        }

        #[test]
        fn the_percentile_is_that_of_the_sorted_times_or_an_eighth_more(
            times in prop::collection::vec((0..240_u64, 2 * MS..300_000 * MS), 50..120),
        ) {
            let tail = Tail::new();
            for (second, ns) in &times {
                tail.record(second * FRESH_NS, *ns);
            }
            let mut sorted: Vec<_> = times.iter().map(|(_, ns)| *ns).collect();
            sorted.sort_unstable();
            let truth = sorted[(sorted.len() * 95).div_ceil(100) - 1];
            let found = tail.p95_ns(239 * FRESH_NS).expect("enough");
            prop_assert!(truth <= found && found <= truth + truth / 8 + 1000, "{truth} {found}");
        }
    }
}
