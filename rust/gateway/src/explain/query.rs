//! What is asked of `explain`.

use super::limits::Headers;
use super::outcome::{Does, OUTCOMES, Outcome};
use attempt::{Refused, Rooms, Why};
use plan::{Candidate, Capability, Dimension, Needs, Plan};
use serde::Deserialize;

/// A question: where would a call for this model go?
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    pub(super) model: String,
    /// The name of the caller's virtual key.
    #[serde(default)]
    pub(super) key: Option<String>,
    /// What its head says, by lower-case name.
    #[serde(default)]
    pub(super) headers: Headers,
    /// A call on trial: which way it would take.
    #[serde(default)]
    pub(super) trial: Option<Asked>,
}

/// A call on trial.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Whether it asks for a stream.
    pub(super) stream: bool,
    /// About how long its prompt is; 0: not said.
    pub(super) tokens: u64,
    /// How long its caller waits, where it says so.
    #[serde(default)]
    pub(super) within_ms: Option<u64>,
    /// What it needs of a model besides plain text.
    #[serde(default)]
    pub(super) needs: Vec<String>,
    /// What is drawn at random; without it the middle of each draw.
    pub(super) seed: Option<u64>,
    /// What befalls it.
    #[serde(rename = "if")]
    pub(super) befalls: Vec<Condition>,
}

/// What one target does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    /// A deployment, or a provider with all that it has.
    target: String,
    /// A word of [`OUTCOMES`].
    meets: String,
    /// The pause that its error asks for, in milliseconds.
    pause_ms: Option<u64>,
}

impl Asked {
    /// What the call needs, or which words there are.
    pub(super) fn needs(&self) -> Result<Needs, String> {
        let words = || Capability::ALL.into_iter().map(Capability::name);
        let found = |word: &String| Capability::ALL.into_iter().find(|capability| capability.name() == word);
        let unknown = |word: &String| {
            let meant = did_you_mean(plan::near(word, words()).first().copied());
            format!("`{word}` is nothing that a call needs{meant} There is {}", listed(words()))
        };
        self.needs.iter().map(|word| found(word).ok_or_else(|| unknown(word))).collect()
    }
}

/// A condition whose names are found.
#[derive(Debug)]
pub(super) struct Meets {
    target: Target,
    pub(super) outcome: &'static Outcome,
    pub(super) pause_ns: Option<u64>,
}

#[derive(Debug, PartialEq, Eq)]
enum Target {
    Deployment(usize),
    Provider(usize),
}

impl Meets {
    /// Finds the names of a condition, or says which there are.
    fn find(plan: &Plan, condition: &Condition) -> Result<Self, String> {
        let Condition { target, meets, pause_ms } = condition;
        let outcome = OUTCOMES.iter().find(|outcome| outcome.word == meets);
        let outcome = outcome.ok_or_else(|| unknown_word(meets))?;
        if pause_ms.is_some() && !matches!(outcome.does, Does::Answers(_) | Does::NoRoom(_)) {
            return Err(format!("`{meets}` is no answer, so it asks for no pause"));
        }
        let deployment = plan.deployments.iter().position(|each| each.id == *target).map(Target::Deployment);
        let provider = || plan.providers.iter().position(|each| each.id == *target).map(Target::Provider);
        let target = deployment.or_else(provider).ok_or_else(|| unknown_target(plan, target))?;
        let found = Self { target, outcome, pause_ns: pause_ms.map(|ms| ms.saturating_mul(1_000_000)) };
        found.is_limited(plan)?;
        Ok(found)
    }

    /// Finds the names of all. What is said of a deployment counts before what is said of its provider.
    pub(super) fn all(plan: &Plan, conditions: &[Condition]) -> Result<Vec<Self>, String> {
        let mut all: Vec<Self> = Vec::with_capacity(conditions.len());
        for condition in conditions {
            let found = Self::find(plan, condition)?;
            if all.iter().any(|other| other.target == found.target) {
                return Err(format!("two things are said of `{}`: say one", condition.target));
            }
            all.push(found);
        }
        all.sort_by_key(|meets| matches!(meets.target, Target::Provider(_)));
        Ok(all)
    }

    /// Whether this is said of a candidate.
    pub(super) fn is_of(&self, candidate: &Candidate<'_>) -> bool {
        self.is_at(candidate.deployment, candidate.provider)
    }

    fn is_at(&self, deployment: Option<usize>, provider: usize) -> bool {
        match self.target {
            Target::Deployment(index) => deployment == Some(index),
            Target::Provider(index) => provider == index,
        }
    }

    /// Refuses to use up what the policy does not give it.
    fn is_limited(&self, plan: &Plan) -> Result<(), String> {
        let Does::NoRoom(why) = self.outcome.does else { return Ok(()) };
        let dimension = match self.target {
            Target::Deployment(_) => Dimension::Deployment,
            Target::Provider(_) => Dimension::Provider,
        };
        let name = self.name(plan);
        let is_its = |per: Option<Dimension>, value: Option<&str>| {
            per == Some(dimension) && value.is_none_or(|value| value == name)
        };
        let (word, has) = match why {
            Why::Budget => ("budget", plan.budgets.iter().any(|each| is_its(each.per, each.value.as_deref()))),
            _ => ("rate", plan.limits.iter().any(|each| is_its(each.per, each.value.as_deref()))),
        };
        if has {
            Ok(())
        } else {
            Err(format!("`{name}` has no {word} of its own in this policy, which could be used up"))
        }
    }

    /// The target's name.
    pub(super) fn name<'p>(&self, plan: &'p Plan) -> &'p str {
        match self.target {
            Target::Deployment(index) => &plan.deployments[index].id,
            Target::Provider(index) => &plan.providers[index].id,
        }
    }
}

/// The targets that are not asked, since what the policy has for them is used up: for a minute, where nothing is said.
#[derive(Debug)]
pub(super) struct Full<'a>(pub(super) &'a [Meets]);

impl Rooms for Full<'_> {
    fn refusal(&self, deployment: Option<usize>, provider: usize) -> Option<Refused> {
        let meets = self.0.iter().find(|meets| meets.is_at(deployment, provider))?;
        let Does::NoRoom(why) = meets.outcome.does else { return None };
        Some(Refused { until_ns: meets.pause_ns.unwrap_or(60_000_000_000), why })
    }
}

fn unknown_word(word: &str) -> String {
    let words = || OUTCOMES.iter().map(|outcome| outcome.word);
    let starts = words().find(|other| !word.is_empty() && other.starts_with(word));
    let meant = starts.or_else(|| plan::near(word, words()).first().copied());
    format!("`{word}` is nothing that a provider does{} There is {}", did_you_mean(meant), listed(words()))
}

fn unknown_target(plan: &Plan, name: &str) -> String {
    let deployments = || plan.deployments.iter().map(|deployment| &*deployment.id);
    let providers = || plan.providers.iter().map(|provider| &*provider.id);
    let near = plan::near(name, deployments().chain(providers()));
    let mut there = format!("the providers {}", listed(providers()));
    if !plan.deployments.is_empty() {
        there = format!("the deployments {}, and {there}", listed(deployments()));
    }
    let meant = did_you_mean(near.first().copied());
    format!("there is no deployment or provider `{name}`{meant} The policy has {there}")
}

fn did_you_mean(name: Option<&str>) -> String {
    name.map_or_else(|| ".".to_owned(), |name| format!("; did you mean `{name}`?"))
}

fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
