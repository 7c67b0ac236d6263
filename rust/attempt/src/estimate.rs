//! What is learnt of how many tokens bytes make, and events: from the usage that providers tell of calls that are over.
//!
//! Tokenizers differ, and so do bodies: JSON around a short question, escapes, other alphabets. Over all calls of one
//! deployment the share is steady, and it is a share of sums, so that long prompts, which cost most, count most. What was
//! long ago counts less and less.

use crate::sync::{AtomicU64, Ordering::Relaxed};

/// Sums are halved above this: by then they are of so many tokens, or bytes.
const MOST: u64 = 1 << 31;

/// The live estimates of one deployment.
#[derive(Debug, Default)]
pub struct Estimate {
    /// Tokens of a prompt by the bytes of its body.
    pub prompt: Share,
    /// Tokens of an answer that is a stream by what can be seen of it.
    pub streamed: Share,
    /// Tokens of another answer by what can be seen of it.
    pub whole: Share,
}

impl Estimate {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }
}

/// How much of one thing comes of another.
#[derive(Debug, Default)]
pub struct Share(AtomicU64);

impl Share {
    /// So much of one was so much of the other. Nothing is learnt of nothing.
    pub fn learn(&self, of: u64, came: u64) {
        if of == 0 || came == 0 {
            return;
        }
        // Two that learn at the same time may lose one of the two: an estimate.
        let (mut all, mut some) = parts(self.0.load(Relaxed));
        all = all.saturating_add(of);
        some = some.saturating_add(came);
        while all > MOST || some > MOST {
            (all, some) = (all / 2, some / 2);
        }
        self.0.store(all << 32 | some, Relaxed);
    }

    /// How much comes of so much; none while nothing is known.
    pub fn of(&self, of: u64) -> Option<u64> {
        let (all, some) = parts(self.0.load(Relaxed));
        if all == 0 {
            return None;
        }
        // Exact as long as it fits, which it does up to gigabytes.
        Some(of.checked_mul(some).map_or_else(|| of.saturating_mul(some / all), |came| came / all))
    }

    /// How much comes of one, in millionths; none while nothing is known.
    pub fn millionths(&self) -> Option<u64> {
        self.of(1_000_000)
    }
}

const fn parts(word: u64) -> (u64, u64) {
    (word >> 32, word & 0xffff_ffff)
}

#[cfg(all(test, not(loom)))]
#[expect(clippy::cast_precision_loss, reason = "shares are compared roughly")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_known_before_something_was_learnt() {
        let share = Share::default();
        share.learn(0, 5);
        share.learn(5, 0);
        assert_eq!(share.of(100), None);
        share.learn(400, 100);
        assert_eq!((share.of(100), share.of(0), share.millionths()), (Some(25), Some(0), Some(250_000)));
    }

    #[test]
    fn what_is_long_counts_for_more_and_what_was_long_ago_for_less() {
        let share = Share::default();
        (0..10).for_each(|_| share.learn(100, 50));
        share.learn(100_000, 20_000);
        assert_eq!(share.of(1_000), Some(202));
        for _ in 0..10_000 {
            share.learn(4_000_000, 1_000_000);
        }
        assert!(share.of(1_000).is_some_and(|came| (248..=250).contains(&came)));
        for _ in 0..10_000 {
            share.learn(4_000_000, 2_000_000);
        }
        assert!(share.of(1_000).is_some_and(|came| (495..=500).contains(&came)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn a_share_stays_between_the_least_and_the_most_that_was_learnt(
            samples in prop::collection::vec((1_u64..1 << 40, 1_u64..1 << 40), 1..20),
        ) {
            let share = Share::default();
            for (of, came) in &samples {
                share.learn(*of, *came);
            }
            let (all, some) = parts(share.0.load(Relaxed));
            prop_assert!(all <= MOST && some <= MOST);
            let shares = || samples.iter().map(|(of, came)| *came as f64 / *of as f64);
            let (least, most) = (shares().fold(f64::MAX, f64::min), shares().fold(0.0, f64::max));
            let got = some as f64 / all.max(1) as f64;
            prop_assume!(all > 1 << 20 && some > 1 << 20);
            prop_assert!(got > least * 0.99 && got < most * 1.01, "{got} of {least} to {most}");
        }
    }
}
