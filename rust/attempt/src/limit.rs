//! How many calls may be open with one credential and model: a limit that the provider's refusals set.
//!
//! The number that a provider can take is not known, changes, and shows only when it is passed: in "too many requests"
//! and "overloaded". Time to answer does not show it, since it follows the length of the output. So the limit starts at
//! a ceiling that a healthy provider never meets, falls by a tenth with refusals (once a second: those of one burst are
//! one message), and grows by one for as many successes in a row as it has places. Calls above it go elsewhere at once, instead
//! of earning the next refusal.
//!
//! Source: additive increase, multiplicative decrease, with the figures of Netflix's `concurrency-limits`
//! (`AIMDLimit`: 0.9, no growth while less than half is used). Departure: that one starts low and grows; starting high,
//! a cut has to come down to where the load is, or thirty refused seconds would go by before it is felt.

use crate::sync::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Between two cuts.
const CUT_EVERY_NS: u64 = 1_000_000_000;
/// A cut starts from twice the load, but the load of a quiet moment says little: not from below this.
const QUIET: u32 = 20;

/// The level of a limit that was never cut, or has grown back to its ceiling.
const UNCUT: u32 = u32::MAX;

/// A limit that adapts, shared by all workers.
///
/// All orderings are relaxed: the numbers guard no other data. Entering and leaving cost one write each; a success at
/// the ceiling costs none.
#[derive(Debug)]
pub struct Limit {
    ceiling: AtomicU32,
    /// The level in the upper half, which the ceiling bounds; in the lower, successes in a row since it last changed.
    level: AtomicU64,
    in_flight: AtomicU32,
    /// The most that was in flight since the last cut.
    peak: AtomicU32,
    next_cut_ns: AtomicU64,
}

impl Limit {
    /// A limit at its ceiling of `max`, at least 1.
    pub fn new(max: u32) -> Self {
        Self {
            ceiling: AtomicU32::new(max.max(1)),
            level: AtomicU64::new(packed(UNCUT, 0)),
            in_flight: AtomicU32::new(0),
            peak: AtomicU32::new(0),
            next_cut_ns: AtomicU64::new(0),
        }
    }

    /// Another ceiling, at least 1. A limit at its ceiling follows it up, a lower one has to grow.
    pub fn set_max(&self, max: u32) {
        self.ceiling.store(max.max(1), Relaxed);
    }

    /// Takes room for one more call, which owes a [`Limit::leave`]; false: there is none, and nothing has changed.
    #[must_use]
    pub fn try_enter(&self) -> bool {
        let level = self.level();
        let entered = self.in_flight.fetch_update(Relaxed, Relaxed, |open| (open < level).then(|| open + 1));
        if let Ok(before) = entered
            && before >= self.peak.load(Relaxed)
        {
            self.peak.fetch_max(before + 1, Relaxed);
        }
        entered.is_ok()
    }

    /// A call that had entered is over.
    pub fn leave(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// The provider refused a call because it has too many. `now_ns` is monotonic.
    ///
    /// A refusal that cuts nothing still starts the count of successes anew: a limit that is refused does not grow.
    pub fn throttled(&self, now_ns: u64) {
        let due_ns = self.next_cut_ns.load(Relaxed);
        let next_ns = now_ns.saturating_add(CUT_EVERY_NS);
        // Of threads that see the same refusals, one cuts.
        if now_ns < due_ns || self.next_cut_ns.compare_exchange(due_ns, next_ns, Relaxed, Relaxed).is_err() {
            self.change(|level, successes| (successes > 0).then(|| packed(level, 0)));
            return;
        }
        let peak = self.peak.swap(self.in_flight(), Relaxed);
        let most = peak.saturating_mul(2).max(QUIET).min(self.ceiling.load(Relaxed));
        self.change(|level, _| Some(packed(tenth_off(level.min(most)), 0)));
    }

    /// A call succeeded; said before it leaves. A limit of which less than half is used does not grow.
    pub fn succeeded(&self) {
        let level = self.level();
        let ceiling = self.ceiling.load(Relaxed);
        if level >= ceiling || self.in_flight().saturating_mul(2) < level {
            return;
        }
        self.change(|level, successes| match (level.saturating_add(1), successes + 1) {
            (next, _) if next > ceiling => None,
            (_, successes) if successes < level => Some(packed(level, successes)),
            (next, _) => Some(packed(if next == ceiling { UNCUT } else { next }, 0)),
        });
    }

    /// How many calls may be open now.
    pub fn level(&self) -> u32 {
        unpacked(self.level.load(Relaxed)).0.min(self.ceiling.load(Relaxed))
    }

    /// How many are open; more than the level for a while after a cut.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    fn change(&self, to: impl Fn(u32, u32) -> Option<u64>) {
        // An error says that `to` found nothing to change.
        let _same = self.level.fetch_update(Relaxed, Relaxed, |now| {
            let (level, successes) = unpacked(now);
            to(level, successes)
        });
    }
}

fn tenth_off(level: u32) -> u32 {
    (level - level.div_ceil(10)).max(1)
}

fn packed(level: u32, successes: u32) -> u64 {
    (u64::from(level) << 32) | u64::from(successes)
}

fn unpacked(packed: u64) -> (u32, u32) {
    ((packed >> 32) as u32, (packed & 0xffff_ffff) as u32)
}

#[cfg(test)]
mod tests;
