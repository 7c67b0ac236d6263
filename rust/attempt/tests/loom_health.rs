//! The health of a key under every interleaving of two threads: one probe, cooldowns that only lengthen, one opening.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p attempt --release --test loom_health`
#![cfg(loom)]

use attempt::health::{Health, Permit, Settings, Settled, State, Transition, Why};
use loom::thread;
use std::sync::Arc;

const GOOD: Settled = Settled::Success { first_token_ns: None };
const SETTINGS: Settings = Settings {
    consecutive: 2,
    ratio_permille: 0,
    slow_first_token_ns: 0,
    slow_permille: 0,
    window_ns: 30_000,
    min_calls: 2,
    open_ns: 1_000,
    open_cap_ns: 1_000,
};
/// When a key of [`half_open`] may be probed.
const PROBE_AT: u64 = 1_000;

fn middle(n: u64) -> u64 {
    n / 2
}

fn enter(health: &Arc<Health>, now_ns: u64) -> Option<Permit> {
    health.enter(now_ns, &mut |_| 0).ok()
}

fn settle(health: &Health, permit: Option<Permit>, now_ns: u64, result: Settled) -> Option<Transition> {
    permit.and_then(|permit| health.settle(permit, now_ns, result, &mut middle))
}

/// A key that two failures have taken out until [`PROBE_AT`].
fn half_open() -> Arc<Health> {
    let health = Arc::new(Health::new(SETTINGS));
    for _ in 0..2 {
        settle(&health, enter(&health, 0), 0, Settled::Failure);
    }
    assert_eq!(health.state(PROBE_AT), State::HalfOpen);
    health
}

/// Runs one thing on another thread and one on this; returns what both came to.
fn both<A: 'static, B>(
    health: &Arc<Health>,
    there: impl FnOnce(&Arc<Health>) -> A + 'static,
    here: impl FnOnce(&Arc<Health>) -> B,
) -> (A, B) {
    let shared = Arc::clone(health);
    let thread = thread::spawn(move || there(&shared));
    let here = here(health);
    (thread.join().unwrap(), here)
}

#[test]
fn two_threads_get_one_probe() {
    loom::model(|| {
        let health = half_open();
        let (one, other) = both(&health, |health| enter(health, PROBE_AT), |health| health.enter_anyway(PROBE_AT));
        assert_eq!([&one, &other].into_iter().flatten().filter(|permit| permit.is_probe()).count(), 1);
        assert!(one.is_none() || other.is_none());
    });
}

#[test]
fn a_probe_given_back_is_neither_lost_nor_doubled() {
    loom::model(|| {
        let health = half_open();
        let held = enter(&health, PROBE_AT).unwrap();
        let (_, entered) = both(&health, move |health| health.give_back(held), |health| enter(health, PROBE_AT));
        assert_eq!(enter(&health, PROBE_AT).is_some(), entered.is_none());
    });
}

#[test]
fn a_good_probe_lets_in_only_what_comes_after_it() {
    loom::model(|| {
        let health = half_open();
        let probe = enter(&health, PROBE_AT);
        let (closed, other) =
            both(&health, |health| settle(health, probe, PROBE_AT, GOOD), |health| enter(health, PROBE_AT));
        assert_eq!(closed, Some(Transition::Closed));
        assert!(other.is_none_or(|permit| !permit.is_probe()));
        assert_eq!(health.state(PROBE_AT), State::Ramping { permille: 100 });
    });
}

#[test]
fn cooldowns_only_lengthen() {
    loom::model(|| {
        let health = Arc::new(Health::new(SETTINGS));
        health.cool_until(100);
        both(
            &health,
            |health| health.cool_until(300),
            |health| {
                health.cool_until(200);
                health.state(150)
            },
        );
        assert_eq!(health.state(250), State::Open { until_ns: 300, why: Why::Cooldown });
    });
}

#[test]
fn a_cooldown_that_ends_does_not_end_the_next() {
    loom::model(|| {
        let health = Arc::new(Health::new(SETTINGS));
        health.cool_until(100);
        both(&health, |health| health.cool_until(300), |health| health.state(150));
        assert_eq!(health.state(150), State::Open { until_ns: 300, why: Why::Cooldown });
        assert!(enter(&health, 150).is_none());
    });
}

#[test]
fn failures_of_two_threads_open_the_breaker_once() {
    loom::model(|| {
        let health = Arc::new(Health::new(SETTINGS));
        let (one, other) = (enter(&health, 0), enter(&health, 0));
        let (one, other) = both(
            &health,
            |health| settle(health, one, 0, Settled::Failure),
            |health| settle(health, other, 0, Settled::Failure),
        );
        let opened = [one, other].into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(opened, [Transition::Opened(Why::Consecutive)]);
    });
}

/// Calls are sent from two threads, at `now_ns` and after those of `before`; then all `calls` of them are known.
fn count(before: u64, now_ns: u64, calls: u32) {
    let one_of_all = Settings { consecutive: 0, ratio_permille: 1000 / calls, min_calls: calls, ..SETTINGS };
    let health = Arc::new(Health::new(one_of_all));
    settle(&health, enter(&health, before), before, GOOD);
    let (one, _other) = both(&health, move |health| enter(health, now_ns), move |health| enter(health, now_ns));
    assert_eq!(settle(&health, one, now_ns, Settled::Failure), Some(Transition::Opened(Why::Ratio)));
}

#[test]
fn no_call_is_lost_in_a_bucket() {
    loom::model(|| count(0, 0, 3));
}

#[test]
fn no_call_is_lost_where_a_bucket_is_taken_over() {
    // Sixteen buckets of 3,000 ns later, the same cell counts.
    loom::model(|| count(0, 48_000, 2));
}

#[test]
fn a_quarantine_stands_against_a_probe_that_began_before_it() {
    loom::model(|| {
        let health = half_open();
        let probe = enter(&health, PROBE_AT);
        both(&health, |health| settle(health, probe, PROBE_AT, GOOD), |health| health.quarantine_until(9_000));
        assert_eq!(health.state(PROBE_AT), State::Open { until_ns: 9_000, why: Why::Quarantine });
        assert!(enter(&health, 9_000).is_some_and(|permit| permit.is_probe()));
    });
}

#[test]
fn what_is_left_of_an_earlier_generation_opens_nothing() {
    loom::model(|| {
        let health = Arc::new(Health::new(SETTINGS));
        let early = enter(&health, 0);
        settle(&health, enter(&health, 0), 0, Settled::Failure);
        settle(&health, enter(&health, 0), 0, Settled::Failure);
        health.set(Settings { consecutive: 1, ..SETTINGS });
        let probe = enter(&health, PROBE_AT);
        both(
            &health,
            |health| settle(health, probe, PROBE_AT, GOOD),
            |health| settle(health, early, PROBE_AT, Settled::Failure),
        );
        assert_eq!(health.state(PROBE_AT), State::Ramping { permille: 100 });
    });
}
