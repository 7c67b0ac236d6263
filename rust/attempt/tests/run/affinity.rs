//! Calls that are kept at one place.

use crate::script::plan;
use crate::timed::{Bench, End, MS};
use attempt::{Blame, Class, hash};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const DOWN: (u64, End) = (1, End::Fails(Class::Unavailable, Blame::EndpointModel));

/// Where a session's call is answered.
fn place(bench: &mut Bench, model: &str, session: u32) -> String {
    let log = call(bench, model, session, &[(1, End::Good)]);
    log.last().expect("an attempt").split(' ').nth(1).expect("a place").to_owned()
}

fn call(bench: &mut Bench, model: &str, session: u32, acts: &[(u64, End)]) -> Vec<String> {
    bench.affinity = Some(hash(b"ci", &session.to_le_bytes()));
    bench.call(model, acts).1
}

#[test]
fn a_session_stays_where_it_is_and_sessions_spread() {
    for (model, places) in [("pair", 2), ("two-keys", 4)] {
        let mut bench = Bench::new(plan());
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for session in 0..400 {
            let first = place(&mut bench, model, session);
            assert!((0..3).all(|_| place(&mut bench, model, session) == first));
            *counts.entry(first).or_default() += 1;
        }
        let fair = 400 / places;
        assert!(
            counts.len() == places as usize && counts.values().all(|count| count.abs_diff(fair) < fair / 3),
            "{counts:?}"
        );
    }
}

#[test]
fn without_a_hash_the_balance_decides() {
    let mut bench = Bench::new(plan());
    let places: BTreeSet<_> = (0..50).map(|_| bench.call("pair", &[(1, End::Good)]).1[0][..9].to_owned()).collect();
    assert_eq!(places.len(), 2);
}

#[test]
fn a_session_moves_when_its_place_is_out_and_comes_back_with_it() {
    for model in ["pair", "two-keys"] {
        let mut bench = Bench::new(plan());
        let homes: Vec<_> = (0..60).map(|session| place(&mut bench, model, session)).collect();
        let gone = homes[0].clone();
        let is_alike = |home: &String| {
            home.rsplit_once('/').map(|(endpoint, _)| endpoint) == gone.rsplit_once('/').map(|(endpoint, _)| endpoint)
        };
        for _ in 0..5 {
            let log = call(&mut bench, model, 0, &[DOWN]);
            assert!(log[0].contains(&gone) && log.last().is_some_and(|line| line.ends_with(" good")), "{log:?}");
        }
        for (session, home) in (0..).zip(&homes) {
            let now = place(&mut bench, model, session);
            assert!(if is_alike(home) { !is_alike(&now) } else { now == *home }, "{session}: {home} to {now}");
        }
        for _ in 0..100 {
            bench.now_ns += 1_000 * MS;
            (0..60).for_each(|session| drop(place(&mut bench, model, session)));
        }
        let back: Vec<_> = (0..60).map(|session| place(&mut bench, model, session)).collect();
        assert_eq!(back, homes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Calls of sessions, one after the other, some of which fail.
    #[test]
    fn calls_are_answered_wherever_their_session_is(
        calls in prop::collection::vec((0..4_u32, any::<bool>(), 0..3_usize), 1..20),
    ) {
        let mut bench = Bench::new(plan());
        let mut failures = 0;
        for (session, fails, alias) in calls {
            bench.now_ns += 500 * MS;
            // Five in a row open a breaker.
            let fails = fails && failures < 4;
            failures += u32::from(fails);
            let acts = if fails { vec![DOWN] } else { vec![] };
            let log = call(&mut bench, ["pair", "two-keys", "smart"][alias], session, &acts);
            prop_assert!(log.last().is_some_and(|line| line.ends_with(" good")), "{log:?}");
            prop_assert!(bench.holds_nothing());
        }
    }
}
