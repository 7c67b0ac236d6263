//! An estimate that is neither fooled nor forgets too soon.

use super::*;
use proptest::prelude::*;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
/// The clock of a process that has run for a while.
const NOW: u64 = 1_000_000 * SECOND;

fn known(ttft_ns: u64) -> Load {
    let load = Load::new("x");
    load.observe(NOW, ttft_ns);
    load
}

#[test]
fn an_unknown_place_is_asked_once_until_its_first_token_comes() {
    let load = Load::new("x");
    assert_eq!(load.cost(NOW), 1);
    load.begin();
    assert!(load.cost(NOW) > known(300 * SECOND).cost(NOW), "dearer than any place that is known");
    load.first_token(NOW, 400 * MS);
    assert_eq!(load.cost(NOW), 2 * 400_000);
}

#[test]
fn the_estimate_jumps_up_at_once_and_comes_down_over_ten_seconds() {
    let load = known(SECOND);
    load.observe(NOW, 8 * SECOND);
    assert_eq!(load.cost(NOW), 8_000_000);
    load.observe(NOW + 10 * SECOND, SECOND);
    let left = load.cost(NOW + 10 * SECOND);
    assert!((3_550_000..3_600_000).contains(&left), "1 s and 7 / e: {left}");
}

#[test]
fn an_idle_place_is_looked_at_again() {
    let load = known(30 * SECOND);
    assert!(load.cost(NOW + 60 * SECOND) < 100_000);
    assert_eq!(load.cost(NOW + 1_000_000 * SECOND), 1);
}

#[test]
fn a_place_that_hangs_does_not_look_better_by_the_second() {
    let load = known(SECOND);
    load.begin();
    assert_eq!(load.cost(NOW + 60 * SECOND), 2 * 1_000_000);
    load.first_token(NOW + 60 * SECOND, 60 * SECOND);
    assert_eq!(load.cost(NOW + 60 * SECOND), 2 * 60_000_000);
    assert!(load.cost(NOW + 70 * SECOND) < 60_000_000, "its first token came: it may fade, however long the stream");
}

#[test]
fn a_refusal_is_a_long_wait_and_never_good_news() {
    let load = known(MS);
    load.penalise(NOW, REFUSAL_NS);
    assert_eq!(load.cost(NOW), 5_000_000);
    load.penalise(NOW, SECOND);
    assert_eq!(load.cost(NOW), 5_000_000);
    load.penalise(NOW, 9_999 * SECOND);
    assert_eq!(load.cost(NOW), 300_000_000);
}

#[test]
fn a_quota_that_runs_out_makes_a_place_dear_and_is_forgotten_in_a_minute() {
    let load = known(SECOND);
    load.begin(); // keeps the estimate from fading
    for (left, after_s, times) in [(1000, 0, 1), (500, 0, 2), (1, 0, 1000), (0, 0, 1000), (0, 30, 2), (0, 61, 1)] {
        load.quota(NOW, left);
        let cost = load.cost(NOW + after_s * SECOND);
        assert!(cost.abs_diff(2_000_000 * times) <= 20_000 * times, "{left} {after_s} {cost}");
    }
    load.quota(NOW, 0);
    load.quota(NOW, 1000);
    assert_eq!(load.cost(NOW), 2_000_000, "and what is said anew counts");
}

#[test]
fn a_clock_that_is_behind_takes_nothing_away() {
    let load = known(SECOND);
    assert_eq!(load.cost(NOW - SECOND), 1_000_000);
    load.observe(NOW - SECOND, 10 * MS);
    assert_eq!(load.cost(NOW), 1_000_000);
}

#[test]
fn threads_leave_no_call_open() {
    let load = Load::new("x");
    let work = || {
        for turn in 0..10_000 {
            load.begin();
            if turn % 2 == 0 {
                load.first_token(NOW, SECOND);
            }
            load.end(turn % 2 != 0);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    assert_eq!(load.calls.load(Relaxed), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn decay_is_the_exponential(value in any::<u32>(), ticks in 0..40_000_u32) {
        let truth = f64::from(value) * (-f64::from(ticks) * f64::from(1 << TICK_SHIFT) / 1e10).exp();
        let off = (f64::from(decay(value, ticks)) - truth).abs();
        prop_assert!(off <= truth * 0.004 + 1.0, "{truth} {off}");
    }

    #[test]
    fn decay_never_grows(value in any::<u32>(), ticks in 0..u32::MAX / 2, more in 0..1000_u32) {
        prop_assert_eq!(decay(value, 0), value);
        prop_assert!(decay(value, ticks + more) <= decay(value, ticks));
    }

    #[test]
    fn an_estimate_lies_between_what_was_known_and_what_was_seen(
        (before, seen) in (1..400 * SECOND, 1..400 * SECOND), elapsed in 0..100 * SECOND,
    ) {
        let load = known(before);
        load.observe(NOW + elapsed, seen);
        let (cost, before, seen) = (load.cost(NOW + elapsed), u64::from(micros(before)), u64::from(micros(seen)));
        prop_assert!(seen <= cost && cost <= seen.max(before), "{before} {seen} {cost}");
        prop_assert!(seen < before || cost == seen, "bad news counts in full");
    }

    #[test]
    fn news_that_is_better_leaves_a_better_estimate(
        before in 1..400 * SECOND, seen in 1..400 * SECOND, better in 0..SECOND, elapsed in 0..100 * SECOND,
    ) {
        let after = |seen| {
            let load = known(before);
            load.observe(NOW + elapsed, seen);
            load.cost(NOW + elapsed)
        };
        // Rounding may lose a microsecond.
        prop_assert!(after(seen.saturating_sub(better)) <= after(seen) + 1);
    }

    #[test]
    fn a_refusal_never_makes_a_place_cheaper(before in 1..400 * SECOND, wait in any::<u64>(), elapsed in 0..100 * SECOND) {
        let (load, then) = (known(before), NOW + elapsed);
        let cost = load.cost(then);
        load.penalise(then, wait);
        prop_assert!(load.cost(then) >= cost);
        prop_assert!(load.cost(then) >= u64::from(micros(wait.min(MAX_PENALTY_NS))));
    }

    /// Steps: 0 begins a call, 1 hears of the oldest one's first token, 2 ends the oldest, 3 ends the newest.
    #[test]
    fn the_counts_are_those_of_the_calls_that_are_held(steps in prop::collection::vec(0..4_u8, 0..60)) {
        let load = Load::new("x");
        // Of each call, whether it waits.
        let mut held: std::collections::VecDeque<bool> = std::collections::VecDeque::new();
        for step in steps {
            match step {
                0 => {
                    load.begin();
                    held.push_back(true);
                }
                1 => if let Some(waits) = held.front_mut().filter(|waits| **waits) {
                    load.first_token(NOW, MS);
                    *waits = false;
                },
                2 => held.pop_front().into_iter().for_each(|waits| load.end(waits)),
                _ => held.pop_back().into_iter().for_each(|waits| load.end(waits)),
            }
            prop_assert_eq!(load.open() as usize, held.len());
            let waiting = held.iter().filter(|waits| **waits).count();
            prop_assert_eq!(upper(load.calls.load(Relaxed)) as usize, waiting);
        }
    }
}
