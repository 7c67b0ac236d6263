//! The share of spend that may go to attempts that lost.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// In what the purse counts: thousandths of a nano-dollar, so that a share per mille of any cost is exact.
const THOUSANDTHS: i64 = 1000;
/// How many times its own cost a call saves up at most.
const MAX_SAVED: i64 = 5;

/// What second attempts may cost, earned by calls; shared over workers.
///
/// Each answer earns a share of what it cost, and what an attempt cost that lost is paid. What is to be paid is known when
/// it has lost and not before; so a second attempt may be sent while nothing is owed. From the beginning on, what was
/// paid is at most the share of all that answers cost and the cost of the attempts that were open at the same moment. A
/// little is saved up, five times the cost of a call and no more, for the reason that [`Share`](super::Share) gives. A
/// share of calls alone is not enough: where prompts are long, who loses costs nearly what the answer does, and it is the
/// long prompts whose first token is late.
///
/// What has no price neither earns nor is paid: without prices the purse says nothing.
#[derive(Debug, Default)]
pub struct Purse(AtomicI64);

impl Purse {
    /// Nothing earned, nothing owed.
    pub fn new() -> Self {
        Self::default()
    }

    /// An answer cost `nano_usd`, of which `permille` (at most 1000) is earned.
    pub fn earn(&self, nano_usd: u64, permille: u32) {
        let cost = signed(nano_usd);
        let earned = cost.saturating_mul(i64::from(permille).min(THOUSANDTHS));
        let most = cost.saturating_mul(MAX_SAVED * THOUSANDTHS);
        // A cheap call adds nothing to what a dear one has saved up, and takes nothing of it.
        let saved = |saved: i64| saved.saturating_add(earned).min(most.max(saved));
        let _enough = self.0.fetch_update(Relaxed, Relaxed, |now| Some(saved(now)).filter(|next| *next != now));
    }

    /// An attempt that lost cost `nano_usd`.
    pub fn pay(&self, nano_usd: u64) {
        let cost = signed(nano_usd).saturating_mul(THOUSANDTHS);
        let _free = self.0.fetch_update(Relaxed, Relaxed, |now| Some(now.saturating_sub(cost)).filter(|_| cost > 0));
    }

    /// Whether nothing is owed.
    pub fn may_pay(&self) -> bool {
        self.0.load(Relaxed) >= 0
    }
}

fn signed(nano_usd: u64) -> i64 {
    i64::try_from(nano_usd).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_lost_attempt_is_earned_by_a_hundred_answers_that_cost_as_much() {
        let purse = Purse::new();
        let sent = |purse: &Purse| {
            purse.earn(700, 10);
            purse.may_pay() && {
                purse.pay(700);
                true
            }
        };
        let at: Vec<_> = (1..=300).filter(|_| sent(&purse)).collect();
        assert_eq!(at, [1, 100, 200, 300], "the first is owed for");
    }

    #[test]
    fn five_times_the_cost_of_a_call_are_saved_up_and_cheap_calls_change_nothing_of_it() {
        let purse = Purse::new();
        (0..10_000).for_each(|_| purse.earn(1_000, 10));
        (0..10_000).for_each(|_| purse.earn(1, 1000));
        let lost = (0..10).filter(|_| {
            let may = purse.may_pay();
            purse.pay(if may { 1_000 } else { 0 });
            may
        });
        assert_eq!(lost.count(), 6, "five that are paid, and one that is owed");
    }

    #[test]
    fn what_has_no_cost_changes_nothing() {
        let purse = Purse::new();
        purse.pay(0);
        purse.earn(0, 1000);
        assert!(purse.may_pay());
        purse.pay(1);
        assert!(!purse.may_pay());
        purse.earn(u64::MAX, 1000);
        assert!(purse.may_pay(), "no cost is too great to be counted");
    }

    #[test]
    fn threads_together_pay_no_more_than_their_share_and_what_was_open_at_once() {
        let purse = Purse::new();
        let paid: u64 = std::thread::scope(|scope| {
            let worker = || {
                let both = |_: &u32| {
                    purse.earn(100, 100);
                    let may = purse.may_pay();
                    purse.pay(if may { 100 } else { 0 });
                    may
                };
                (0..10_000).filter(both).count() as u64
            };
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(|worker| worker.join().expect("no panic")).sum()
        });
        assert!(paid <= 4_000 + 4, "{paid}");
        assert!(paid >= 3_990, "{paid}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// Steps are answers with their cost and share, or attempts that would lose so much.
        #[test]
        fn what_was_lost_never_exceeds_the_share_of_any_stretch_by_more_than_was_saved_and_one(
            steps in prop::collection::vec((any::<bool>(), 0..10_000_u64, 0..1100_u32), 0..80),
        ) {
            let purse = Purse::new();
            let dearest = i64::try_from(steps.iter().map(|(_, cost, _)| *cost).max().unwrap_or(0)).expect("small");
            // What was paid over what was earned, and the least that this was before.
            let (mut over, mut least) = (0_i64, 0_i64);
            for (is_answer, cost, permille) in steps {
                let exact = i64::try_from(cost).expect("small");
                if is_answer {
                    purse.earn(cost, permille);
                    over -= exact * i64::from(permille.min(1000));
                    least = least.min(over);
                } else if purse.may_pay() {
                    purse.pay(cost);
                    over += exact * THOUSANDTHS;
                } else {
                    prop_assert!(over > least, "refused although nothing was lost");
                }
                prop_assert!(over <= dearest * THOUSANDTHS, "more than the share of all and one");
                prop_assert!(over - least <= (MAX_SAVED + 1) * dearest * THOUSANDTHS, "more than of a stretch");
            }
        }
    }
}
