//! Scenarios: which calls go wrong or slowly, and when.
//!
//! A scenario is a list of rules. At each stage of a call ([`Stage`]) the first rule whose conditions hold counts, and
//! no other. Conditions may name the time since the start, so an outage has a beginning and an end, and the credential,
//! so one key can be dead while another lives. All of it is a function of what is passed in: the time too.

mod credentials;
mod rule;
mod span;

pub(crate) use credentials::{Credentials, shown};
pub use rule::{Condition, Rule, Shown, Tempo};
pub use span::Span;

use crate::faults::Stage;
use crate::rng::Rng;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Rules, and how many calls each has met.
#[derive(Debug)]
pub(crate) struct Scenario {
    rules: Vec<Rule>,
    met: Vec<AtomicU64>,
}

/// What is known of a call when rules are looked at; what is not known yet is empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meeting<'a> {
    /// Which rules are looked at.
    pub(crate) stage: Stage,
    /// With its `/v1`.
    pub(crate) path: &'a str,
    /// As it came.
    pub(crate) model: &'a str,
    /// What was shown, without its `Bearer`, and its number if it has one.
    pub(crate) credential: Option<(&'a [u8], Option<usize>)>,
    /// Since the scenario began.
    pub(crate) elapsed: Duration,
}

impl Scenario {
    /// A scenario that has met no call.
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        let met = rules.iter().map(|_| AtomicU64::new(0)).collect();
        Self { rules, met }
    }

    /// The rule for a call. A rule counts the calls that it is asked about and that meet all but its counts.
    pub(crate) fn pick(&self, meeting: &Meeting<'_>, rng: &mut Rng) -> Option<&Rule> {
        let meets = |(rule, met): &(&Rule, &AtomicU64)| {
            rule.stage() == meeting.stage
                && rule.condition.holds(meeting)
                && rule.condition.counts(met.fetch_add(1, Ordering::Relaxed) + 1, rng)
        };
        self.rules.iter().zip(&self.met).find(meets).map(|(rule, _)| rule)
    }

    /// Counts anew.
    pub(crate) fn reset(&self) {
        self.met.iter().for_each(|met| met.store(0, Ordering::Relaxed));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn scenario(json: &str) -> Scenario {
        Scenario::new(serde_json::from_str(json).unwrap())
    }

    fn at(ms: u64) -> Meeting<'static> {
        let elapsed = Duration::from_millis(ms);
        Meeting { stage: Stage::Answer, path: "/v1/chat/completions", model: "chat", credential: None, elapsed }
    }

    /// The name of the fault that the meeting gets.
    fn fault(scenario: &Scenario, meeting: &Meeting<'_>) -> Option<&'static str> {
        let rule = scenario.pick(meeting, &mut Rng::of(0, 0));
        rule.and_then(|rule| rule.fault.first()).map(|fault| fault.row().name)
    }

    #[test]
    fn a_window_begins_with_its_first_moment_and_ends_before_its_last() {
        let outage = scenario(r#"[{"match": {"from": "10s", "until": "40s"}, "fault": "status"}]"#);
        let hit: Vec<_> = [0, 9_999, 10_000, 39_999, 40_000].map(|ms| fault(&outage, &at(ms)).is_some()).into();
        assert_eq!(hit, [false, false, true, true, false]);
    }

    #[test]
    fn windows_follow_each_other_and_the_first_rule_that_holds_counts() {
        let phases = scenario(
            r#"[{"match": {"until": "1s"}, "fault": "html"}, {"match": {"from": "2s"}, "fault": "gzip"},
                {"fault": "split"}]"#,
        );
        assert_eq!([0, 1_500, 2_500].map(|ms| fault(&phases, &at(ms))), [Some("html"), Some("split"), Some("gzip")]);
    }

    #[test]
    fn counting_begins_with_the_window_and_anew_after_a_reset() {
        let rule = scenario(r#"[{"match": {"from": "1s", "first": 2}, "fault": "status"}]"#);
        let hits = |times: &[u64]| times.iter().filter(|ms| fault(&rule, &at(**ms)).is_some()).count();
        assert_eq!(hits(&[0, 0, 0, 1_000, 1_001, 1_002]), 2);
        rule.reset();
        assert_eq!(hits(&[1_000, 1_000, 1_000]), 2);
    }

    #[test]
    fn a_credential_is_named_by_its_end_or_by_its_number() {
        let ends = scenario(r#"[{"match": {"credential": "dead"}, "fault": "status"}]"#);
        let second = scenario(r#"[{"match": {"credential": 1}, "fault": "status"}]"#);
        let with = |credential| Meeting { credential, ..at(0) };
        let keys: [Option<(&[u8], Option<usize>)>; 4] =
            [Some((b"sk-1-dead", Some(0))), Some((b"sk-2", Some(1))), Some((b"sk-300-dead", None)), None];
        assert_eq!(keys.map(|key| fault(&ends, &with(key)).is_some()), [true, false, true, false]);
        assert_eq!(keys.map(|key| fault(&second, &with(key)).is_some()), [false, true, false, false]);
    }

    #[test]
    fn rules_of_another_stage_are_neither_met_nor_counted() {
        let rules = scenario(r#"[{"match": {"nth": 1}, "fault": "slow-read"}]"#);
        assert_eq!(fault(&rules, &at(0)), None);
        assert_eq!(fault(&rules, &Meeting { stage: Stage::Request, ..at(0) }), Some("slow-read"));
    }
}
