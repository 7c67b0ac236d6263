//! The retry budget of one endpoint: tokens that retries spend and successes earn.

use crate::sync::{AtomicU32, Ordering::Relaxed};

/// What a retry costs: by what the failure was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// After a failure of the place: 14 tokens. It may be down, and a retry is one more call on it.
    Transient,
    /// After "too many requests": 5 tokens. The place works, and said when to come back.
    Throttling,
}

impl Cost {
    const fn tokens(self) -> u32 {
        match self {
            Self::Transient => 14,
            Self::Throttling => 5,
        }
    }
}

/// Tokens of one endpoint, shared by all workers; full at the start.
///
/// A full bucket pays for 35 retries of transient failures in a row. Where every first try fails it stays empty; where
/// more than 14 first tries succeed for each failure it stays full. A retry that succeeds costs nothing in the end.
/// Source: AWS SDKs, standard retry mode, revision of 2026: 500 tokens, 14 and 5 a retry, refund, 1 a success.
///
/// All orderings are relaxed: the tokens guard no other data.
#[derive(Debug)]
pub struct Bucket(AtomicU32);

impl Bucket {
    const FULL: u32 = 500;

    /// A full bucket.
    pub fn new() -> Self {
        Self(AtomicU32::new(Self::FULL))
    }

    /// Pays for a retry, or leaves everything as it is and answers no.
    #[must_use]
    pub fn try_pay(&self, cost: Cost) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |tokens| tokens.checked_sub(cost.tokens())).is_ok()
    }

    /// Gives back what a retry cost: it succeeded, or was paid for and not made.
    pub fn refund(&self, cost: Cost) {
        self.add(cost.tokens());
    }

    /// A first try succeeded.
    pub fn reward(&self) {
        self.add(1);
    }

    /// How full it is, 0..=1000.
    pub fn level_permille(&self) -> u32 {
        self.0.load(Relaxed) * 1000 / Self::FULL
    }

    /// A full bucket, which is the rule, is only read.
    fn add(&self, tokens: u32) {
        // An error says that there was nothing to add.
        let _full =
            self.0.fetch_update(Relaxed, Relaxed, |now| (now < Self::FULL).then(|| Self::FULL.min(now + tokens)));
    }
}

impl Default for Bucket {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_bucket_pays_for_35_transient_failures_or_100_throttled_ones() {
        for (cost, retries, left) in [(Cost::Transient, 35, 20), (Cost::Throttling, 100, 0)] {
            let bucket = Bucket::new();
            assert_eq!((0..1000).filter(|_| bucket.try_pay(cost)).count(), retries);
            assert_eq!(bucket.level_permille(), left);
        }
    }

    #[test]
    fn a_retry_that_succeeds_costs_nothing() {
        let bucket = Bucket::new();
        for cost in [Cost::Transient, Cost::Throttling] {
            assert!(bucket.try_pay(cost));
            assert!(bucket.level_permille() < 1000);
            bucket.refund(cost);
            assert_eq!(bucket.level_permille(), 1000);
        }
    }

    #[test]
    fn first_tries_that_succeed_fill_an_empty_bucket() {
        let bucket = Bucket::new();
        while bucket.try_pay(Cost::Throttling) {}
        (0..13).for_each(|_| bucket.reward());
        assert!(!bucket.try_pay(Cost::Transient));
        bucket.reward();
        assert!(bucket.try_pay(Cost::Transient));
    }

    #[test]
    fn where_half_of_the_calls_fail_retries_sink_to_a_fourteenth_of_the_successes() {
        let bucket = Bucket::new();
        let retries = (0..100_000).filter(|call| {
            if call % 2 == 0 {
                bucket.reward();
            }
            call % 2 == 1 && bucket.try_pay(Cost::Transient)
        });
        assert_eq!(retries.count(), (500 + 50_000) / 14);
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Pay(Cost),
        Refund(Cost),
        Reward,
    }

    fn step() -> impl Strategy<Value = Step> {
        let cost = || prop_oneof![Just(Cost::Transient), Just(Cost::Throttling)];
        prop_oneof![4 => cost().prop_map(Step::Pay), 1 => cost().prop_map(Step::Refund), 2 => Just(Step::Reward)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn tokens_stay_between_none_and_full_and_are_counted_to_the_last(
            steps in proptest::collection::vec(step(), 0..300),
        ) {
            let bucket = Bucket::new();
            let mut expected = 500_i64;
            for step in steps {
                match step {
                    Step::Pay(cost) => {
                        let paid = bucket.try_pay(cost);
                        prop_assert_eq!(paid, expected >= i64::from(cost.tokens()));
                        expected -= if paid { i64::from(cost.tokens()) } else { 0 };
                    }
                    Step::Refund(cost) => {
                        bucket.refund(cost);
                        expected = 500.min(expected + i64::from(cost.tokens()));
                    }
                    Step::Reward => {
                        bucket.reward();
                        expected = 500.min(expected + 1);
                    }
                }
                prop_assert!((0..=500).contains(&expected));
                prop_assert_eq!(i64::from(bucket.level_permille()), expected * 2);
            }
        }
    }
}
