//! A call on trial: the engine of `attempt`, unchanged, over providers that do what was said of them, in virtual time.

use super::clock::Clock;
use super::outcome::Does;
use super::query::Meets;
use crate::exchange::{Ask, commit_by, ns};
use crate::local::Dice;
use crate::reply;
use attempt::classify;
use attempt::{Against, Attempt, Failure, Good, HealthState, Reason, State, Transition, Tried, What, World};
use fault::{Fault, Kind, Retry};
use plan::Plan;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};

/// An answer, as far as its caller would see what it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) pause_ns: Option<u64>,
    /// It breaks off.
    pub(super) is_cut: bool,
}

/// A wait, and between which bounds it was drawn; in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Wait {
    least: u64,
    most: u64,
}

/// The world of one trial.
pub(super) struct Trial<'a> {
    pub(super) plan: &'a Plan,
    pub(super) ask: Ask<'a>,
    pub(super) meets: &'a [Meets],
    pub(super) clock: Clock,
    /// Without dice each draw is the middle of what it could be.
    pub(super) dice: Option<Dice>,
    /// The last draw: below what, and which.
    drawn: Cell<(u64, u64)>,
    /// What was waited since the last attempt.
    wait: Cell<Wait>,
    attempts: RefCell<Vec<Value>>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(plan: &'a Plan, ask: Ask<'a>, meets: &'a [Meets], seed: Option<u64>) -> Self {
        Self {
            plan,
            ask,
            meets,
            clock: Clock::default(),
            dice: seed.map(Dice::new),
            drawn: Cell::default(),
            wait: Cell::default(),
            attempts: RefCell::default(),
        }
    }

    /// The attempts until now, in order.
    pub(super) fn attempts(&self) -> Vec<Value> {
        self.attempts.take()
    }

    fn meets(&self, attempt: &Attempt<'_>) -> Option<&'a Meets> {
        self.meets.iter().find(|meets| meets.is_of(attempt.candidate))
    }

    /// What becomes of an attempt.
    async fn reach(&self, attempt: &Attempt<'_>) -> Result<Told, Failed> {
        let good = Told { status: 200, code: "", pause_ns: None, is_cut: false };
        let Some(Meets { outcome, pause_ns, .. }) = self.meets(attempt) else { return Ok(good) };
        let (by_ns, kind) = commit_by(&self.ask.deadlines(attempt.started_ns));
        let provider = &self.plan.providers[attempt.candidate.provider];
        match outcome.does {
            Does::Refuses => Err(Failed::Fault(Fault::new(Kind::ConnectFailed, "The provider takes no connection"))),
            Does::Answers(error) => {
                let (class, blame) = error.means(&provider.kind);
                let told = Told { status: error.status, code: error.code, pause_ns: *pause_ns, is_cut: false };
                Err(Failed::Answer(class, blame, told))
            }
            Does::Cut => Ok(Told { is_cut: true, ..good }),
            Does::NoRoom(_) => Err(Failed::Fault(Fault::new(Kind::ProviderBusy, "It was not to be asked"))), // see `Full`
            Does::Late | Does::Silent => {
                let late_ns = attempt.started_ns.saturating_add(ns(provider.breaker.slow_first_token_ms)) + ns(1);
                let comes = matches!(outcome.does, Does::Late) && late_ns < by_ns;
                self.clock.sleep_until(if comes { late_ns } else { by_ns }).await;
                if comes { Ok(good) } else { Err(Failed::Fault(reply::out_of_time(kind))) }
            }
        }
    }
}

/// An attempt that came to nothing.
enum Failed {
    Fault(Fault),
    Answer(attempt::Class, attempt::Blame, Told),
}

impl World for Trial<'_> {
    type Answer = Told;

    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn draw(&self, n: u64) -> u64 {
        let drawn = self.dice.as_ref().map_or_else(|| n.saturating_sub(1) / 2, |dice| dice.draw(n));
        self.drawn.set((n, drawn));
        drawn
    }

    async fn sleep_until(&self, at_ns: u64) {
        // A pause is what was asked for and a draw on top of it, drawn just before.
        let (n, drawn) = self.drawn.take();
        let least = at_ns.saturating_sub(self.now()).saturating_sub(drawn);
        let Wait { least: before, most } = self.wait.get();
        let most = most.saturating_add(least).saturating_add(n.saturating_sub(1));
        self.wait.set(Wait { least: before.saturating_add(least), most });
        self.clock.sleep_until(at_ns).await;
    }

    async fn exchange(&self, attempt: &Attempt<'_>) -> Result<Good<Told>, Failure<Told>> {
        let reached = self.reach(attempt).await;
        let failed = match reached {
            Ok(answer) => {
                let took_ns = self.now().saturating_sub(attempt.started_ns);
                let (status, first_token_ns) = (answer.status, self.ask.streamed.then_some(took_ns));
                return Ok(Good { answer, status, first_token_ns, quota_permille: None });
            }
            Err(failed) => failed,
        };
        Err(match failed {
            Failed::Fault(fault) => {
                let (class, blame) = classify::of_fault(fault.kind());
                let result = Err(fault.kind());
                let untouched = fault.kind().row().retry == Retry::Elsewhere;
                Failure { class, blame, pause_ns: None, advice: None, untouched, result, what: What::Fault(fault) }
            }
            Failed::Answer(class, blame, told) => {
                let result = Ok(told.status);
                let provider = &self.plan.providers[attempt.candidate.provider].id;
                let what = if told.status == 401 {
                    What::Fault(reply::credential_rejected(provider))
                } else {
                    What::Answer(told)
                };
                Failure { class, blame, pause_ns: told.pause_ns, advice: None, untouched: false, result, what }
            }
        })
    }

    fn acts_at_provider(&self) -> bool {
        false
    }

    fn not_hedged(&self, _against: Against) {}

    fn tried(&self, tried: &Tried<'_>) {
        let Attempt { number, candidate, endpoint, credential, started_ns, reason, .. } = tried.attempt;
        let Wait { least, most } = self.wait.take();
        let provider = &self.plan.providers[candidate.provider];
        let (status, fault) = match tried.result {
            Some(Ok(status)) => (Some(status), None),
            Some(Err(kind)) => (None, Some(kind.row().code)),
            None => (None, None),
        };
        self.attempts.borrow_mut().push(json!({
            "number": number,
            "step": candidate.step,
            "reason": reason.map(Reason::name),
            "provider": provider.id,
            "deployment": candidate.deployment.map(|index| &*self.plan.deployments[index].id),
            "model": candidate.model,
            "endpoint": (provider.endpoints.len() > 1).then_some(endpoint),
            "credential": (provider.credentials.len() > 1).then_some(credential),
            "meets": self.meets(&tried.attempt).map_or("good", |meets| meets.outcome.word),
            "at_ms": ms(started_ns),
            "waited_ms": ms(tried.waited_ns),
            "wait_ms": {"least": ms(least), "most": ms(most)},
            "took_ms": ms(self.now().saturating_sub(started_ns)),
            "status": status,
            "fault": fault,
            "class": tried.class.name(),
            "blame": tried.blame.name(),
            "then": (!tried.then.is_empty()).then_some(tried.then),
            "budget_permille": tried.budget_permille,
        }));
    }

    fn changed(&self, _key: &str, _transition: Transition) {} // what is out in the end is read of the state
}

/// Whole milliseconds.
pub(super) const fn ms(ns: u64) -> u64 {
    ns / 1_000_000
}

/// What is left out at some moment, and for how long: the health keys that are not in full service, by their names.
pub(super) fn resting(state: &State, now_ns: u64) -> Vec<Value> {
    let mut out = Vec::new();
    state.each_health(|key, health| {
        if let HealthState::Open { until_ns, why } = health.state(now_ns) {
            out.push((key.to_owned(), why.name(), ms(until_ns.saturating_sub(now_ns))));
        }
    });
    out.sort_unstable();
    out.into_iter().map(|(key, why, for_ms)| json!({"key": key, "why": why, "for_ms": for_ms})).collect()
}
