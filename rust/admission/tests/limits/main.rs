//! Limits and budgets through the public face of the crate.
#![allow(clippy::expect_used, reason = "tests fail by panicking")]

mod hierarchy;
mod many;
mod support;

use admission::{Used, Why};
use fault::Kind;
use plan::{Budget, BudgetWindow, Dimension, Grant, Limit, Measure, Rate, WhenSpent};
use support::*;

#[test]
fn of_a_limit_for_each_value_every_value_has_its_own_and_a_named_one_its_own_amount() {
    let limits =
        World::new(&[requests(Some(Dimension::User), None, 2), requests(Some(Dimension::User), Some("ann"), 3)], &[]);
    let let_in = |user: &str| (0..9).filter(|_| limits.send(&by(user), tokens(0)).is_ok()).count();
    assert_eq!([let_in("ann"), let_in("bob"), let_in("cid")], [3, 2, 2]);
}

#[test]
fn a_call_without_the_value_does_not_meet_the_limit() {
    let limits = World::new(&[requests(Some(Dimension::User), None, 1)], &[]);
    assert!((0..9).all(|_| limits.send(&nobody(), tokens(0)).is_ok()));
}

#[test]
fn each_limit_refuses_in_its_own_words() {
    let measure = |id: &str, measure| Limit { id: id.to_owned(), per: None, value: None, measure, enforce: true };
    let a_day = Rate { amount: 1, per_ms: 86_400_000, burst_ms: 86_400_000 };
    for (limit, kind, again, told) in [
        (requests(None, None, 1), Kind::RateLimited, true, "1 requests per minute; send the call again in 60 s"),
        (measure("a", Measure::Requests(a_day)), Kind::RateLimited, false, "it has room for this call in 86400 s"),
        (measure("b", Measure::Concurrency(1)), Kind::RateLimited, true, "1 calls at once, 1 are open"),
        (
            measure("c", Measure::TotalTokens(150)),
            Kind::QuotaSpent,
            false,
            "150 tokens in all, 0 tokens used and 100 tokens",
        ),
        (
            measure("d", Measure::InputTokens(10)),
            Kind::CallTooLarge,
            false,
            "a prompt may have 10 tokens, this one has about 100",
        ),
        (
            measure("e", Measure::TotalNanoUsd(0)),
            Kind::QuotaSpent,
            false,
            "what this call costs is not known; nothing frees it",
        ),
    ] {
        let limits = World::new(std::slice::from_ref(&limit), &[]);
        let first = limits.reserve(&nobody(), tokens(100));
        let refused = limits.reserve(&nobody(), tokens(100)).expect_err("refused");
        assert_eq!((refused.fault.kind(), refused.again), (kind, again), "{refused:?}");
        let message = refused.fault.message();
        assert!(message.contains(told) && message.contains(&*limit.id), "{message}");
        drop(first);
    }
}

#[test]
fn of_several_refusals_the_one_is_told_that_holds_longest() {
    let limits = [
        requests(None, None, 1),
        Limit { id: "all".to_owned(), measure: Measure::TotalTokens(150), ..requests(None, None, 1) },
    ];
    let limits = World::new(&limits, &[]);
    let _first = limits.reserve(&nobody(), tokens(100)).expect("room");
    assert_eq!(&*limits.reserve(&nobody(), tokens(100)).expect_err("refused").limit, "all");
}

#[test]
fn a_limit_that_observes_counts_and_refuses_nothing() {
    let watching = Limit { enforce: false, ..requests(None, None, 1) };
    let limits = World::new(&[watching], &[]);
    assert!(limits.send(&nobody(), tokens(0)).expect("let in").observed().is_empty());
    assert_eq!(limits.send(&nobody(), tokens(0)).expect("let in").observed(), [0]);
}

#[test]
fn a_guess_never_refuses_the_first_call_and_what_is_stated_may() {
    for (is_bounded, expected) in [(false, true), (true, false)] {
        let limits = World::new(&[], &[budget(None, None, 100)]);
        let asked = admission::Ask { is_bounded, ..costs(if is_bounded { 500 } else { 10 }, 500) };
        let came = limits.reserve(&nobody(), asked);
        assert_eq!(came.is_ok(), expected);
        if let Err(refused) = came {
            assert!(refused.fault.message().contains("more than all of it"), "{}", refused.fault);
            assert_eq!(refused.pause_ns, None);
        }
    }
    let small = World::new(
        &[Limit {
            measure: Measure::Tokens(Rate { amount: 50, per_ms: 60_000, burst_ms: 60_000 }),
            ..requests(None, None, 1)
        }],
        &[],
    );
    assert!(small.reserve(&nobody(), tokens(5_000)).is_ok(), "all that the bucket holds will do");
}

#[test]
fn free_models_are_let_in_when_the_money_is_spent() {
    let limits = World::new(&[], &[budget(None, None, 100)]);
    let mut call = limits.reserve(&nobody(), costs(100, 100)).expect("room");
    call.sends();
    drop(limits.end(call, Some(Used { tokens: 1, nano_usd: Some(100) })));
    assert!(limits.reserve(&nobody(), costs(0, 0)).is_ok());
    assert!(limits.reserve(&nobody(), costs(1, 1)).is_err());
    assert!(limits.reserve(&nobody(), tokens(5)).is_err(), "of an unknown price");
}

#[test]
fn a_budget_that_asks_names_an_approval_that_lets_more_in() {
    let asking = Budget { when_spent: WhenSpent::Ask, ..budget(Some(Dimension::User), None, 100) };
    let limits = World::new(&[], std::slice::from_ref(&asking));
    let refused = limits.reserve(&by("ann"), costs(150, 150)).expect_err("refused");
    assert_eq!(refused.fault.kind(), Kind::ApprovalNeeded);
    let approval = refused.fault.message().rsplit(' ').next().expect("named").to_owned();
    let granted = limits.with(|plan| plan.grants = vec![Grant { approval, nano_usd: 50 }]);
    assert!(granted.reserve(&by("bob"), costs(150, 150)).is_err(), "another user");
    let call = granted.reserve(&by("ann"), costs(150, 150)).expect("granted");
    assert!(granted.reserve(&by("ann"), costs(1, 1)).is_err(), "no more than that");
    drop(call);
    granted.advance_days(1);
    assert!(granted.reserve(&by("ann"), costs(101, 101)).is_err(), "another day");
}

#[test]
fn a_budget_that_sends_calls_elsewhere_counts_them_there() {
    let limits = World::new(&[], &[Budget { when_spent: WhenSpent::Use(0), ..budget(None, None, 100) }]);
    let refused = limits.reserve(&nobody(), costs(150, 150)).expect_err("refused");
    assert_eq!(refused.when_spent, Some(WhenSpent::Use(0)));
    let mut call = limits.reserve_exempt(&nobody(), costs(150, 150), refused.rule).expect("counted");
    call.sends();
    drop(limits.end(call, Some(Used { tokens: 1, nano_usd: Some(140) })));
    assert_eq!(limits.used("usd_per_day", ""), 140);
}

#[test]
fn what_was_used_survives_another_plan_and_what_is_allowed_does_not() {
    let limits = World::new(&[requests(None, None, 5)], &[budget(None, None, 100)]);
    for _ in 0..5 {
        let call = limits.send(&nobody(), costs(10, 10)).expect("room");
        drop(limits.end(call, Some(Used { tokens: 0, nano_usd: Some(10) })));
    }
    let other = limits.with(|plan| {
        plan.limits = vec![requests(None, None, 10)];
        plan.budgets = vec![budget(None, None, 60)];
    });
    assert_eq!(other.used("usd_per_day", ""), 50);
    assert!(other.reserve(&nobody(), costs(11, 11)).is_err());
    assert!(other.send(&nobody(), costs(10, 10)).is_err(), "an empty bucket stays empty");
    other.advance_ms(6_000);
    assert!(other.send(&nobody(), costs(10, 10)).is_ok(), "and fills at the new pace");
}

#[test]
fn targets_have_limits_of_their_own() {
    let at = |dimension, value: &str, amount| requests(Some(dimension), Some(value), amount);
    let limits = World::new(&[at(Dimension::Deployment, "gpt", 3), at(Dimension::Provider, "house", 5)], &[]);
    assert!(limits.limits.has_targets());
    let let_in = |deployment| (0..9).filter(|_| limits.attempt(deployment, 0).is_ok()).count();
    assert_eq!(let_in(Some(0)), 3);
    assert_eq!(let_in(None), 2, "what is left of the provider's");
    assert!(limits.send(&nobody(), tokens(0)).is_ok(), "they are nothing that a call itself meets");
}

#[test]
fn the_tightest_limits_are_shown() {
    let limits = [
        requests(None, None, 100),
        requests(Some(Dimension::User), None, 10),
        Limit {
            id: "t".to_owned(),
            measure: Measure::Tokens(Rate { amount: 6_000, per_ms: 60_000, burst_ms: 60_000 }),
            ..requests(None, None, 1)
        },
    ];
    let limits = World::new(&limits, &[]);
    let call = limits.reserve(&by("ann"), tokens(600)).expect("room");
    let shown = limits.shown(&call);
    let of = |remaining: Option<admission::Remaining>| remaining.map(|it| (it.limit, it.left, it.reset_ns / 1_000_000));
    assert_eq!(of(shown.requests), Some((10, 9, 6_000)));
    assert_eq!(of(shown.tokens), Some((6_000, 5_400, 6_000)));
    assert!(
        limits.shown(&limits.reserve(&nobody(), tokens(0)).expect("room")).requests.is_some_and(|it| it.limit == 100)
    );
}

#[test]
fn a_warning_comes_once_with_the_value() {
    let warning = Budget { warn_permille: vec![500, 900], ..budget(Some(Dimension::User), None, 100) };
    let limits = World::new(&[], &[warning]);
    let spend = |user: &str, nano_usd| {
        let call = limits.send(&by(user), costs(1, 1)).expect("room");
        limits.end(call, Some(Used { tokens: 0, nano_usd: Some(nano_usd) }))
    };
    assert!(spend("ann", 49).is_empty());
    let warned = spend("ann", 1);
    assert_eq!((&*warned[0].value, warned[0].permille, warned[0].standing.used), ("ann", 500, 50));
    assert!(spend("ann", 1).is_empty() && spend("bob", 1).is_empty());
}

#[test]
fn what_was_used_in_the_past_counts_as_if_it_had_been_now() {
    let rules = [requests(Some(Dimension::User), None, 10)];
    let budgets = [
        budget(Some(Dimension::Team), None, 100),
        Budget { window: BudgetWindow::Lifetime, id: "life".to_owned(), ..budget(None, None, 900) },
    ];
    let (lived, replayed) = (World::new(&rules, &budgets), World::new(&rules, &budgets));
    let who = with_key("ann", 0);
    for nano_usd in [5, 7, 9] {
        let call = lived.send(&who, costs(1, 1)).expect("room");
        drop(lived.end(call, Some(Used { tokens: 3, nano_usd: Some(nano_usd) })));
        replayed.replay(&who, Used { tokens: 3, nano_usd: Some(nano_usd) });
        lived.advance_ms(1_500);
        replayed.advance_ms(1_500);
    }
    for (id, value) in [("usd_per_day", "platform"), ("life", "")] {
        assert_eq!(lived.used(id, value), 21);
        assert_eq!(replayed.used(id, value), 21, "{id}");
    }
    let left = |world: &World| world.shown(&world.reserve(&who, tokens(0)).expect("room"));
    assert_eq!(left(&lived), left(&replayed));
}

#[test]
fn a_time_zone_that_nobody_knows_refuses_the_plan() {
    let nowhere = Budget { time_zone: "Mars/Olympus".to_owned(), ..budget(None, None, 1) };
    let refused = World::compile(&[], &[nowhere]).expect_err("refused");
    assert!(refused.contains("usd_per_day") && refused.contains("Mars/Olympus"), "{refused}");
}

#[test]
fn a_wait_is_as_long_as_it_says() {
    let limits = World::new(&[requests(None, None, 1)], &[]);
    drop(limits.send(&nobody(), tokens(0)).expect("room"));
    let wait_ns = limits.reserve(&nobody(), tokens(0)).expect_err("refused").pause_ns.expect("frees");
    limits.advance_ns(wait_ns - 1);
    assert!(limits.reserve(&nobody(), tokens(0)).is_err());
    limits.advance_ns(1);
    assert!(limits.reserve(&nobody(), tokens(0)).is_ok());
    assert_eq!(Why::Rate { wait_ns: 5 }.frees_ns(limits.now()), Some(5));
}
