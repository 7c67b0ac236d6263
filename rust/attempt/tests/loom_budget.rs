//! Budgets and limits under every interleaving of two or three threads.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p attempt --test loom_budget`
#![cfg(loom)]

use attempt::budget::{Bucket, Cost, Ratio};
use attempt::limit::Limit;
use loom::thread::{self, JoinHandle};
use std::sync::Arc;

const SECOND_NS: u64 = 1_000_000_000;

/// Runs `work` on a thread of its own, and says what came of it at `join`.
fn spawn<S: Send + Sync + 'static, T: 'static>(
    shared: &Arc<S>,
    work: impl FnOnce(&Arc<S>) -> T + 'static,
) -> JoinHandle<T> {
    let shared = Arc::clone(shared);
    thread::spawn(move || work(&shared))
}

/// A bucket with `tokens` left, of which 500 - `tokens` is a multiple of 5.
fn bucket_with(tokens: u32) -> Arc<Bucket> {
    let bucket = Arc::new(Bucket::new());
    (0..(500 - tokens) / 5).for_each(|_| assert!(bucket.try_pay(Cost::Throttling)));
    bucket
}

#[test]
fn the_last_tokens_pay_for_one_retry() {
    loom::model(|| {
        let bucket = bucket_with(15);
        let other = spawn(&bucket, |bucket| bucket.try_pay(Cost::Transient));
        let paid = bucket.try_pay(Cost::Transient);
        assert!(paid != other.join().unwrap());
        assert_eq!(bucket.level_permille(), 2);
    });
}

#[test]
fn no_token_is_lost_or_made_by_payments_and_refunds_at_once() {
    loom::model(|| {
        let bucket = bucket_with(20);
        let payer = spawn(&bucket, |bucket| bucket.try_pay(Cost::Transient));
        let refunder = spawn(&bucket, |bucket| bucket.refund(Cost::Throttling));
        bucket.reward();
        assert!(payer.join().unwrap());
        refunder.join().unwrap();
        assert_eq!(bucket.level_permille(), (20 - 14 + 5 + 1) * 2);
    });
}

#[test]
fn a_bucket_is_never_more_than_full() {
    loom::model(|| {
        let bucket = bucket_with(495);
        let other = spawn(&bucket, |bucket| bucket.refund(Cost::Transient));
        bucket.reward();
        other.join().unwrap();
        assert_eq!(bucket.level_permille(), 1000);
    });
}

#[test]
fn the_last_place_in_a_ratio_is_taken_once() {
    loom::model(|| {
        let ratio = Arc::new(Ratio::new(1000, 0));
        ratio.first(0);
        let other = spawn(&ratio, |ratio| ratio.try_pay(0));
        let paid = ratio.try_pay(SECOND_NS);
        assert!(paid != other.join().unwrap());
    });
}

#[test]
fn no_first_try_is_lost_when_a_second_begins() {
    loom::model(|| {
        let ratio = Arc::new(Ratio::new(1000, 0));
        ratio.first(0);
        // 16 seconds later the same cell is used again.
        let other = spawn(&ratio, |ratio| ratio.first(16 * SECOND_NS));
        ratio.first(16 * SECOND_NS);
        other.join().unwrap();
        assert_eq!((0..5).filter(|_| ratio.try_pay(16 * SECOND_NS)).count(), 2);
    });
}

#[test]
fn the_last_place_of_a_limit_is_taken_once_and_given_back() {
    loom::model(|| {
        let limit = Arc::new(Limit::new(1));
        let enter = |limit: &Arc<Limit>| {
            let entered = limit.try_enter();
            assert!(limit.in_flight() <= 1);
            if entered {
                limit.leave();
            }
            entered
        };
        let other = spawn(&limit, enter);
        let entered = enter(&limit);
        assert!(entered | other.join().unwrap());
        assert_eq!(limit.in_flight(), 0);
        assert!(limit.try_enter());
    });
}

#[test]
fn refusals_seen_by_two_threads_are_one_cut() {
    loom::model(|| {
        let limit = Arc::new(Limit::new(1000));
        let other = spawn(&limit, |limit| limit.throttled(5));
        limit.throttled(7);
        other.join().unwrap();
        assert_eq!(limit.level(), 18);
    });
}

#[test]
fn a_level_stays_within_its_bounds_while_it_is_cut_grows_and_gets_a_new_ceiling() {
    loom::model(|| {
        let limit = Arc::new(Limit::new(3));
        limit.throttled(0);
        assert!(limit.try_enter() && limit.try_enter());
        limit.succeeded();
        let grower = spawn(&limit, |limit| limit.succeeded());
        let cutter = spawn(&limit, |limit| limit.throttled(SECOND_NS));
        limit.set_max(2);
        assert!((1..=2).contains(&limit.level()));
        grower.join().unwrap();
        cutter.join().unwrap();
        assert!((1..=2).contains(&limit.level()));
    });
}
