//! Cuts, growth and room, step by step and at random.

use super::*;
use proptest::prelude::*;
use std::sync::Arc;

const S: u64 = CUT_EVERY_NS;

/// One open call.
struct Slot(Arc<Limit>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.leave();
    }
}

fn slot(limit: &Arc<Limit>) -> Option<Slot> {
    limit.try_enter().then(|| Slot(Arc::clone(limit)))
}

fn enter(limit: &Arc<Limit>, calls: usize) -> Vec<Slot> {
    (0..calls).map_while(|_| slot(limit)).collect()
}

/// A limit of 1000 that was cut down to `level`.
fn cut_to(level: u32) -> Arc<Limit> {
    let limit = Arc::new(Limit::new(1000));
    (0..100).take_while(|_| limit.level() > level).for_each(|second| limit.throttled(second * S));
    assert_eq!(limit.level(), level);
    limit
}

#[test]
fn a_healthy_provider_meets_only_the_ceiling() {
    let limit = Arc::new(Limit::new(1000));
    let slots = enter(&limit, 2000);
    assert_eq!((slots.len(), limit.in_flight()), (1000, 1000));
    limit.succeeded();
    assert_eq!(limit.level(), 1000);
    drop(slots);
    assert_eq!(limit.in_flight(), 0);
}

#[test]
fn a_call_makes_room_when_it_leaves() {
    let limit = Limit::new(1);
    assert!(limit.try_enter() && !limit.try_enter());
    limit.leave();
    assert!(limit.try_enter());
}

#[test]
fn refusals_of_one_second_are_one_cut() {
    let limit = Arc::new(Limit::new(1000));
    let _slots = enter(&limit, 600);
    let mut levels = Vec::new();
    for now_ns in [0, 1, S - 1, S, S + 1, 2 * S, 10 * S] {
        limit.throttled(now_ns);
        levels.push(limit.level());
    }
    assert_eq!(levels, [900, 900, 900, 810, 810, 729, 656]);
}

#[test]
fn the_first_cut_comes_down_to_twice_the_load() {
    for (open, level) in [(0, 18), (5, 18), (10, 18), (40, 72), (400, 720), (1000, 900)] {
        let limit = Arc::new(Limit::new(1000));
        let slots = enter(&limit, open);
        drop(slots);
        limit.throttled(0);
        assert_eq!(limit.level(), level, "{open}");
    }
}

#[test]
fn refusals_that_go_on_end_at_one_call_at_a_time() {
    let limit = cut_to(1);
    limit.throttled(1000 * S);
    assert_eq!((limit.level(), enter(&limit, 5).len()), (1, 1));
}

#[test]
fn a_limit_in_use_grows_by_one_for_as_many_successes_as_it_has_places() {
    let limit = cut_to(9);
    let _slots = enter(&limit, 9);
    let successes = (1..100).find(|_| {
        limit.succeeded();
        limit.level() == 12
    });
    assert_eq!(successes, Some(9 + 10 + 11));
}

#[test]
fn a_limit_of_which_less_than_half_is_used_does_not_grow() {
    let limit = cut_to(9);
    for (open, level) in [(4, 9), (5, 10), (5, 11), (5, 11)] {
        let _slots = enter(&limit, open);
        (0..10).for_each(|_| limit.succeeded());
        assert_eq!(limit.level(), level);
    }
}

#[test]
fn a_limit_that_is_refused_does_not_grow() {
    let limit = cut_to(9);
    let _slots = enter(&limit, 9);
    limit.throttled(1000 * S);
    let level = limit.level();
    for _ in 0..100 {
        (1..level).for_each(|_| limit.succeeded());
        limit.throttled(1000 * S + 1);
    }
    assert_eq!(limit.level(), level);
}

/// Ten rounds a second: as many calls as the limit lets through, all answered at the end of the round.
#[test]
fn what_a_provider_takes_at_a_time_is_found_and_kept_within_a_tenth() {
    for capacity in [4, 10, 37, 200, 900] {
        let limit = Arc::new(Limit::new(1000));
        for round in 0..3000_u64 {
            let open = enter(&limit, 1000);
            let calls = u32::try_from(open.len()).unwrap();
            (0..calls.min(capacity)).for_each(|_| limit.succeeded());
            (capacity..calls).for_each(|_| limit.throttled(round * S / 10));
            let found = (capacity + 1) * 9 / 10..=capacity + 1;
            assert!(round < 1000 || found.contains(&calls), "{calls} of {capacity}");
        }
    }
}

#[test]
fn a_cut_starts_the_count_of_successes_anew() {
    let limit = cut_to(9);
    let _slots = enter(&limit, 9);
    (0..8).for_each(|_| limit.succeeded());
    limit.throttled(1000 * S);
    (0..7).for_each(|_| limit.succeeded());
    assert_eq!(limit.level(), 8);
    limit.succeeded();
    assert_eq!(limit.level(), 9);
}

#[test]
fn a_limit_at_its_ceiling_follows_it_and_a_lower_one_has_to_grow() {
    let limit = Arc::new(Limit::new(10));
    limit.set_max(30);
    assert_eq!(limit.level(), 30);
    limit.throttled(0);
    limit.set_max(5);
    assert_eq!(limit.level(), 5);
    limit.set_max(1000);
    assert_eq!(limit.level(), 18);
    limit.set_max(20);
    let _slots = enter(&limit, 18);
    (0..18 + 19).for_each(|_| limit.succeeded());
    limit.set_max(2000);
    assert_eq!(limit.level(), 2000);
}

#[test]
fn a_ceiling_of_nothing_lets_one_through() {
    let limit = Arc::new(Limit::new(0));
    assert_eq!(enter(&limit, 3).len(), 1);
    limit.set_max(0);
    assert_eq!(limit.level(), 1);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Enter,
    Leave,
    Succeed,
    Throttle { after_ns: u64 },
    SetMax(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Enter),
        2 => Just(Step::Leave),
        8 => Just(Step::Succeed),
        2 => (0..3 * S).prop_map(|after_ns| Step::Throttle { after_ns }),
        1 => (0..50_u32).prop_map(Step::SetMax),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn the_level_stays_between_one_and_the_ceiling_and_slots_are_counted(
        max in 0..50_u32,
        steps in proptest::collection::vec(step(), 0..300),
    ) {
        let limit = Arc::new(Limit::new(max));
        let (mut ceiling, mut now_ns, mut last_cut_ns) = (max.max(1), 0, None::<u64>);
        let mut slots = Vec::new();
        for step in steps {
            let before = limit.level();
            match step {
                Step::Enter => {
                    let slot = slot(&limit);
                    prop_assert_eq!(slot.is_some(), u32::try_from(slots.len()).unwrap() < before);
                    slots.extend(slot);
                    prop_assert_eq!(limit.level(), before);
                }
                Step::Leave => drop(slots.pop()),
                Step::Succeed => {
                    limit.succeeded();
                    prop_assert!((before..=before + 1).contains(&limit.level()));
                }
                Step::Throttle { after_ns } => {
                    now_ns += after_ns;
                    limit.throttled(now_ns);
                    let is_due = last_cut_ns.is_none_or(|then| now_ns >= then + S);
                    if is_due {
                        prop_assert!(limit.level() <= (before * 9 / 10).max(1));
                        last_cut_ns = Some(now_ns);
                    } else {
                        prop_assert_eq!(limit.level(), before);
                    }
                }
                Step::SetMax(max) => {
                    limit.set_max(max);
                    ceiling = max.max(1);
                }
            }
            prop_assert!((1..=ceiling).contains(&limit.level()));
            prop_assert_eq!(limit.in_flight() as usize, slots.len());
        }
        drop(slots);
        prop_assert_eq!(limit.in_flight(), 0);
    }
}
