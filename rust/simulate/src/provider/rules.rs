//! Which rule an attempt meets.

use super::Asked;
use crate::scenario::fault::{self, Effect};
use crate::scenario::{Condition, Rule};
use crate::time::of_ms;
use random::Rng;
use std::cell::Cell;

/// Rules in order.
pub(crate) struct Rules {
    rules: Vec<Armed>,
    applied: Cell<u64>,
}

/// A rule that counts what it has seen.
pub(crate) struct Armed {
    pub(crate) rule: Rule,
    pub(crate) effect: Effect,
    seen: Cell<u64>,
}

impl Rules {
    /// Takes rules that have been checked.
    pub(crate) fn new(rules: impl Iterator<Item = Rule>) -> Self {
        let armed = rules.map(|rule| {
            let effect = rule.fault.as_deref().and_then(|text| fault::parse(text).ok()).unwrap_or_default();
            Armed { rule, effect, seen: Cell::new(0) }
        });
        Self { rules: armed.collect(), applied: Cell::new(0) }
    }

    /// The first rule that fits. Each rule whose names and time fit counts the attempt, whichever is found.
    pub(crate) fn find(&self, asked: &Asked<'_>, rng: &mut Rng) -> Option<&Armed> {
        let mut found = None;
        for armed in self.rules.iter().filter(|armed| meets(&armed.rule.condition, asked)) {
            let seen = armed.seen.get() + 1;
            armed.seen.set(seen);
            if counts(&armed.rule.condition, seen, rng) && found.is_none() {
                found = Some(armed);
            }
        }
        self.applied.set(self.applied.get() + u64::from(found.is_some()));
        found
    }

    /// The first rule that fits whatever comes of these names at this time. Counts nothing.
    pub(super) fn standing(&self, asked: &Asked<'_>) -> Option<&Armed> {
        let is_for_all = |condition: &Condition| {
            condition.nth.is_none()
                && condition.every.is_none()
                && condition.first.is_none()
                && condition.share.is_none()
        };
        self.rules.iter().find(|armed| is_for_all(&armed.rule.condition) && meets(&armed.rule.condition, asked))
    }

    /// Attempts that met a rule.
    pub(crate) fn applied(&self) -> u64 {
        self.applied.get()
    }
}

/// Whether time, model, endpoint and credential fit.
fn meets(condition: &Condition, asked: &Asked<'_>) -> bool {
    let within =
        asked.at_ns >= of_ms(condition.from_ms) && condition.until_ms.is_none_or(|until| asked.at_ns < of_ms(until));
    within
        && condition.endpoint.is_none_or(|endpoint| endpoint == asked.endpoint)
        && condition.credential.is_none_or(|credential| credential == asked.credential)
        && condition.model.as_deref().is_none_or(|pattern| fits(pattern, asked.model))
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// Whether the n-th attempt that a rule sees is one of those meant.
fn counts(condition: &Condition, nth: u64, rng: &mut Rng) -> bool {
    condition.nth.is_none_or(|only| only == nth)
        && condition.every.is_none_or(|every| every > 0 && nth.is_multiple_of(every))
        && condition.first.is_none_or(|first| nth <= first)
        && condition.share.is_none_or(|share| rng.unit() < share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn rule(condition: &str) -> Rule {
        let mut all = serde_json::json!({
            "from_ms": 0, "until_ms": null, "model": null, "endpoint": null, "credential": null, "nth": null,
            "every": null, "first": null, "share": null,
        });
        let given: serde_json::Value = serde_json::from_str(condition).expect("JSON");
        for (name, value) in given.as_object().expect("a map") {
            all[name] = value.clone();
        }
        let rule = serde_json::json!({
            "match": all, "fault": "status;code=500", "ttft_ms": null, "gap_ms": null, "tokens": null,
        });
        serde_json::from_value(rule).expect("a rule")
    }

    /// Which of ten attempts, one each second at alternating credentials, meet a rule.
    fn met(conditions: &[&str]) -> Vec<u64> {
        let rules = Rules::new(conditions.iter().map(|condition| rule(condition)));
        let mut rng = Stream::Rules.rng(1);
        let asked = |second| Asked {
            at_ns: of_ms(1000 * second),
            model: "gpt-5",
            endpoint: 0,
            credential: usize::from(second % 2 == 1),
            input_tokens: 1,
        };
        (0..10).filter(|second| rules.find(&asked(*second), &mut rng).is_some()).collect()
    }

    #[test]
    fn a_window_begins_with_its_first_instant_and_ends_before_its_last() {
        assert_eq!(met(&[r#"{"from_ms": 3000, "until_ms": 5000}"#]), [3, 4]);
    }

    #[test]
    fn what_is_counted_are_the_attempts_that_the_rest_of_the_rule_fits() {
        assert_eq!(met(&[r#"{"credential": 1, "every": 2}"#]), [3, 7]);
        assert_eq!(met(&[r#"{"from_ms": 4000, "first": 2}"#]), [4, 5]);
        assert_eq!(met(&[r#"{"model": "gpt-*", "nth": 3}"#]), [2]);
        assert_eq!(met(&[r#"{"model": "gpt", "nth": 3}"#]), [0; 0]);
        assert_eq!(met(&[r#"{"endpoint": 1}"#]), [0; 0]);
    }

    #[test]
    fn what_is_no_attempt_meets_rules_that_are_for_all_and_counts_nowhere() {
        let rules =
            Rules::new([r#"{"first": 1}"#, r#"{"model": "gpt-*"}"#, r#"{"until_ms": 5000}"#].map(rule).into_iter());
        let asked =
            |second: u64| Asked { at_ns: of_ms(1000 * second), model: "", endpoint: 0, credential: 0, input_tokens: 0 };
        assert_eq!([4, 5].map(|second| rules.standing(&asked(second)).is_some()), [true, false]);
        assert_eq!((rules.applied(), rules.find(&asked(6), &mut Stream::Rules.rng(1)).is_some()), (0, true));
    }

    #[test]
    fn a_share_is_drawn() {
        assert!((2..9).contains(&met(&[r#"{"share": 0.5}"#]).len()));
        assert_eq!(met(&[r#"{"share": 0}"#]), [0; 0]);
    }
}
