//! More values than are counted apart.

use crate::support::*;
use plan::{Dimension, Limit, Measure};
use std::collections::HashMap;

fn world(limit: Limit, most: u64) -> World {
    World::new(&[limit], &[]).with(|plan| plan.identity.most_values = most)
}

fn held(world: &World) -> (u64, u64) {
    let mut all = HashMap::new();
    world.limits.accounts().each_limit(|limit, accounts, beyond| {
        all.insert(limit.to_owned(), (accounts, beyond));
    });
    all.into_values().next().unwrap_or_default()
}

#[test]
fn a_million_tasks_hold_a_thousand_accounts() {
    let total = Limit {
        id: "task.tokens".to_owned(),
        measure: Measure::TotalTokens(100),
        ..requests(Some(Dimension::User), None, 1)
    };
    let world = world(total, 1_000);
    let mut refused = 0;
    for task in 0..1_000_000_u32 {
        let call = world.send(&by(&task.to_string()), tokens(60));
        refused += u32::from(call.is_err());
        drop(call.map(|call| world.end(call, None)));
    }
    assert_eq!(held(&world), (1_000, 999_000));
    assert_eq!(refused, 998_999, "those beyond share one amount");
    assert!(world.send(&by("7"), tokens(60)).is_err(), "what is held is counted exactly");
    assert!(world.send(&by("7"), tokens(40)).is_ok());
}

#[test]
fn what_says_nothing_any_more_makes_room() {
    let world = world(requests(Some(Dimension::User), None, 1), 100);
    for user in 0..200 {
        drop(world.send(&by(&user.to_string()), tokens(0)).map(|call| world.end(call, None)));
    }
    assert_eq!(held(&world).0, 100);
    world.advance_ms(60_000);
    (0..64).for_each(|turn| world.limits.accounts().sweep(turn, world.now(), 1));
    assert_eq!(held(&world).0, 0, "each is full again");
    assert!(world.send(&by("150"), tokens(0)).is_ok());
}

#[test]
fn a_lifetime_is_forgotten_after_it_was_silent_for_long_and_not_before() {
    let total = Limit {
        id: "task.tokens".to_owned(),
        measure: Measure::TotalTokens(100),
        ..requests(Some(Dimension::User), None, 1)
    };
    let world = world(total, 100);
    drop(world.send(&by("a"), tokens(100)).map(|call| world.end(call, None)));
    let sweep = |world: &World| {
        (0..64).for_each(|turn| world.limits.accounts().sweep(turn, world.now(), world.limits.forget_ns()));
    };
    world.advance_ms(59_999);
    sweep(&world);
    assert!(world.send(&by("a"), tokens(1)).is_err(), "and asking makes it known again");
    world.advance_ms(59_999);
    sweep(&world);
    assert_eq!(held(&world).0, 1);
    world.advance_ms(1);
    sweep(&world);
    assert_eq!(held(&world).0, 0);
}

#[test]
fn an_account_that_a_call_holds_is_not_forgotten() {
    let world = world(Limit { measure: Measure::Concurrency(1), ..requests(Some(Dimension::User), None, 1) }, 100);
    let call = world.send(&by("a"), tokens(0)).expect("room");
    (0..64).for_each(|turn| world.limits.accounts().sweep(turn, world.now(), 0));
    assert!(world.send(&by("a"), tokens(0)).is_err());
    drop(call);
    assert!(world.send(&by("a"), tokens(0)).is_ok());
}
