//! Buckets, windows and amounts against models that keep everything and round nothing.

use super::*;
use governor::clock::FakeRelativeClock;
use governor::{Quota, RateLimiter};
use proptest::prelude::*;
use std::num::NonZeroU32;
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;

/// What happens to a bucket.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Time passes.
    Wait(u64),
    /// A call takes this weight.
    Take(u64),
    /// The call that was taken so many before has used this in the end.
    Settle(usize, u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..MINUTE).prop_map(Act::Wait),
        (0..3_000_u64).prop_map(Act::Wait),
        (1..40_u64).prop_map(Act::Take),
        (0..6_usize, 0..60_u64).prop_map(|(back, used)| Act::Settle(back, used)),
    ]
}

fn pace() -> impl Strategy<Value = Pace> {
    let periods = prop::sample::select(vec![SECOND, 7 * SECOND, MINUTE, 60 * MINUTE]);
    (1..100_u64, periods, 1..=4_u64).prop_map(|(amount, per, part)| Pace::new(amount, per, per / part))
}

/// The same bucket in exact arithmetic: what is missing of it, times the period, so that every number is whole.
#[derive(Debug, Clone, Copy)]
struct Exact {
    missing: i128,
    at_ns: u64,
}

impl Exact {
    fn at(self, pace: Pace, now_ns: u64) -> Self {
        let came = i128::from(now_ns - self.at_ns) * i128::from(pace.amount());
        Self { missing: (self.missing - came).max(0), at_ns: now_ns }
    }

    fn with(self, pace: Pace, weight: u64) -> Self {
        Self { missing: self.missing + i128::from(weight) * i128::from(pace.per_ns()), ..self }
    }
}

/// How many exact units a nanosecond of rounding makes, for each thing that happened.
fn slack(pace: Pace, happened: usize) -> i128 {
    i128::from(pace.amount()) * i128::try_from(happened + 1).unwrap()
}

#[test]
fn two_calls_that_used_nothing_give_back_what_they_took_and_not_what_came_after_them() {
    let (bucket, pace) = (Bucket::default(), Pace::new(60, 60, 60));
    let [first, second] = [7, 14].map(|weight| bucket.take(pace, weight, 1).expect("room"));
    bucket.settle(pace, first, 0, 1);
    assert!(bucket.take(pace, 1, 8).is_ok());
    bucket.settle(pace, second, 0, 8);
    assert_eq!(bucket.left(pace, 8), 59, "7 have come in of the 14, and the last call has taken 1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn a_bucket_lets_in_what_exact_arithmetic_does(pace in pace(), acts in prop::collection::vec(act(), 1..60)) {
        let (bucket, mut exact, mut now) = (Bucket::default(), Exact { missing: 0, at_ns: 1 }, 1);
        let holds = i128::from(pace.burst_ns()) * i128::from(pace.amount());
        for (happened, act) in acts.into_iter().enumerate() {
            match act {
                Act::Wait(ns) => now += ns,
                Act::Settle(..) => {}
                Act::Take(weight) => {
                    exact = exact.at(pace, now);
                    let weight = weight.min(pace.size());
                    let with = exact.with(pace, weight);
                    let room = holds - with.missing;
                    let is_checked = bucket.check(pace, weight, now).is_ok();
                    match bucket.take(pace, weight, now) {
                        Ok(_) => {
                            prop_assert!(is_checked);
                            prop_assert!(room >= -slack(pace, happened), "let in with {room} missing");
                            exact = with;
                        }
                        Err(Short { wait_ns }) => {
                            prop_assert!(!is_checked);
                            prop_assert!(room < slack(pace, happened), "refused with {room} to spare");
                            prop_assert!(bucket.take(pace, weight, now + wait_ns - 1).is_err());
                            prop_assert!(bucket.check(pace, weight, now + wait_ns).is_ok());
                        }
                    }
                }
            }
        }
    }

    /// Whatever calls turn out to have used, there is never more in a bucket than had they taken just that at once.
    #[test]
    fn what_is_given_back_is_never_there_twice(pace in pace(), acts in prop::collection::vec(act(), 1..60)) {
        let (bucket, mut now) = (Bucket::default(), 1);
        let mut calls: Vec<(u64, u64, Taken, bool)> = vec![]; // when, what counts, what was taken, whether it is over
        for act in acts {
            match act {
                Act::Wait(ns) => now += ns,
                Act::Take(weight) => {
                    if let Ok(taken) = bucket.take(pace, weight, now) {
                        calls.push((now, weight.min(pace.size()), taken, false));
                    }
                }
                Act::Settle(back, used) => {
                    let open = calls.iter_mut().rev().filter(|(.., over)| !over).nth(back);
                    if let Some((_, counts, taken, over)) = open {
                        bucket.settle(pace, *taken, used, now);
                        (*counts, *over) = (used, true);
                    }
                }
            }
            let exact = calls.iter().fold(Exact { missing: 0, at_ns: 1 }, |exact, (at, counts, ..)| {
                exact.at(pace, *at).with(pace, *counts)
            });
            let missing = exact.at(pace, now).missing;
            let ours = i128::from(bucket.full_in_ns(now)) * i128::from(pace.amount());
            prop_assert!(ours >= missing - slack(pace, 2 * calls.len()), "{ours} missing, in truth {missing}");
        }
    }

    #[test]
    fn what_is_taken_and_given_back_at_once_leaves_no_trace(
        pace in pace(), before in 0..40_u64, weight in 1..40_u64, used in 0..40_u64,
    ) {
        let [one, other] = [Bucket::default(), Bucket::default()];
        for bucket in [&one, &other] {
            bucket.take_anyway(pace, before, 1);
        }
        if let Ok(taken) = one.take(pace, weight, 5) {
            one.settle(pace, taken, used, 5);
            other.take_anyway(pace, used, 5);
            prop_assert_eq!(one.full_in_ns(5), other.full_in_ns(5));
        }
    }

    #[test]
    fn governor_says_the_same_of_requests(
        amount in 1..200_u32, waits in prop::collection::vec(0..2_000_u64, 1..100),
    ) {
        let each = Duration::from_millis(60);
        let clock = FakeRelativeClock::default();
        let quota = Quota::with_period(each).unwrap().allow_burst(NonZeroU32::new(amount).unwrap());
        let oracle = RateLimiter::direct_with_clock(quota, clock.clone());
        let length = 60 * 1_000_000 * u64::from(amount);
        let (bucket, pace, mut now) = (Bucket::default(), Pace::new(amount.into(), length, length), SECOND);
        for wait in waits {
            clock.advance(Duration::from_millis(wait / 10));
            now += wait / 10 * 1_000_000;
            prop_assert_eq!(bucket.take(pace, 1, now).is_ok(), oracle.check().is_ok());
        }
    }
}

#[test]
fn a_full_bucket_holds_its_size_in_whatever_parts_it_is_taken() {
    for amount in [1, 7, 11, 60, 97, 1_000_003] {
        let (bucket, pace) = (Bucket::default(), Pace::new(amount, MINUTE, MINUTE));
        assert_eq!((pace.size(), bucket.left(pace, 9)), (amount, amount));
        let taken = (0..amount.min(1_000)).filter(|_| bucket.take(pace, 1, 9).is_ok()).count() as u64;
        assert_eq!(taken, amount.min(1_000));
        assert_eq!(bucket.take(pace, 1, 9).is_ok(), amount > 1_000);
    }
}

#[test]
fn more_than_a_bucket_holds_counts_as_all_that_it_holds() {
    let (bucket, pace) = (Bucket::default(), Pace::new(100, MINUTE, MINUTE));
    let taken = bucket.take(pace, 5_000, 1).expect("the first request of a small bucket");
    assert_eq!(bucket.left(pace, 1), 0);
    bucket.settle(pace, taken, 250, 1);
    assert_eq!(
        bucket.take(pace, 1, 1),
        Err(Short { wait_ns: MINUTE * 3 / 2 + MINUTE / 100 }),
        "a debt of 150 comes first"
    );
}

#[test]
fn a_bucket_with_a_small_burst_holds_one_at_least() {
    let pace = Pace::new(10, MINUTE, SECOND);
    assert_eq!(pace.size(), 1);
    assert!(Bucket::default().take(pace, 1, 1).is_ok());
}

#[test]
fn places_are_never_more_than_there_are_and_come_back() {
    let places = Places::default();
    assert_eq!((0..9).filter(|_| places.take(8)).count(), 8);
    places.leave();
    assert!(places.take(8) && !places.take(8));
    assert!(!places.take(3), "fewer than before");
    (0..8).for_each(|_| places.leave());
    assert_eq!(places.taken(), 0);
}

#[test]
fn threads_share_accounts() {
    fn shared<T: Send + Sync>() {}
    shared::<Account>();
}

mod amounts;
mod windows;
