//! The engine with a scripted world: no sockets, and a clock that moves when somebody waits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![cfg(not(loom))]

mod affinity;
mod hedging;
mod probes;
mod script;
mod timed;

use attempt::{Blame, Class, Stop, What};
use fault::Kind;
use plan::{Capability, Needs};
use script::{Act, SECOND, Script, plan};

const BUSY: Act = Act::Fails(Class::RateLimited, Blame::CredentialModel);
const DOWN: Act = Act::Fails(Class::Unavailable, Blame::EndpointModel);
const SLOW: Act = Act::Fails(Class::Timeout, Blame::EndpointModel);

/// The fault that a call was lost with.
fn fault(lost: &attempt::Lost<&'static str>) -> Kind {
    match &lost.what {
        What::Fault(fault) => fault.kind(),
        What::Answer(answer) => panic!("an answer: {answer}"),
    }
}

#[test]
fn a_good_answer_is_the_only_attempt() {
    let mut script = Script::new(plan());
    assert_eq!(script.call("smart").unwrap(), "first");
    assert_eq!(script.take_log(), ["first/0/0 good"]);
}

#[test]
fn a_blip_is_tried_again_at_the_same_place_after_a_short_pause() {
    let mut script = Script::new(plan());
    script.then("first", [DOWN]);
    let before = script.now();
    assert_eq!(script.call("smart").unwrap(), "first");
    assert_eq!(script.take_log(), ["first/0/0 unavailable -> same", "first/0/0 good"]);
    assert!(script.now() - before <= SECOND / 10 + 1);
}

#[test]
fn what_fails_twice_goes_to_the_fallback_at_once() {
    let mut script = Script::new(plan());
    script.then("first", [DOWN, DOWN]);
    assert_eq!(script.call("smart").unwrap(), "second");
    let log = script.take_log();
    assert_eq!(log[1..], ["first/0/0 unavailable -> fallback", "second/0/0 good"]);
    script.then("first", [SLOW]);
    assert_eq!(script.call("smart").unwrap(), "second");
    assert_eq!(script.take_log()[0], "first/0/0 timeout -> fallback");
}

#[test]
fn a_dead_credential_costs_one_attempt_and_is_left_alone_from_then_on() {
    let mut script = Script::new(plan());
    script.always("keys/0/0", Act::Fails(Class::Credential, Blame::Credential));
    for _ in 0..10 {
        assert_eq!(script.call("two-keys").unwrap(), "keys");
    }
    let dead = script.take_log().iter().filter(|line| line.starts_with("keys/0/0")).count();
    assert_eq!(dead, 1);
}

#[test]
fn a_failing_endpoint_leads_to_its_sibling() {
    let mut script = Script::new(plan());
    script.always("keys/1", DOWN);
    for _ in 0..20 {
        assert_eq!(script.call("two-keys").unwrap(), "keys");
    }
    let log = script.take_log();
    let failed = log.iter().filter(|line| line.contains("unavailable")).collect::<Vec<_>>();
    assert_eq!(failed.len(), 5, "five in a row open its breaker: {log:?}");
    assert!(failed.iter().all(|line| line.ends_with("-> other")));
}

#[test]
fn an_open_breaker_sends_calls_to_the_fallback_without_an_attempt() {
    let mut script = Script::new(plan());
    script.always("first", DOWN);
    for _ in 0..10 {
        assert_eq!(script.call("smart").unwrap(), "second");
    }
    script.take_log();
    script.call("smart").unwrap();
    assert_eq!(script.take_log(), ["second/0/0 good"]);
}

#[test]
fn a_provider_that_is_back_is_used_again() {
    let mut script = Script::new(plan());
    script.always("first", DOWN);
    for _ in 0..10 {
        script.call("smart").unwrap();
    }
    script.always("first", Act::Good);
    script.wait(60 * SECOND);
    let mut answers = Vec::new();
    for _ in 0..400 {
        script.wait(SECOND);
        answers.push(script.call("smart").unwrap());
    }
    assert!(answers[300..].iter().all(|answer| *answer == "first"), "ramped up");
}

#[test]
fn a_short_pause_is_waited_out_and_a_long_one_is_told() {
    let mut script = Script::new(plan());
    script.then("first", [Act::Asks(BUSY.class(), BUSY.blame(), 2 * SECOND)]);
    let before = script.now();
    assert_eq!(script.call("alone").unwrap(), "first");
    assert!(script.now() - before >= 2 * SECOND);
    script.then("first", [Act::Asks(BUSY.class(), BUSY.blame(), 60 * SECOND)]);
    let lost = script.call("alone").unwrap_err();
    assert_eq!((lost.why, lost.pause_ns), (Stop::NoTarget, Some(60 * SECOND)));
    let lost = script.call("alone").unwrap_err();
    assert_eq!(fault(&lost), Kind::ProviderBusy);
    assert!(lost.again && lost.pause_ns.unwrap() > 59 * SECOND);
}

#[test]
fn a_rest_that_is_short_is_waited_out_before_the_first_attempt() {
    let mut script = Script::new(plan());
    script.then("first", [Act::Asks(BUSY.class(), BUSY.blame(), 11 * SECOND)]);
    script.call("alone").unwrap_err();
    script.wait(5 * SECOND);
    let before = script.now();
    assert_eq!(script.call("alone").unwrap(), "first");
    assert!((6 * SECOND..7 * SECOND).contains(&(script.now() - before)));
}

#[test]
fn a_step_of_several_that_all_rest_is_waited_for_as_one_that_rests_alone() {
    let mut script = Script::new(plan());
    for provider in ["first", "second"] {
        script.then(provider, [Act::Asks(BUSY.class(), BUSY.blame(), 60 * SECOND)]);
    }
    script.call("pair").unwrap_err();
    let lost = script.call("pair").unwrap_err();
    assert_eq!(fault(&lost), Kind::ProviderBusy, "what was asked for is told, and not that they failed");
    script.wait(55 * SECOND);
    let before = script.now();
    script.call("pair").unwrap();
    assert!((5 * SECOND..6 * SECOND).contains(&(script.now() - before)));
}

#[test]
fn refused_content_goes_only_where_the_chain_says_so() {
    let mut script = Script::new(plan());
    let filtered = Act::Fails(Class::ContentFiltered, Blame::Nobody);
    script.then("first", [filtered, filtered]);
    assert_eq!(script.call("smart").unwrap_err().why, Stop::Final);
    assert_eq!(script.call("careful").unwrap(), "second");
}

#[test]
fn a_prompt_that_is_too_long_goes_to_a_longer_context_alone() {
    let mut script = Script::new(plan());
    let long = Act::Fails(Class::ContextTooLong, Blame::Nobody);
    script.then("first", [long, long]);
    assert_eq!(script.call("careful").unwrap(), "second", "its context is longer");
    assert_eq!(script.call("same-size").unwrap_err().why, Stop::Final);
}

/// The plan, whose deployments `a` and `b` can do so much; both stand in `smart`, `careful` and `pair`.
fn able(a: Option<&[Capability]>, b: Option<&[Capability]>) -> plan::Plan {
    let mut plan = plan();
    plan.deployments[0].capabilities = a.map(<[_]>::to_vec);
    plan.deployments[1].capabilities = b.map(<[_]>::to_vec);
    plan
}

fn images() -> Needs {
    [Capability::Images].into_iter().collect()
}

#[test]
fn what_cannot_take_a_call_is_never_asked() {
    let mut script = Script::new(able(Some(&[]), Some(&[Capability::Tools, Capability::Images])));
    script.asks.0 = images();
    for _ in 0..50 {
        assert_eq!(script.call("smart").unwrap(), "second", "it answers to what the first cannot do");
        assert_eq!(script.call("pair").unwrap(), "second", "no other of its step can");
    }
    assert!(script.take_log().iter().all(|line| line == "second/0/0 good"));
    script.always("second", BUSY);
    let lost = script.call("pair").unwrap_err();
    assert!(!script.take_log().iter().any(|line| line.starts_with("first")), "{:?}", lost.why);
    script.asks.0 = Needs::NONE;
    assert_eq!(script.call("smart").unwrap(), "first", "plain text goes anywhere");
}

#[test]
fn a_fallback_that_cannot_take_a_call_is_none() {
    let mut script = Script::new(able(Some(&[Capability::Images]), Some(&[Capability::Audio])));
    script.asks.0 = images();
    script.always("first", DOWN);
    assert_eq!(script.call("smart").unwrap_err().why, Stop::Attempts);
    assert!(script.take_log().iter().all(|line| line.starts_with("first")));
}

#[test]
fn a_call_that_fits_nowhere_is_told_what_is_missing_and_where() {
    let mut script = Script::new(able(Some(&[Capability::Tools]), Some(&[])));
    script.asks.0 = [Capability::Tools, Capability::Images].into_iter().collect();
    let lost = script.call("smart").unwrap_err();
    assert_eq!((fault(&lost), lost.again), (Kind::CapabilityMissing, false));
    let What::Fault(fault) = &lost.what else { panic!("no fault") };
    assert_eq!(
        fault.message(),
        "This call needs tools and images, and `a` cannot do images, `b` cannot do tools and images"
    );
    assert!(script.take_log().is_empty());
}

#[test]
fn a_step_that_does_not_answer_to_what_is_missing_stays_out_and_the_log_says_so() {
    let mut script = Script::new(able(Some(&[]), None));
    script.asks.0 = images();
    let lost = script.call("careful").unwrap_err();
    let What::Fault(fault) = &lost.what else { panic!("no fault") };
    assert_eq!(fault.message(), "This call needs images, and `a` cannot do images");
    assert!(fault.cause().unwrap().starts_with("step 2 of the chain fits"), "{fault}");
}

#[test]
fn a_prompt_that_clearly_does_not_fit_goes_where_the_chain_says_so() {
    let mut script = Script::new(plan());
    script.asks.1 = 2_001;
    assert_eq!(script.call("careful").unwrap(), "second", "its `when` names the length of prompts");
    assert_eq!(fault(&script.call("smart").unwrap_err()), Kind::NoTargetFits, "as if the first had said so itself");
    assert_eq!(script.take_log(), ["second/0/0 good"]);
    script.asks.1 = 2_000;
    assert_eq!(script.call("smart").unwrap(), "first", "an estimate errs");
}

#[test]
fn each_attempt_at_a_later_step_says_why_the_call_went_there() {
    let fails = |class| Act::Fails(class, Blame::Nobody);
    for (class, expected) in [
        (Class::Unavailable, "unavailable"),
        (Class::Overloaded, "unavailable"),
        (Class::Credential, "unavailable"),
        (Class::Timeout, "timeout"),
        (Class::QuotaSpent, "rate_limited"),
    ] {
        let mut script = Script::new(plan());
        script.then("first", [fails(class); 3]);
        script.then("second", [DOWN]);
        assert_eq!(script.call("smart").unwrap(), "second");
        assert_eq!(script.take_reasons(), [expected; 2], "the second try there is for the same: {class:?}");
    }
    for (class, expected) in [(Class::ContextTooLong, "context_too_long"), (Class::ContentFiltered, "content_filtered")]
    {
        let mut script = Script::new(plan());
        script.then("first", [fails(class)]);
        script.call("careful").unwrap();
        assert_eq!(script.take_reasons(), [expected]);
    }
    let mut script = Script::new(plan());
    script.call("smart").unwrap();
    assert!(script.take_reasons().is_empty(), "the first step needs no reason");
}

#[test]
fn a_step_that_a_call_begins_at_says_why_too() {
    let mut script = Script::new(able(Some(&[]), None));
    script.asks.0 = images();
    script.call("smart").unwrap();
    script.asks = (Needs::NONE, 2_001);
    script.call("careful").unwrap();
    script.asks = (Needs::NONE, 0);
    script.then("first", [Act::Asks(BUSY.class(), BUSY.blame(), 60 * SECOND)]);
    script.call("smart").unwrap();
    script.call("smart").unwrap();
    assert_eq!(script.take_reasons(), ["capability", "context_too_long", "rate_limited", "rate_limited"]);
    let mut script = Script::new(plan());
    script.always("first", DOWN);
    for _ in 0..10 {
        script.call("smart").unwrap();
    }
    script.take_log();
    script.take_reasons();
    script.call("smart").unwrap();
    assert_eq!((script.take_log().len(), script.take_reasons()), (1, vec!["unavailable"]), "its breaker is open");
}

#[test]
fn a_request_that_cannot_be_sent_twice_is_not() {
    let mut script = Script::new(plan());
    script.then("first", [DOWN]);
    assert_eq!(script.once("smart").unwrap_err().why, Stop::Sent);
    script.then("first", [Act::Untouched, Act::Untouched]);
    assert_eq!(script.once("smart").unwrap(), "second");
}

#[test]
fn the_callers_own_mistakes_are_told_at_once_and_harm_nobody() {
    let mut script = Script::new(plan());
    script.always("first", Act::Fails(Class::Invalid, Blame::Nobody));
    for _ in 0..50 {
        assert_eq!(script.call("smart").unwrap_err().why, Stop::Final);
    }
    script.always("first", Act::Good);
    assert_eq!(script.call("smart").unwrap(), "first");
}

#[test]
fn what_the_gateway_itself_lacks_ends_the_call_harms_nobody_and_may_be_sent_again() {
    let mut script = Script::new(plan());
    script.always("first", Act::Lacks);
    for _ in 0..20 {
        let lost = script.call("smart").unwrap_err();
        assert_eq!((fault(&lost), lost.why, lost.again), (Kind::Overloaded, Stop::Final, true));
    }
    script.always("first", Act::Good);
    assert_eq!(script.call("smart").unwrap(), "first");
}

#[test]
fn when_all_are_out_one_call_at_a_time_asks_and_the_rest_are_told() {
    let mut script = Script::new(plan());
    script.always("first", DOWN);
    for _ in 0..10 {
        script.call("alone").unwrap_err();
    }
    script.take_log();
    script.always("first", Act::Hangs);
    let probe = script.begin("alone");
    let lost = script.call("alone").unwrap_err();
    assert_eq!(fault(&lost), Kind::BreakerOpen);
    assert!(lost.again && lost.pause_ns.is_some());
    drop(probe);
    script.always("first", Act::Good);
    assert_eq!(script.call("alone").unwrap(), "first", "the probe was given back");
}

#[test]
fn an_outage_is_not_made_worse() {
    let mut script = Script::new(plan());
    for provider in ["first", "second"] {
        script.always(provider, DOWN);
    }
    let mut calls = 0;
    for _ in 0..60 * 100 {
        script.wait(SECOND / 100);
        script.call("smart").unwrap_err();
        calls += 1;
    }
    let attempts = script.take_log().len();
    assert!(attempts * 10 <= calls * 11, "{attempts} attempts for {calls} calls");
}

#[test]
fn a_retry_that_waited_counts_from_when_it_is_sent() {
    let mut plan = plan();
    plan.providers[0].retry_floor_per_second = 0; // of ten calls in ten seconds, one may be tried again
    let mut script = Script::new(plan);
    let ten_calls = |script: &mut Script| (0..10).for_each(|_| assert_eq!(script.call("alone").unwrap(), "first"));
    ten_calls(&mut script);
    script.then("first", [Act::Asks(BUSY.class(), BUSY.blame(), 19 * SECOND / 2)]);
    assert_eq!(script.call("alone").unwrap(), "first", "sent after 9.5 s");
    ten_calls(&mut script);
    script.wait(2 * SECOND);
    script.then("first", [DOWN]);
    assert_eq!(script.call("alone").unwrap_err().why, Stop::Budget, "a second one, two seconds later");
    script.wait(9 * SECOND);
    ten_calls(&mut script);
    script.then("first", [DOWN]);
    assert_eq!(script.call("alone").unwrap(), "first");
}

#[test]
fn a_call_that_leaves_before_its_retry_is_sent_has_not_paid_for_it() {
    let mut plan = plan();
    plan.providers[0].retry_floor_per_second = 0;
    let mut script = Script::new(plan);
    (0..10).for_each(|_| assert_eq!(script.call("alone").unwrap(), "first"));
    script.then("first", [DOWN]);
    script.stop_time(true);
    drop(script.begin("alone"));
    script.stop_time(false);
    script.then("first", [DOWN]);
    assert_eq!(script.call("alone").unwrap(), "first", "the one retry is still there");
}

#[test]
fn a_call_that_is_dropped_gives_everything_back() {
    let mut script = Script::new(plan());
    script.always("first", Act::Hangs);
    for _ in 0..2_000 {
        drop(script.begin("alone"));
    }
    script.always("first", Act::Good);
    assert_eq!(script.call("alone").unwrap(), "first", "no slot of the limit is left taken");
}

#[test]
fn no_pause_outlasts_the_calls_deadline() {
    for total_ms in [1, 20, 60, 99] {
        let mut plan = plan();
        plan.aliases[1].resilience.timeouts.total_ms = total_ms;
        let mut script = Script::new(plan);
        script.always("first", DOWN);
        let before = script.now();
        let lost = script.call("alone").unwrap_err();
        assert!(script.now() - before < total_ms * 1_000_000, "{total_ms} ms");
        assert!(matches!(lost.why, Stop::Deadline | Stop::Attempts), "{:?}", lost.why);
    }
}

#[test]
fn a_call_whose_time_is_over_is_not_sent() {
    let mut script = Script::new(plan());
    script.always("first", Act::Takes(600 * SECOND));
    let lost = script.call("alone").unwrap_err();
    assert_eq!(lost.why, Stop::Deadline);
    let mut plan = plan();
    plan.aliases[1].resilience.timeouts.total_ms = 0;
    let mut script = Script::new(plan);
    assert_eq!(fault(&script.call("alone").unwrap_err()), Kind::TotalTimeout);
    assert!(script.take_log().is_empty());
}

#[test]
fn the_calls_deadline_ends_it() {
    let mut script = Script::new(plan());
    script.always("first", Act::Takes(400 * SECOND));
    let lost = script.call("alone").unwrap_err();
    assert_eq!((lost.why, script.take_log().len()), (Stop::Deadline, 2));
}

/// Calls whose answers are cut each time are tried again at another way of the same deployment, or at the same one.
#[test]
fn a_cut_answer_is_gone_on_with_elsewhere_in_its_step() {
    let mut script = Script::new(plan());
    assert_eq!(script.cut("two-keys", 1).unwrap(), "keys");
    let log = script.take_log();
    assert_eq!(log.len(), 2);
    assert_ne!(log[0][..8], log[1][..8], "the endpoint that cut it is not asked again: {log:?}");
    let mut script = Script::new(plan());
    assert_eq!(script.cut("alone", 1).unwrap(), "first");
    assert_eq!(script.take_log(), ["first/0/0 good", "first/0/0 good"]);
}

#[test]
fn a_cut_answer_goes_to_no_place_that_cannot_go_on_with_it() {
    let mut script = Script::new(plan());
    let lost = script.cut("alone", 0).unwrap_err();
    assert_eq!((lost.why, fault(&lost)), (Stop::NoTarget, Kind::StreamCut));
    let lost = script.cut("smart", 0).unwrap_err();
    assert_eq!(lost.why, Stop::NoTarget, "a fallback is another model");
    assert_eq!(script.take_log(), ["first/0/0 good", "first/0/0 good"]);
    for _ in 0..20 {
        let mut script = Script::new(plan());
        script.cut("pair", 0b10).unwrap();
        assert!(script.take_log()[1].starts_with("second/"));
    }
}

#[test]
fn going_on_is_one_attempt_more_and_no_further() {
    let mut script = Script::new(plan());
    script.then("first", [Act::Good, DOWN, Act::Good]);
    let lost = script.cut("alone", 1).unwrap_err();
    assert_eq!(lost.why, Stop::Final);
    assert_eq!(script.take_log(), ["first/0/0 good", "first/0/0 unavailable -> final"]);
}

#[test]
fn going_on_counts_among_the_attempts_of_its_call() {
    let mut script = Script::new(plan());
    script.then("first", [DOWN, DOWN]);
    let lost = script.cut("alone", 1).unwrap_err();
    assert_eq!(lost.why, Stop::Attempts, "the third of three was the one that was cut");
    assert_eq!(script.take_log().len(), 3);
}

#[test]
fn a_place_that_cuts_every_answer_is_soon_asked_for_none() {
    let mut script = Script::new(plan());
    let done: Vec<_> = (0..100).map(|_| script.cut("pair", 0b11).is_ok()).collect();
    assert!(done[0] && !done[99], "its breaker is open");
}

#[test]
fn going_on_where_the_budget_is_spent_is_refused() {
    let mut script = Script::new(plan());
    let mut refused = 0;
    for _ in 0..200 {
        script.wait(40 * SECOND); // whatever breaker is open is ready for a probe
        script.then("first", [Act::Good, DOWN]);
        let lost = script.cut("alone", 1).unwrap_err();
        refused += u32::from(lost.why == Stop::Budget);
    }
    assert!(refused > 0, "each failure costs, and nothing is earned");
}
