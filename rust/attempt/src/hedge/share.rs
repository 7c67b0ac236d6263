//! The share of calls that may have a second attempt.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// What a second attempt costs.
const PRICE: u32 = 1000;
/// How many second attempts are saved up at most.
const MAX_SAVED: u32 = 5;

/// Second attempts that calls have earned; shared over workers.
///
/// Each call earns its share of a second attempt, and each second attempt costs a whole one. A few are saved up, no more: so in
/// any stretch of calls, however long or short, second attempts are at most their share of these calls and
/// five; from the beginning on, at most their share. A count over a window of time would let a minute's worth go at once
/// when a provider grows slow under load, and would never allow any to a quiet alias.
#[derive(Debug, Default)]
pub struct Share(AtomicU32);

impl Share {
    /// Nothing earned.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a call, which earns `permille` (at most 1000) of a second attempt. Does nothing but read where enough is saved.
    pub fn call(&self, permille: u32) {
        let saved = |saved: u32| (saved + permille.min(PRICE)).min(MAX_SAVED * PRICE);
        let _enough = self.0.fetch_update(Relaxed, Relaxed, |now| Some(saved(now)).filter(|next| *next != now));
    }

    /// Pays for a second attempt, or says that there is not enough.
    pub fn try_pay(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |saved| saved.checked_sub(PRICE)).is_ok()
    }

    /// Takes back what was paid for a second attempt that was not sent.
    pub fn give_back(&self) {
        self.call(PRICE);
    }

    /// What is saved, per mille of one second attempt: 0 to 5000.
    #[cfg(test)]
    fn saved_permille(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_call_in_fifty_may_have_a_second_try_at_two_percent() {
        let share = Share::new();
        let paid = |share: &Share| {
            share.call(20);
            share.try_pay()
        };
        let at: Vec<_> = (1..=200).filter(|_| paid(&share)).collect();
        assert_eq!(at, [50, 100, 150, 200]);
    }

    #[test]
    fn five_are_saved_up_and_no_more() {
        let share = Share::new();
        (0..10_000).for_each(|_| share.call(20));
        assert_eq!((0..10).filter(|_| share.try_pay()).count(), 5);
        assert_eq!(share.saved_permille(), 0);
        share.give_back();
        assert!(share.try_pay() && !share.try_pay());
    }

    #[test]
    fn threads_together_get_no_more_than_their_share() {
        let share = Share::new();
        let paid = std::thread::scope(|scope| {
            let worker = || {
                let both = |_: &u32| {
                    share.call(100);
                    share.try_pay()
                };
                (0..10_000).filter(both).count()
            };
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
            let paid: usize = workers.into_iter().map(|worker| worker.join().expect("no panic")).sum();
            u32::try_from(paid).expect("few")
        });
        assert!(paid <= 4_000 && paid * PRICE + share.saved_permille() <= 4_000 * PRICE, "{paid}");
        assert!(paid >= 3_995, "nothing was lost but what was over the most that is saved: {paid}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// Steps are calls with their share, or second attempts that are wanted.
        #[test]
        fn second_tries_never_exceed_their_share_of_any_stretch_of_calls_by_more_than_five(
            steps in prop::collection::vec(prop_oneof![(0..1100_u32).prop_map(Some), Just(None)], 0..80),
        ) {
            let share = Share::new();
            // What was paid over what was earned, and the least that this was before.
            let (mut over, mut least) = (0_i64, 0_i64);
            for step in steps {
                match step {
                    Some(permille) => {
                        share.call(permille);
                        over -= i64::from(permille.min(PRICE));
                        least = least.min(over);
                    }
                    None if share.try_pay() => over += i64::from(PRICE),
                    None => prop_assert!(share.saved_permille() < PRICE),
                }
                prop_assert!(over <= 0, "more than the share of all calls");
                prop_assert!(over - least <= i64::from(MAX_SAVED * PRICE), "more than the share of a stretch and five");
                prop_assert!(share.saved_permille() <= MAX_SAVED * PRICE);
            }
        }
    }
}
