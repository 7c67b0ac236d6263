//! The way that a call on trial takes, and what its caller gets in the end.

use super::outcome::Does;
use super::query::{Asked, Full, Meets};
use super::trial::{Told, Trial, ms, resting};
use crate::able;
use crate::call::Lost;
use crate::exchange::Ask;
use attempt::classify;
use attempt::{State, Targets, Verdict, What, Won, World};
use fault::Fault;
use plan::{Plan, Route, Scope};
use serde_json::{Value, json};

/// Runs a call along its route: from a fresh start (nothing is known of any target, all budgets are full), with answers
/// that take no time but for those that are said to.
pub(super) fn way(plan: &Plan, route: Route<'_>, of: (&Asked, Scope<'_>)) -> Result<Value, String> {
    let (asked, scope) = of;
    let needs = asked.needs()?;
    let meets = Meets::all(plan, &asked.befalls)?;
    let state = State::new();
    let targets = Targets::new(plan, &state);
    let ask = Ask {
        resilience: route.resilience(),
        streamed: asked.stream,
        prompt_bytes: 0,
        names_tier: false,
        expects: admission::Ask::default(),
        steers: false,
        opened_ns: 0,
        within_ms: asked.within_ms,
        is_budgeted: false,
        purse: None,
    };
    let full = Full(&meets);
    let call = attempt::Call {
        route,
        targets: &targets,
        total_by_ns: ask.total_by(),
        prompt_tokens: asked.tokens,
        needs,
        replayable: true,
        streamed: asked.stream,
        // A second attempt is earned by many calls, and this is one.
        hedge: None,
        affinity: None,
        first_step: 0,
        rooms: Some(&full),
    };
    let trial = Trial::new(plan, ask, &meets, asked.seed);
    let ended = trial.clock.run(attempt::run(&call, &trial)).ok_or("the call waits for nothing: a defect of ours")?;
    let attempts = trial.attempts();
    let caller = match ended {
        Ok(won) => answered(won, &trial),
        Err(attempt::Lost { what, why, again, pause_ns }) => {
            let mut told = match what {
                What::Answer(told) => relayed(told, again),
                What::Fault(fault) => {
                    refused(&able::advised(Lost { fault, again: Some(again), pause_ns }, (plan, scope), needs))
                }
            };
            told["why"] = json!(why.name());
            told
        }
    };
    let on_the_way = |meets: &Meets| {
        let places = (0..route.steps()).flat_map(|step| (0..route.places(step)).map(move |index| (step, index)));
        places.filter_map(|(step, index)| route.candidate(step, index)).any(|candidate| meets.is_of(&candidate))
    };
    let beside: Vec<_> = meets.iter().filter(|meets| !on_the_way(meets)).map(|meets| meets.name(plan)).collect();
    Ok(json!({
        "stream": asked.stream,
        "tokens": asked.tokens,
        "within_ms": asked.within_ms,
        "needs": asked.needs,
        "unfit": unfit(&call),
        "seed": asked.seed,
        "if": meets.iter().map(|meets| befalls(plan, meets)).collect::<Vec<_>>(),
        "not_on_the_way": beside,
        "one_of_several": (0..route.steps()).any(|step| route.places(step) > 1),
        "attempts": attempts,
        "ended_ms": ms(trial.now()),
        "caller": caller,
        "left_out": resting(&state, trial.now()),
    }))
}

/// Of each place that cannot take the call: why not.
fn unfit(call: &attempt::Call<'_>) -> Vec<Value> {
    let route = &call.route;
    let places = (0..route.steps()).flat_map(|step| (0..route.places(step)).map(move |index| (step, index)));
    let unfit = places.map(|(step, index)| (step, index, call.unfit(step, index)));
    unfit
        .filter(|(.., unfit)| !unfit.fits())
        .map(|(step, index, unfit)| {
            let lacks: Vec<_> = unfit.lacks.iter().collect();
            json!({"step": step, "place": index, "lacks": lacks, "too_small": unfit.too_small})
        })
        .collect()
}

fn befalls(plan: &Plan, meets: &Meets) -> Value {
    json!({"target": meets.name(plan), "meets": meets.outcome.word, "pause_ms": meets.pause_ns.map(ms)})
}

/// A good answer, to its end.
fn answered(won: Won<Told>, trial: &Trial<'_>) -> Value {
    let Won { answer, held, .. } = won;
    let cut = Does::Cut.fault().filter(|_| answer.is_cut);
    let verdict = cut.map_or(Verdict::GOOD, |kind| {
        let (class, blame) = classify::of_fault(kind);
        Verdict { class, blame, pause_ns: None }
    });
    held.end(verdict, trial.now(), &mut |n| trial.draw(n), &mut |_, _| {});
    let event = cut.map(|kind| {
        let fault = Lost::from(Fault::new(kind, "the answer ended before it was whole"));
        json!({"code": kind.row().code, "should_retry": fault.should_retry()})
    });
    json!({"status": answer.status, "cut": event})
}

/// The provider's own error.
fn relayed(told: Told, again: bool) -> Value {
    let seconds = told.pause_ns.map(|pause_ns| pause_ns.div_ceil(1_000_000_000));
    json!({"status": told.status, "code": told.code, "by": "provider", "should_retry": again, "retry_after_s": seconds})
}

/// An error of ours.
fn refused(lost: &Lost) -> Value {
    let row = lost.fault.kind().row();
    json!({"status": row.status, "code": row.code, "by": "gateway", "message": lost.fault.message(),
           "should_retry": lost.should_retry(), "retry_after_s": lost.retry_after_s()})
}
