//! Probes outside of calls: which endpoints are asked when, and what an answer changes.
//!
//! While the breaker of an endpoint or of its provider is open, with whatever model, the endpoint is asked every so often
//! for something that costs nothing. An answer says that it is there, and no more: it ends the rest, and the next call
//! shows whether it works. So a probe never stands for a good answer, and no answer makes a rest longer.

use crate::Draw;
use crate::health::Health;
use crate::targets::Targets;
use plan::{Plan, Provider};
use std::collections::BTreeMap;

const MS: u64 = 1_000_000;

/// When each endpoint that is out is asked next, by its id: what is known outlives plans. One for each process.
#[derive(Debug, Default)]
pub struct Probes(BTreeMap<Box<str>, Turn>);

#[derive(Debug)]
struct Turn {
    at_ns: u64,
    /// It has been asked, and nothing is known yet.
    is_asked: bool,
}

/// An endpoint to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// An index into the plan's providers.
    pub provider: usize,
    /// An index into the provider's endpoints.
    pub endpoint: usize,
    /// An index into the provider's credentials; 0 where it has none.
    pub credential: usize,
    /// The endpoint's id.
    pub id: Box<str>,
}

/// What a probe came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It is there: an answer that blames the provider for nothing.
    Well,
    /// It is there and refuses: too many requests, or a failure of its own.
    Refused,
    /// Nothing came in time.
    Nothing,
}

impl Answered {
    /// All, in the order of the metric.
    pub const ALL: [Self; 3] = [Self::Well, Self::Refused, Self::Nothing];

    /// What a status says; `None`: there is none.
    pub const fn of(status: Option<u16>) -> Self {
        match status {
            None => Self::Nothing,
            Some(429 | 500..) => Self::Refused,
            Some(_) => Self::Well,
        }
    }

    /// The word in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Well => "answered",
            Self::Refused => "refused",
            Self::Nothing => "unreachable",
        }
    }
}

impl Probes {
    /// The endpoints to be asked now. Each counts as asked until [`Probes::heard`], and comes again after the time that
    /// its provider's policy says, a quarter more or less.
    pub fn due(&mut self, plan: &Plan, targets: &Targets, now_ns: u64, draw: Draw<'_>) -> Vec<Probe> {
        let mut due = Vec::new();
        let mut known = BTreeMap::new();
        for (provider, at) in plan.providers.iter().enumerate() {
            let Some(every_ns) = every_ns(at) else { continue };
            for (endpoint, asked) in at.endpoints.iter().enumerate() {
                let turn = self.0.remove(&*asked.id);
                let healths = || targets.of_endpoint(provider, endpoint);
                // Its turn stands until all is well: a rest may end and begin again meanwhile.
                if !turn.as_ref().is_some_and(|turn| turn.is_asked) && healths().all(Health::is_calm) {
                    continue;
                }
                let mut later =
                    || now_ns.saturating_add(every_ns - every_ns / 4).saturating_add(draw(every_ns / 2 + 1));
                let mut turn = turn.unwrap_or_else(|| Turn { at_ns: later(), is_asked: false });
                let is_due = !turn.is_asked && turn.at_ns <= now_ns;
                if is_due && healths().any(|health| health.is_resting(now_ns)) {
                    turn = Turn { at_ns: later(), is_asked: true };
                    let (credential, id) = (targets.usable_credential(provider), asked.id.as_str().into());
                    due.push(Probe { provider, endpoint, credential, id });
                }
                known.insert(asked.id.as_str().into(), turn);
            }
        }
        self.0 = known; // what a reload took away is forgotten
        due
    }

    /// Hears what a probe came to; `targets` as they were when it was sent.
    pub fn heard(&mut self, targets: &Targets, probe: &Probe, answered: Answered, now_ns: u64) {
        if let Some(turn) = self.0.get_mut(&probe.id) {
            turn.is_asked = false;
        }
        if answered == Answered::Well {
            targets.of_endpoint(probe.provider, probe.endpoint).for_each(|health| health.end_rest(now_ns));
        }
    }
}

fn every_ns(provider: &Provider) -> Option<u64> {
    provider.breaker.probe_ms.map(|ms| ms.saturating_mul(MS))
}
