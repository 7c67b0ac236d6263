//! One rule: its conditions, and what happens to the calls that meet them.

use super::{Meeting, Span};
use crate::faults::{self, Fault, Stage};
use crate::options::Distribution;
use crate::rng::Rng;
use serde::Deserialize;

/// The shortest end of a credential that may name it: as much as operators show each other.
const END: usize = 4;

/// One rule of a scenario: which calls, and what happens to them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which calls; all conditions must hold.
    #[serde(rename = "match", default)]
    pub condition: Condition,
    /// What goes wrong: `name;key=value, name`, as in the header `x-sim-fault`. None, where the rule sets a pace alone.
    #[serde(default, deserialize_with = "faults::deserialize")]
    pub fault: Vec<Fault>,
    /// Time to the first token, in place of the provider's.
    #[serde(default)]
    pub ttft_ms: Option<Distribution>,
    /// Time between tokens, in place of the provider's.
    #[serde(default)]
    pub gap_ms: Option<Distribution>,
    /// Length of a generated text, in place of the provider's.
    #[serde(default)]
    pub tokens: Option<Distribution>,
}

/// Pace and length that a rule sets.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tempo {
    /// Time to the first token.
    pub ttft_ms: Option<Distribution>,
    /// Time between tokens.
    pub gap_ms: Option<Distribution>,
    /// Length of a generated text.
    pub tokens: Option<Distribution>,
}

impl Rule {
    /// Whether the values hold together; the sentence names the one that does not.
    pub(crate) fn validate(&self) -> Result<(), String> {
        self.validate_faults()?;
        for (name, distribution) in [("ttft_ms", self.ttft_ms), ("gap_ms", self.gap_ms), ("tokens", self.tokens)] {
            let Some(distribution) = distribution else { continue };
            if self.stage() != Stage::Answer {
                return Err(format!("{name}: the fault of this rule happens before there is an answer to pace"));
            }
            distribution.check().map_err(|problem| format!("{name}: {problem}"))?;
        }
        self.condition.validate(self.stage())
    }

    fn validate_faults(&self) -> Result<(), String> {
        if self.fault.is_empty() && self.tempo() == Tempo::default() {
            return Err("fault: names none, and no ttft_ms, gap_ms or tokens stands in its place".to_owned());
        }
        if self.fault.iter().any(|fault| fault.row().stage != self.stage()) {
            return Err("fault: faults of different stages need a rule each".to_owned());
        }
        Ok(())
    }

    /// When the rule is looked at: all its faults have the same stage.
    pub fn stage(&self) -> Stage {
        self.fault.first().map_or(Stage::Answer, |fault| fault.row().stage)
    }

    /// The pace that it sets.
    pub const fn tempo(&self) -> Tempo {
        Tempo { ttft_ms: self.ttft_ms, gap_ms: self.gap_ms, tokens: self.tokens }
    }
}

/// Conditions of a rule. Counting starts at 1 and counts the calls (for faults at accept: the connections) that meet
/// all the others.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Condition {
    /// The model's name; `*` at the end stands for anything.
    pub model: Option<String>,
    /// The path, with its `/v1`; `*` at the end stands for anything.
    pub path: Option<String>,
    /// Which credential is shown.
    pub credential: Option<Shown>,
    /// From this time on, counted from the start of the provider or of the scenario.
    pub from: Option<Span>,
    /// Before this time.
    pub until: Option<Span>,
    /// Only the n-th.
    pub nth: Option<u64>,
    /// Each k-th.
    pub every: Option<u64>,
    /// Only the first n.
    pub first: Option<u64>,
    /// Only this share, drawn by the seed.
    pub share: Option<f64>,
}

/// Which credential.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Shown {
    /// By its number: 0 is the first that the provider was ever shown.
    Number(usize),
    /// By its end, at least four characters.
    End(String),
}

impl Condition {
    fn validate(&self, stage: Stage) -> Result<(), String> {
        let early = |what: &str, name: &str| Err(format!("match.{name}: {what} not known yet when this fault happens"));
        if stage != Stage::Answer && self.model.is_some() {
            return early("the model is", "model");
        }
        if stage == Stage::Accept && self.path.is_some() {
            return early("the path is", "path");
        }
        if stage == Stage::Accept && self.credential.is_some() {
            return early("the credential is", "credential");
        }
        if matches!(&self.credential, Some(Shown::End(end)) if end.len() < END) {
            return Err(format!("match.credential: its number, or its last {END} characters or more are expected"));
        }
        if let (Some(from), Some(until)) = (self.from, self.until)
            && from >= until
        {
            return Err("match.until: is not after `from`, so that the rule never holds".to_owned());
        }
        match self.share {
            Some(share) if !(0.0..=1.0).contains(&share) => Err(format!("match.share: {share} is not within 0..=1")),
            _ => Ok(()),
        }
    }

    /// Whether all but the counts hold.
    pub(crate) fn holds(&self, meeting: &Meeting<'_>) -> bool {
        fits(self.path.as_deref(), meeting.path)
            && fits(self.model.as_deref(), meeting.model)
            && self.credential.as_ref().is_none_or(|shown| meeting.credential.is_some_and(|key| shown.is(key)))
            && self.from.is_none_or(|from| from.0 <= meeting.elapsed)
            && self.until.is_none_or(|until| meeting.elapsed < until.0)
    }

    /// Whether the `count`-th call for which the others hold is one of those meant.
    pub(crate) fn counts(&self, count: u64, rng: &mut Rng) -> bool {
        self.nth.is_none_or(|nth| nth == count)
            && self.every.is_none_or(|every| every > 0 && count.is_multiple_of(every))
            && self.first.is_none_or(|first| count <= first)
            && self.share.is_none_or(|share| rng.unit() < share)
    }
}

impl Shown {
    fn is(&self, (secret, number): (&[u8], Option<usize>)) -> bool {
        match self {
            Self::Number(wanted) => Some(*wanted) == number,
            Self::End(end) => secret.ends_with(end.as_bytes()),
        }
    }
}

fn fits(pattern: Option<&str>, name: &str) -> bool {
    match pattern.map(|pattern| (pattern, pattern.strip_suffix('*'))) {
        None => true,
        Some((_, Some(start))) => name.starts_with(start),
        Some((pattern, None)) => name == pattern,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn problem(rule: &str) -> Option<String> {
        let rule: Result<Rule, _> = serde_json::from_str(rule);
        rule.map_err(|error| error.to_string()).and_then(|rule| rule.validate()).err()
    }

    #[test]
    fn what_does_not_hold_together_is_refused_by_name() {
        let cases = [
            (r#"{"match": {"model": "x"}, "fault": "refuse"}"#, "match.model"),
            (r#"{"match": {"path": "/v1/x"}, "fault": "refuse"}"#, "match.path"),
            (r#"{"match": {"credential": 0}, "fault": "silence"}"#, "match.credential"),
            (r#"{"match": {"credential": "abc"}, "fault": "status"}"#, "match.credential"),
            (r#"{"match": {"from": "2s", "until": "2s"}, "fault": "status"}"#, "match.until"),
            (r#"{"match": {"from": 10}, "fault": "status"}"#, "250ms"),
            (r#"{"match": {"share": 1.5}, "fault": "status"}"#, "match.share"),
            (r#"{"match": {"model": "x"}}"#, "fault: names none"),
            (r#"{"fault": "refuse, status"}"#, "different stages"),
            (r#"{"fault": "slow-read", "gap_ms": {"fixed": 1}}"#, "gap_ms"),
            (r#"{"ttft_ms": {"uniform": {"low": 2, "high": 1}}}"#, "ttft_ms"),
        ];
        for (rule, named) in cases {
            assert!(problem(rule).unwrap().contains(named), "{rule}: {:?}", problem(rule));
        }
    }

    #[test]
    fn what_is_known_at_its_stage_may_be_named() {
        for rule in [
            r#"{"match": {"nth": 2, "from": "1m"}, "fault": "refuse"}"#,
            r#"{"match": {"credential": 1, "path": "/v1/*"}, "fault": "early-answer"}"#,
            r#"{"match": {"credential": "9xQ2", "model": "gpt-*"}, "fault": "status;code=401"}"#,
            r#"{"match": {"until": "30s"}, "gap_ms": {"fixed": 200}}"#,
        ] {
            assert_eq!(problem(rule), None, "{rule}");
        }
    }

    #[test]
    fn conditions_count_and_draw() {
        let mut rng = Rng::of(0, 0);
        let every = Condition { every: Some(3), ..Condition::default() };
        assert_eq!((1..=7).filter(|n| every.counts(*n, &mut rng)).collect::<Vec<_>>(), [3, 6]);
        let share = Condition { share: Some(0.25), ..Condition::default() };
        let hits = (1..=4000).filter(|n| share.counts(*n, &mut rng)).count();
        assert!((900..1100).contains(&hits), "{hits}");
    }

    #[test]
    fn a_star_at_the_end_stands_for_anything() {
        assert!(fits(Some("gpt-*"), "gpt-6") && !fits(Some("gpt-*"), "echo"));
        assert!(fits(None, "gpt-6") && !fits(Some("gpt"), "gpt-6"));
    }
}
