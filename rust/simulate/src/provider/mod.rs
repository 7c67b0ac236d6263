//! A provider: its places, its limits, its bad moments. All replicas meet the same one.

pub(crate) mod errors;
mod limits;
mod rules;
mod script;

pub(crate) use script::{End, Opening, Script, Served};

use crate::executor::{Entered, Gate};
use crate::scenario::fault::{Effect, Reaction};
use crate::scenario::{Distribution, ProviderKind, Rule};
use crate::time::of_ms_f64;
use limits::Limits;
use random::Rng;
use rules::Rules;
use std::rc::Rc;

/// One provider.
pub(crate) struct Provider {
    kind: ProviderKind,
    /// None: it serves whatever comes.
    gate: Option<Rc<Gate>>,
    /// Of each credential.
    limits: Vec<Limits>,
    rules: Rules,
}

/// An attempt, as the provider sees it come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) at_ns: u64,
    pub(crate) model: &'a str,
    pub(crate) endpoint: usize,
    pub(crate) credential: usize,
    pub(crate) input_tokens: u64,
}

impl Provider {
    /// A provider as the scenario has it, with `more` rules after its own. Rules have been checked.
    pub(crate) fn new(kind: &ProviderKind, more: impl IntoIterator<Item = Rule>, credentials: usize) -> Self {
        let gate = kind.capacity.concurrency.map(|places| Gate::new(places, kind.capacity.queue));
        let limits = (0..credentials.max(1)).map(|_| Limits::new(&kind.capacity)).collect();
        let rules = Rules::new(kind.rules.iter().cloned().chain(more));
        Self { kind: kind.clone(), gate, limits, rules }
    }

    /// What becomes of an attempt, if it finds a place. Counts it.
    pub(crate) fn script(&self, asked: &Asked<'_>, rng: &mut Rng) -> Script {
        let rule = self.rules.find(asked, rng);
        let effect = rule.map_or_else(Effect::default, |rule| rule.effect);
        let pace = rule.map(|rule| &rule.rule);
        let of = |changed: Option<_>, usual| changed.unwrap_or(usual);
        let mut script = Script {
            effect,
            ttft_ns: sample_ns(of(pace.and_then(|rule| rule.ttft_ms), self.kind.ttft_ms), rng),
            gap_ns: sample_ns(of(pace.and_then(|rule| rule.gap_ms), self.kind.gap_ms), rng),
            tokens: u64::from(of(pace.and_then(|rule| rule.tokens), self.kind.tokens).sample_count(&mut || rng.unit()))
                .max(1),
            remaining_permille: None,
        };
        if effect.reaction == Reaction::Serve {
            self.limit(asked, &mut script);
        }
        script
    }

    /// What becomes of a question that counts nowhere, such as which models there are.
    pub(crate) fn standing(&self, asked: &Asked<'_>) -> Effect {
        self.rules.standing(asked).map_or_else(Effect::default, |rule| rule.effect)
    }

    /// Turns an attempt into a 429 where it is one too many.
    fn limit(&self, asked: &Asked<'_>, script: &mut Script) {
        let Some(limits) = self.limits.get(asked.credential) else { return };
        match limits.take(asked.at_ns, asked.input_tokens + script.tokens) {
            Ok(remaining) => script.remaining_permille = remaining,
            Err(wait_ns) => {
                script.remaining_permille = Some(0);
                script.effect.reaction = Reaction::Error(errors::LIMITED);
                script.effect.pause_ns = self.kind.capacity.retry_after.then_some(wait_ns);
            }
        }
    }

    /// Asks for a place; none is needed where there is no bound.
    pub(crate) fn enter(&self) -> Option<Entered> {
        self.gate.as_ref().map(Gate::enter)
    }

    /// Places that nobody has, and all that there are; none where there is no bound.
    pub(crate) fn places(&self) -> Option<(u32, u32)> {
        Some((self.gate.as_ref()?.free(), self.kind.capacity.concurrency?))
    }

    /// Attempts that a rule changed.
    pub(crate) fn faults(&self) -> u64 {
        self.rules.applied()
    }
}

/// One value of what is said in milliseconds, in nanoseconds.
fn sample_ns(distribution: Distribution, rng: &mut Rng) -> u64 {
    of_ms_f64(distribution.sample(&mut || rng.unit()))
}
