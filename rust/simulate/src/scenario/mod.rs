//! What happens: callers, providers, faults. A document without defaults; `python/headgate/simulate` writes it from what
//! a person wrote, and the words are those of the simulated provider's scenarios.

pub(crate) mod drawn;
pub(crate) mod fault;

pub use random::Distribution;

use crate::planted::Planted;
use serde::Deserialize;

/// A month: counts are kept by the second.
const LONGEST_MS: u64 = 31 * 86_400_000;

/// One world.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// How long callers come, at most a month. Calls that are open then may end.
    pub duration_ms: u64,
    /// Replicas of the gateway, each with state of its own, 1..=1000. A caller meets one at random.
    pub replicas: u32,
    /// Callers a second over all replicas: straight lines between these points, level before and after them. At least one.
    pub rate: Vec<RatePoint>,
    /// What callers want; one of these each, by share. At least one.
    pub calls: Vec<CallKind>,
    /// Every provider of the plan by name, once; one that no plan has is left alone.
    pub providers: Vec<ProviderKind>,
    /// So many more rules, drawn by the seed.
    pub random_rules: u32,
    /// What is wrong with the gateway itself; for tests of the oracle.
    #[serde(deserialize_with = "Option::deserialize")]
    pub planted: Option<Planted>,
}

/// A point of the rate's curve.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatePoint {
    /// When.
    pub at_ms: u64,
    /// Callers a second.
    pub per_second: f64,
}

/// What some callers want.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallKind {
    /// The model that they ask for.
    pub model: String,
    /// Their share of all callers, relative to the others'.
    pub share: f64,
    /// Whether they ask for a stream.
    pub stream: bool,
    /// How long their prompts are, in tokens.
    pub input_tokens: Distribution,
    /// How often they send a failed call again, as `OpenAI`'s SDK does: after half a second, twice that, and so on.
    pub resends: u32,
    /// After so long they give up and leave.
    #[serde(deserialize_with = "Option::deserialize")]
    pub patience_ms: Option<u64>,
    /// This share leaves in the middle, for no reason.
    pub leaves: f64,
}

/// How a provider is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderKind {
    /// Its name in the plan.
    pub name: String,
    /// Time to the first token.
    pub ttft_ms: Distribution,
    /// Time between tokens.
    pub gap_ms: Distribution,
    /// Length of an answer.
    pub tokens: Distribution,
    /// What it can do.
    pub capacity: Capacity,
    /// Faults; the first rule that fits an attempt counts.
    pub rules: Vec<Rule>,
}

/// What a provider can do.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// Attempts that it serves at once; all of them where nothing is said.
    #[serde(deserialize_with = "Option::deserialize")]
    pub concurrency: Option<u32>,
    /// Attempts that wait beyond that; the rest is answered 529.
    pub queue: u32,
    /// Requests of one credential in a minute, evenly; more are answered 429. Ten seconds' worth may come at once.
    #[serde(deserialize_with = "Option::deserialize")]
    pub requests_per_minute: Option<u64>,
    /// Tokens of one credential in a minute, the same way.
    #[serde(deserialize_with = "Option::deserialize")]
    pub tokens_per_minute: Option<u64>,
    /// Whether such a 429 says how long to wait.
    pub retry_after: bool,
}

/// A rule: which attempts, and what becomes of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which; all conditions must hold.
    #[serde(rename = "match")]
    pub condition: Condition,
    /// Faults; see [`fault`].
    #[serde(deserialize_with = "Option::deserialize")]
    pub fault: Option<String>,
    /// Another time to the first token.
    #[serde(deserialize_with = "Option::deserialize")]
    pub ttft_ms: Option<Distribution>,
    /// Another time between tokens.
    #[serde(deserialize_with = "Option::deserialize")]
    pub gap_ms: Option<Distribution>,
    /// Another length of an answer.
    #[serde(deserialize_with = "Option::deserialize")]
    pub tokens: Option<Distribution>,
}

/// Conditions of a rule. Counting starts at 1 and counts the attempts that meet time, model, endpoint and credential.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// From when on.
    pub from_ms: u64,
    /// Until when; for ever where nothing is said.
    #[serde(deserialize_with = "Option::deserialize")]
    pub until_ms: Option<u64>,
    /// The provider's name of the model; `*` at the end stands for anything.
    #[serde(deserialize_with = "Option::deserialize")]
    pub model: Option<String>,
    /// The provider's endpoint, by its number from 0.
    #[serde(deserialize_with = "Option::deserialize")]
    pub endpoint: Option<usize>,
    /// The provider's credential, by its number from 0.
    #[serde(deserialize_with = "Option::deserialize")]
    pub credential: Option<usize>,
    /// Only the n-th.
    #[serde(deserialize_with = "Option::deserialize")]
    pub nth: Option<u64>,
    /// Each k-th.
    #[serde(deserialize_with = "Option::deserialize")]
    pub every: Option<u64>,
    /// Only the first n.
    #[serde(deserialize_with = "Option::deserialize")]
    pub first: Option<u64>,
    /// Only this share, drawn by the seed.
    #[serde(deserialize_with = "Option::deserialize")]
    pub share: Option<f64>,
}

impl Capacity {
    /// Whatever comes.
    pub(crate) const UNBOUNDED: Self =
        Self { concurrency: None, queue: 0, requests_per_minute: None, tokens_per_minute: None, retry_after: false };
}

impl Scenario {
    /// For how many seconds callers come, the last maybe in part.
    pub(crate) fn seconds(&self) -> usize {
        usize::try_from(self.duration_ms.div_ceil(1000)).unwrap_or(usize::MAX)
    }

    /// Whether the values hold together; the sentence names the field that does not.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=1000).contains(&self.replicas) {
            return Err(format!("replicas: {} is not within 1..=1000", self.replicas));
        }
        if !(1..=LONGEST_MS).contains(&self.duration_ms) {
            return Err(format!("duration_ms: {} is not within 1..={LONGEST_MS}", self.duration_ms));
        }
        let rates = self.rate.iter().map(|point| point.per_second);
        if self.rate.is_empty() || !rates.clone().all(|rate| (0.0..=1e6).contains(&rate)) {
            return Err("rate: a number of callers a second within 0..=1,000,000 is needed".to_owned());
        }
        if !self.rate.is_sorted_by_key(|point| point.at_ms) {
            return Err("rate: its points are not in the order of time".to_owned());
        }
        if self.calls.iter().map(|call| call.share).sum::<f64>() <= 0.0 {
            return Err("calls: nobody calls: all shares are 0".to_owned());
        }
        for (number, call) in self.calls.iter().enumerate() {
            call.check().map_err(|problem| format!("calls[{number}].{problem}"))?;
        }
        for provider in &self.providers {
            provider.check().map_err(|problem| format!("providers.{}.{problem}", provider.name))?;
        }
        Ok(())
    }
}

impl CallKind {
    fn check(&self) -> Result<(), String> {
        if !(self.share >= 0.0 && self.share.is_finite()) {
            return Err(format!("share: {} is no share", self.share));
        }
        if !(0.0..=1.0).contains(&self.leaves) {
            return Err(format!("leaves: {} is not within 0..=1", self.leaves));
        }
        self.input_tokens.check().map_err(|problem| format!("input_tokens: {problem}"))
    }
}

impl ProviderKind {
    fn check(&self) -> Result<(), String> {
        for (name, distribution) in [("ttft_ms", self.ttft_ms), ("gap_ms", self.gap_ms), ("tokens", self.tokens)] {
            distribution.check().map_err(|problem| format!("{name}: {problem}"))?;
        }
        for (number, rule) in self.rules.iter().enumerate() {
            rule.check().map_err(|problem| format!("scenario[{number}].{problem}"))?;
        }
        Ok(())
    }
}

impl Rule {
    fn check(&self) -> Result<(), String> {
        if let Some(text) = &self.fault {
            fault::parse(text).map_err(|problem| format!("fault: {problem}"))?;
        }
        let paces = [("ttft_ms", self.ttft_ms), ("gap_ms", self.gap_ms), ("tokens", self.tokens)];
        for (name, distribution) in paces {
            distribution.map_or(Ok(()), Distribution::check).map_err(|problem| format!("{name}: {problem}"))?;
        }
        match self.condition.share {
            Some(share) if !(0.0..=1.0).contains(&share) => Err(format!("match.share: {share} is not within 0..=1")),
            _ if self.fault.is_none() && paces.iter().all(|(_, distribution)| distribution.is_none()) => {
                Err("fault: the rule changes nothing".to_owned())
            }
            _ => Ok(()),
        }
    }
}
