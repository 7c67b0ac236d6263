//! Second attempts while the first is open.

use crate::script::plan;
use crate::timed::{Bench, End, MS, hedged};
use attempt::{Blame, Class, Stop};
use plan::HedgeAfter;
use proptest::prelude::*;

const SLOW: (u64, End) = (5_000, End::Good);
const FAST: (u64, End) = (100, End::Good);
const DOWN: End = End::Fails(Class::Unavailable, Blame::EndpointModel);
/// After 250 ms, for every call.
const ALWAYS: (HedgeAfter, u32) = (HedgeAfter::Ms(250), 1000);

fn bench() -> Bench {
    Bench::new(hedged(ALWAYS.0, ALWAYS.1))
}

/// What happened, without where.
fn told(log: &[String]) -> Vec<String> {
    let is_place = |word: &&str| word.contains('/');
    log.iter().map(|line| line.split(' ').filter(|word| !is_place(word)).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_second_attempt_that_is_first_wins_and_the_other_is_cancelled_and_on_record() {
    let mut bench = bench();
    let (done, log) = bench.call("pair", &[SLOW, FAST]);
    assert_eq!(done, Ok(2));
    assert_eq!(told(&log), ["1 cancelled", "1 hedge_lost", "2 hedge good"]);
    assert_eq!(bench.now_ns, 350 * MS);
    assert_ne!(
        log[1].split('/').next().map(|s| &s[2..]),
        log[2].split('/').next().map(|s| &s[8..]),
        "elsewhere: {log:?}"
    );
    assert!(bench.is_at_rest());
}

#[test]
fn a_first_attempt_that_is_first_after_all_wins() {
    let mut bench = bench();
    let (done, log) = bench.call("pair", &[(300, End::Good), FAST]);
    assert_eq!((done, told(&log)), (Ok(1), vec!["2 cancelled".into(), "2 hedge hedge_lost".into(), "1 good".into()]));
    let (done, log) = bench.call("pair", &[(350, End::Good), FAST]);
    assert_eq!((done, log.len()), (Ok(1), 3), "of two at the same moment it is the first");
}

#[test]
fn one_that_is_fast_stays_alone_and_so_does_every_one_by_default() {
    assert_eq!(bench().call("pair", &[FAST]).1.len(), 1);
    let (done, log) = Bench::new(plan()).call("pair", &[SLOW, FAST]);
    assert_eq!((done, told(&log)), (Ok(1), vec!["1 good".into()]));
}

#[test]
fn another_place_of_the_step_is_asked_first_then_another_endpoint_and_never_a_fallback() {
    let mut bench = bench();
    for _ in 0..10 {
        let (_, log) = bench.call("two-keys", &[SLOW, FAST]);
        let endpoint = |line: &str| line.split('/').nth(1).expect("a place").to_owned();
        assert_ne!(endpoint(&log[1]), endpoint(&log[2]), "{log:?}");
    }
    let (done, log) = bench.call("smart", &[SLOW, FAST]);
    assert_eq!((done, told(&log)), (Ok(1), vec!["not hedged: no_target".into(), "1 good".into()]));
}

#[test]
fn when_one_fails_the_other_is_waited_for() {
    let (done, log) = bench().call("pair", &[(300, DOWN), (1000, End::Good)]);
    assert_eq!((done, told(&log)), (Ok(2), vec!["1 unavailable -> hedge".into(), "2 hedge good".into()]));
    let (done, log) = bench().call("pair", &[(1000, End::Good), (10, DOWN)]);
    assert_eq!((done, told(&log)), (Ok(1), vec!["2 hedge unavailable -> hedge".into(), "1 good".into()]));
}

#[test]
fn when_both_fail_the_call_goes_on_with_what_it_has_left() {
    let mut bench = bench();
    let busy = End::Fails(Class::RateLimited, Blame::CredentialModel);
    let (done, log) = bench.call("pair", &[(300, busy), (1000, busy)]);
    assert_eq!(told(&log)[..2], ["1 rate_limited -> hedge", "2 hedge rate_limited -> same"]);
    assert_eq!((done, &*told(&log)[2]), (Ok(3), "3 good"), "both places are spent, and one is asked again");
    let fails = (300, DOWN);
    let (done, log) = Bench::new(hedged(ALWAYS.0, ALWAYS.1)).call("pair", &[fails; 9]);
    assert_eq!((done, log.len()), (Err(Stop::Attempts), 4), "three at the place of the last failure: {log:?}");
}

#[test]
fn what_is_wrong_with_the_call_ends_both() {
    for class in [Class::Invalid, Class::ContentFiltered, Class::ContextTooLong] {
        let (done, log) = bench().call("pair", &[(300, End::Fails(class, Blame::Nobody)), SLOW]);
        let expected =
            ["2 cancelled".to_owned(), "2 hedge hedge_lost".to_owned(), format!("1 {} -> final", class.name())];
        assert_eq!((done, told(&log)), (Err(Stop::Final), expected.to_vec()));
    }
}

#[test]
fn a_providers_no_is_kept_when_the_other_fails_too() {
    let forbids = (300, End::Forbids(Class::Unavailable, Blame::EndpointModel));
    let (done, log) = bench().call("pair", &[forbids, (100, DOWN)]);
    assert_eq!((done, log.len()), (Err(Stop::Advised), 2), "{log:?}");
    assert_eq!(bench().call("pair", &[forbids, (1000, End::Good)]).0, Ok(2), "and is no reason to cancel it");
}

#[test]
fn a_call_that_acts_at_the_provider_stays_alone() {
    let mut bench = bench();
    bench.acts_at_provider = true;
    let (done, log) = bench.call("pair", &[SLOW, FAST]);
    assert_eq!((done, told(&log)), (Ok(1), vec!["not hedged: tools".into(), "1 good".into()]));
    bench.acts_at_provider = false;
    assert_eq!(bench.call("pair", &[SLOW, FAST]).0, Ok(2), "and costs no share");
}

#[test]
fn a_breaker_that_is_not_closed_keeps_second_attempts_away() {
    let mut bench = bench();
    for _ in 0..5 {
        bench.call("alone", &[(1, DOWN), (1, DOWN), (1, DOWN)]).0.unwrap_err();
    }
    bench.now_ns += 3_000 * MS;
    // `first` is out: calls go to `second`, and nowhere else.
    let (done, log) = bench.call("pair", &[SLOW, FAST]);
    assert_eq!((done, &*log[0]), (Ok(1), "not hedged: no_target"), "{log:?}");
    assert!(log[1].contains("second"), "{log:?}");
    // Alone, it is asked by a probe, which is what the breaker waits for.
    let (_, log) = bench.call("alone", &[SLOW, FAST]);
    assert_eq!(log[0], "not hedged: breaker", "{log:?}");
}

#[test]
fn second_attempts_are_a_share_of_the_calls() {
    let mut bench = Bench::new(hedged(HedgeAfter::Ms(250), 20));
    let mut hedges = 0;
    for _ in 0..1000 {
        let (_, log) = bench.call("pair", &[SLOW, FAST]);
        bench.now_ns += 1_000 * MS;
        hedges += usize::from(log.len() == 3);
        assert!(log.len() == 3 || log[0] == "not hedged: share", "{log:?}");
    }
    assert_eq!(hedges, 20);
}

#[test]
fn what_attempts_cost_that_lost_is_a_share_of_what_answers_cost() {
    let mut bench = bench();
    let mut hedges = 0;
    for _ in 0..1000 {
        let (_, log) = bench.call("pair", &[SLOW, FAST]);
        bench.now_ns += 1_000 * MS;
        let is_hedged = log.len() == 3;
        hedges += usize::from(is_hedged);
        assert!(is_hedged || log[0] == "not hedged: spend", "{log:?}");
        // What loses here has read a long prompt.
        bench.purse("pair").pay(if is_hedged { 90 } else { 0 });
        bench.purse("pair").earn(100, 10);
    }
    assert_eq!(hedges, 1000 / 90 + 1, "a hundredth of the spend, and the first is owed for");
    assert!(bench.call("two-keys", &[SLOW, FAST]).1.len() > 2, "each alias has its own");
}

#[test]
fn without_prices_the_share_of_spend_says_nothing() {
    let mut bench = bench();
    for _ in 0..100 {
        assert_eq!(bench.call("pair", &[SLOW, FAST]).0, Ok(2));
        bench.now_ns += 1_000 * MS;
    }
}

#[test]
fn second_attempts_are_paid_by_the_budgets_of_whom_they_ask() {
    let mut plan = hedged(HedgeAfter::Ms(250), 1000);
    for provider in &mut plan.providers {
        (provider.retry_permille, provider.retry_floor_per_second) = (0, 0);
    }
    let (done, log) = Bench::new(plan).call("pair", &[SLOW, FAST]);
    assert_eq!((done, &*log[0]), (Ok(1), "not hedged: budget"));
    let mut hedges = 0;
    let mut bench = bench();
    for _ in 0..100 {
        let (_, log) = bench.call("pair", &[(260, End::Good), SLOW]);
        hedges += usize::from(log.len() == 3);
    }
    assert!((30..90).contains(&hedges), "three a second and a tenth of the calls, at each of two: {hedges}");
}

#[test]
fn a_call_has_one_second_attempt_at_most_and_no_more_attempts_than_it_may() {
    let mut bench = bench();
    let slowly = (400, DOWN);
    let (_, log) = bench.call("two-keys", &[slowly, slowly, slowly, slowly, slowly, slowly]);
    assert_eq!(log.iter().filter(|line| line.contains(" hedge ")).count(), 1, "{log:?}");
    assert_eq!(log.len(), 3, "it counts among those at its deployment: {log:?}");
    let mut plan = hedged(HedgeAfter::Ms(250), 1000);
    plan.aliases.iter_mut().for_each(|alias| alias.resilience.retry.max_attempts_per_call = 1);
    assert_eq!(Bench::new(plan).call("pair", &[SLOW, FAST]).1[0], "not hedged: attempts");
}

#[test]
fn the_95th_percentile_is_learnt_of_streams() {
    let mut bench = Bench::new(hedged(HedgeAfter::P95, 1000));
    for _ in 0..120 {
        let (_, log) = bench.call("pair", &[FAST]);
        bench.now_ns += 100 * MS;
        assert!(log.len() == 1 || log[0] == "not hedged: unknown", "{log:?}");
    }
    bench.now_ns += 1_000 * MS;
    let before = bench.now_ns;
    let (done, log) = bench.call("pair", &[SLOW, (10, End::Good)]);
    assert_eq!(done, Ok(2), "{log:?}");
    assert!((bench.now_ns - before) / MS < 125, "an eighth more than 100 ms, and 10 ms");
    bench.streamed = false;
    assert_eq!(bench.call("pair", &[SLOW, FAST]).1[0], "not hedged: whole");
}

#[test]
fn whoever_loses_teaches_breakers_nothing() {
    let mut bench = bench();
    for _ in 0..200 {
        assert_eq!(bench.call("pair", &[SLOW, FAST]).0, Ok(2));
        bench.now_ns += 1_000 * MS;
    }
    assert!(bench.is_at_rest());
}

#[test]
fn a_caller_who_leaves_leaves_nothing_behind() {
    let mut bench = bench();
    for ns in [100 * MS, 300 * MS] {
        for _ in 0..2_000 {
            assert!(bench.call_for("pair", &[SLOW, SLOW], ns).is_none());
        }
        assert!(bench.is_at_rest());
    }
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Good),
        2 => Just(DOWN),
        1 => Just(End::Fails(Class::Timeout, Blame::EndpointModel)),
        1 => Just(End::Fails(Class::Overloaded, Blame::ProviderModel)),
        1 => Just(End::Fails(Class::RateLimited, Blame::CredentialModel)),
        1 => Just(End::Fails(Class::ContentFiltered, Blame::Nobody)),
        1 => Just(End::Fails(Class::Invalid, Blame::Nobody)),
        1 => Just(End::Forbids(Class::Unavailable, Blame::EndpointModel)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn whatever_attempts_come_to_the_first_good_one_wins_and_all_are_told_once(
        calls in prop::collection::vec(
            (prop::collection::vec((0..600_u64, ends()), 5), 0..3_usize, any::<bool>(), 0..300_u64), 1..6,
        ),
    ) {
        let mut bench = bench();
        for (acts, alias, tools, pause_ms) in calls {
            bench.now_ns += pause_ms * MS;
            bench.acts_at_provider = tools;
            let before = bench.now_ns;
            let (done, log) = bench.call(["pair", "two-keys", "smart"][alias], &acts);
            let attempts: Vec<&str> = log.iter().map(String::as_str).filter(|line| line.contains('/')).collect();
            let mut numbers: Vec<usize> = attempts.iter().map(|line| line[..1].parse().expect("a number")).collect();
            let hedge = attempts.iter().position(|line| line.contains(" hedge "));
            prop_assert!(attempts.iter().filter(|line| line.contains(" hedge ")).count() <= 1);
            prop_assert!(hedge.is_none() || (!tools && alias != 2), "{log:?}");
            prop_assert!(attempts.len() <= 5);
            let cancelled = log.iter().filter(|line| line.ends_with(" cancelled")).count();
            prop_assert_eq!(cancelled, attempts.iter().filter(|line| line.ends_with(" hedge_lost")).count());
            prop_assert!(cancelled <= usize::from(hedge.is_some()), "{log:?}");
            if let Ok(won) = done {
                prop_assert!(attempts.last().is_some_and(|line| line.ends_with(" good")), "the answer is the last: {log:?}");
                prop_assert_eq!(acts[won as usize - 1].1, End::Good);
            }
            if let (Ok(won), Some(_), 1) = (&done, hedge, cancelled) {
                // The loser would have been later.
                let due = |number: usize| acts[number - 1].0 + if attempts.iter().any(|line| line.starts_with(&format!("{number} hedge"))) { 250 } else { 0 };
                let other = attempts[attempts.len() - 2][..1].parse::<usize>().expect("a number");
                prop_assert!(due(*won as usize) <= due(other), "{log:?} {acts:?}");
            }
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (1..=attempts.len()).collect::<Vec<_>>(), "each is told once: {:?}", log);
            prop_assert!(bench.now_ns - before <= 60_000 * MS);
            prop_assert!(bench.holds_nothing());
        }
    }
}
