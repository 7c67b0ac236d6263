//! Budgets within budgets: a call takes of all or of none, and what is refused leaves no trace.

use crate::support::*;
use admission::{Reservation, Used};
use plan::Dimension;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::{Arc, Barrier};

/// What happens.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// A call of a key and a user, which is to cost this.
    Call(usize, u8, u64),
    /// The call that was let in so many before is over: it was not sent, or has cost this.
    End(usize, Option<u64>),
    /// Time passes, in seconds.
    Wait(u64),
}

/// What is spent and set aside, where anything is.
fn used(world: &World) -> Vec<(String, String, (u64, u64))> {
    world.standings().into_iter().filter(|(.., sums)| *sums != (0, 0)).collect()
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..2_usize, 0..3_u8, 0..40_u64).prop_map(|(key, user, cost)| Act::Call(key, user, cost)),
        3 => (0..8_usize, prop::option::of(0..40_u64)).prop_map(|(back, cost)| Act::End(back, cost)),
        1 => (0..3_600_u64).prop_map(Act::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn a_call_takes_of_every_budget_or_of_none(
        amounts in prop::array::uniform4(20..200_u64), acts in prop::collection::vec(act(), 1..30),
    ) {
        let [all, team, key, user] = amounts;
        let named = |id: &str, per, amount| plan::Budget { id: id.to_owned(), ..budget(per, None, amount) };
        let budgets = [
            named("all", None, all),
            named("team", Some(Dimension::Team), team),
            named("key", Some(Dimension::Key), key),
            named("user", Some(Dimension::User), user),
        ];
        let world = World::new(&[requests(None, None, 1_000)], &budgets);
        let mut open: Vec<(Reservation, u64)> = vec![];
        let mut before = vec![];
        for act in acts {
            match act {
                Act::Wait(seconds) => world.advance_ms(seconds * 1_000),
                Act::Call(key, user, cost) => {
                    let caller = with_key(&user.to_string(), key);
                    match world.reserve(&caller, costs(cost, cost)) {
                        Ok(reservation) => open.push((reservation, cost)),
                        Err(refused) => {
                            prop_assert!(refused.fault.message().contains("set aside"), "{}", refused.fault);
                            prop_assert_eq!(&before, &used(&world), "a refused call uses nothing");
                        }
                    }
                }
                Act::End(back, cost) if back < open.len() => {
                    let (mut call, reserved) = open.remove(open.len() - 1 - back);
                    let used = cost.map(|cost| {
                        call.sends();
                        Used { tokens: 0, nano_usd: Some(cost.min(reserved)) }
                    });
                    drop(world.end(call, used));
                }
                Act::End(..) => {}
            }
            before = used(&world);
            let mut sums = HashMap::new();
            for (id, value, (used, reserved)) in &before {
                let amount = budgets.iter().find(|budget| budget.id == *id).map_or(0, |budget| budget.nano_usd);
                prop_assert!(used + reserved <= amount, "{id} of {value}: {used} + {reserved} of {amount}");
                *sums.entry(id).or_insert(0) += used + reserved;
            }
            prop_assert!(sums.len() % 4 == 0 && sums.values().all(|sum| sums.values().next() == Some(sum)));
        }
        drop(open);
        prop_assert!(world.standings().iter().all(|(.., (_, reserved))| *reserved == 0), "nothing is set aside at rest");
    }
}

#[test]
fn of_a_hundred_calls_at_once_ten_are_let_in() {
    for _ in 0..20 {
        let rules = [requests(None, None, 10), requests(Some(Dimension::User), None, 10)];
        let limits = Arc::clone(&World::new(&rules, &[budget(None, None, 10)]).limits);
        let start = Arc::new(Barrier::new(10));
        let threads: Vec<_> = (0..10)
            .map(|_| {
                let (limits, start) = (Arc::clone(&limits), Arc::clone(&start));
                std::thread::spawn(move || {
                    let now = admission::Now { steady_ns: 5, unix_ns: 5 };
                    let ticket = admission::Ticket { id: 0, deadline_ns: 0 };
                    start.wait();
                    let caller = by("ann");
                    let reserve =
                        |_| limits.reserve(limits.met_by(&caller.who(), now), (costs(1, 1), &[]), ticket, now).ok();
                    (0..10).filter_map(reserve).collect::<Vec<_>>()
                })
            })
            .collect();
        let held: usize = threads.into_iter().map(|thread| thread.join().expect("ends").len()).sum();
        assert_eq!(held, 10);
    }
}

#[test]
fn a_call_that_was_not_sent_gives_everything_back_and_one_of_which_nothing_is_known_costs_its_estimate() {
    let world = World::new(&[requests(None, None, 3)], &[budget(None, None, 100)]);
    for _ in 0..9 {
        let call = world.reserve(&nobody(), costs(60, 60)).expect("nothing was used");
        drop(world.end(call, None));
    }
    let call = world.send(&nobody(), costs(60, 60)).expect("room");
    drop(world.end(call, None));
    assert_eq!(world.used("usd_per_day", ""), 60);
}

#[test]
fn attempts_add_up_and_a_dropped_reservation_gives_back_what_it_had_set_aside() {
    let world = World::new(&[], &[budget(None, None, 100)]);
    let mut call = world.send(&nobody(), costs(20, 20)).expect("room");
    for nano_usd in [15, 15] {
        drop(call.charge(Used { tokens: 0, nano_usd: Some(nano_usd) }, world.now()));
    }
    drop(call);
    assert_eq!(world.standings(), [("usd_per_day".to_owned(), String::new(), (30, 0))]);
}
