//! Live load of one target: open calls, how long first tokens take there, and how much quota is left.
//!
//! Three words, each changed on its own and without order, since each is an estimate of something that is already past.
//! The time to the first token is a moving average that jumps up at once and decays over 10 s ("peak EWMA"): bad news
//! counts in full, good news has to last. Three rules keep it from being fooled:
//! - What is fast because it fails is not fast: [`Load::penalise`] counts a refusal as a long wait.
//! - A place that nobody has heard of gets one call at a time until its first token came, not all of them.
//! - While a call waits for its first token the estimate does not fade: a place that hangs must not look better by the
//!   second. Otherwise it fades, so that a place that was bad is looked at again.
//!
//! Source: linkerd2-proxy, `PeakEwma` (jump, 10 s) and Linkerd's load biaser (5 s for a 429); Finagle, `PeakEwma` (what
//! is new). Ours is in integers, in one word, and does not fade under a waiting call.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A refusal, when the provider does not say how long to wait.
pub const REFUSAL_NS: u64 = 5_000_000_000;
/// The longest wait that a refusal counts as.
const MAX_PENALTY_NS: u64 = 300_000_000_000;
/// What a target that has calls and never had a token is taken for: slower than anything that is known.
const UNPROVEN_US: u32 = u32::MAX;
/// 2^24 ns are a tick (16.8 ms): 32 bits of them are two years.
const TICK_SHIFT: u32 = 24;
/// 2^32 / (10 s · ln 2 in ticks): how much of a halving a tick is.
const HALVING_PER_TICK: u64 = 10_395_713;
/// How far 2^-x bends below the straight line from 1 to 1/2, at 4 times its middle, in 32 bits.
const BEND: u64 = 736_899_888;
/// Ticks until what a provider said of its quota is forgotten: one minute, over which they fill up.
const QUOTA_TICKS: u32 = 3576;

const ONE_OPEN: u64 = 1;
const ONE_WAITING: u64 = 1 << 32;

/// Live load of one target; shared over workers, and over reloads.
#[derive(Debug)]
pub struct Load {
    key: u64,
    /// Open calls; in the upper half those that wait for their first token.
    calls: AtomicU64,
    /// Microseconds to the first token (0: never heard), and in the upper half the tick when that was seen.
    pace: AtomicU64,
    /// Quota that is used, per mille (0 also: never heard), and in the upper half the tick when that was said.
    quota: AtomicU64,
}

impl Load {
    /// An idle target that nothing is known of. `id` is its stable name: [`super::affine`] sends a session to the same
    /// place in every process that knows it by that name.
    pub fn new(id: &str) -> Self {
        let key = id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3) // FNV-1a
        });
        Self { key, calls: AtomicU64::new(0), pace: AtomicU64::new(0), quota: AtomicU64::new(0) }
    }

    /// Counts a call that is sent now, and waits for its first token. It owes a [`Load::end`].
    pub fn begin(&self) {
        self.calls.fetch_add(ONE_OPEN + ONE_WAITING, Relaxed);
    }

    /// The first token of a call that waited for it came after so long, or the wait for it was given up after so long.
    /// Of an answer that is not streamed it is the whole: every target sees the same mix.
    pub fn first_token(&self, now_ns: u64, ttft_ns: u64) {
        self.calls.fetch_sub(ONE_WAITING, Relaxed);
        self.observe(now_ns, ttft_ns);
    }

    /// A call is over; `waiting`: it had no [`Load::first_token`].
    pub fn end(&self, waiting: bool) {
        let gone = if waiting { ONE_OPEN + ONE_WAITING } else { ONE_OPEN };
        self.calls.fetch_sub(gone, Relaxed);
    }

    /// Takes note of a time to the first token. [`Load::first_token`] does it for a call that is counted here.
    pub fn observe(&self, now_ns: u64, ttft_ns: u64) {
        let (now, seen) = (tick(now_ns), micros(ttft_ns));
        self.change_pace(|pace| {
            let elapsed = ticks_since(now, upper(pace));
            let known = lower(pace);
            if seen >= known {
                return pair(now, seen);
            }
            if elapsed == 0 { pace } else { pair(now, seen + decay(known - seen, elapsed)) }
        });
    }

    /// Takes note of a refusal: it counts as a wait of `ns` (at most 300 s), never as good news. For a 429 what the
    /// provider asks for, else [`REFUSAL_NS`]; and for whatever else fails fast.
    pub fn penalise(&self, now_ns: u64, ns: u64) {
        let (now, wait) = (tick(now_ns), micros(ns.min(MAX_PENALTY_NS)));
        self.change_pace(|pace| if estimate(pace, now) >= wait { pace } else { pair(now, wait) });
    }

    /// Takes note of what is left of the provider's quota, per mille. It is forgotten over the minute that follows.
    pub fn quota(&self, now_ns: u64, left_permille: u32) {
        let used = 1000 - left_permille.min(1000);
        let said = self.quota.load(Relaxed);
        let word = if used == 0 { 0 } else { pair(tick(now_ns), used) };
        if said != word {
            self.quota.store(word, Relaxed);
        }
    }

    /// What one more call costs there: microseconds to the first token, times the calls that would be open, over the
    /// share of the quota that is left. At least 1; only comparable with that of another load.
    pub fn cost(&self, now_ns: u64) -> u64 {
        let (calls, pace, now) = (self.calls.load(Relaxed), self.pace.load(Relaxed), tick(now_ns));
        let (open, waiting) = (lower(calls), upper(calls));
        let wait_us = match lower(pace) {
            0 if open == 0 => 1,
            0 => UNPROVEN_US,
            known if waiting > 0 => known,
            _ => estimate(pace, now).max(1),
        };
        let quota = self.quota_permille(now);
        u64::from(wait_us).saturating_mul(u64::from(open) + 1).saturating_mul(1000) / u64::from(quota)
    }

    /// Calls that are open there, from this process.
    pub fn open(&self) -> u32 {
        lower(self.calls.load(Relaxed))
    }

    /// Which of all targets it is, as a number.
    pub(super) fn key(&self) -> u64 {
        self.key
    }

    /// 1 to 1000.
    fn quota_permille(&self, now: u32) -> u32 {
        let word = self.quota.load(Relaxed);
        let forgotten = ticks_since(now, upper(word)).min(QUOTA_TICKS);
        let used = lower(word).min(999) * (QUOTA_TICKS - forgotten) / QUOTA_TICKS;
        1000 - used
    }

    /// Does nothing but read where the change is none.
    fn change_pace(&self, change: impl Fn(u64) -> u64) {
        let changed = |pace| Some(change(pace)).filter(|next| *next != pace);
        let _unchanged = self.pace.fetch_update(Relaxed, Relaxed, changed);
    }
}

/// What is left of an estimate at a tick, in microseconds.
fn estimate(pace: u64, now: u32) -> u32 {
    decay(lower(pace), ticks_since(now, upper(pace)))
}

/// `value` · e^(-ticks / 10 s), within 0.4 % and 1; never above `value`.
fn decay(value: u32, ticks: u32) -> u32 {
    let halvings = u64::from(ticks) * HALVING_PER_TICK;
    let (whole, part) = (halvings >> 32, halvings & u64::from(u32::MAX));
    if whole >= 32 {
        return 0;
    }
    let one = 1_u64 << 32;
    let bent = (((part * (one - part)) >> 32) * BEND) >> 32;
    let factor = one - part / 2 - bent;
    lower((u64::from(value) * factor) >> (32 + whole))
}

/// Ticks from one to another; none when the other is behind, as another thread's clock may be.
fn ticks_since(now: u32, then: u32) -> u32 {
    let ticks = now.wrapping_sub(then);
    if ticks > u32::MAX / 2 { 0 } else { ticks }
}

fn tick(now_ns: u64) -> u32 {
    lower(now_ns >> TICK_SHIFT)
}

/// At least 1, since 0 says that nothing is known; at most 71 minutes.
fn micros(ns: u64) -> u32 {
    u32::try_from(ns / 1000).unwrap_or(u32::MAX).max(1)
}

fn pair(upper: u32, lower: u32) -> u64 {
    (u64::from(upper) << 32) | u64::from(lower)
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
const fn lower(word: u64) -> u32 {
    word as u32
}

const fn upper(word: u64) -> u32 {
    lower(word >> 32)
}

#[cfg(test)]
mod tests;
