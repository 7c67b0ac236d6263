//! Rules drawn by a seed: so that a thousand seeds are a thousand different days.

use super::{Condition, Distribution, Rule, Scenario};
use crate::rng::Stream;
use plan::Plan;
use random::Rng;

/// What may happen. Those in the middle of a stream come after the commit, the rest before it.
const FAULTS: &[&str] = &[
    "refuse",
    "silence",
    "reset-before-head",
    "garbage-head",
    "status;code=500",
    "status;code=502",
    "status;code=503",
    "status;code=503, retry-after;value=2",
    "status;code=529",
    "status;code=429",
    "status;code=429, retry-after;value=3",
    "status;code=429, retry-after;value=120",
    "status;code=408",
    "status;code=500, should-retry;as=false",
    "error;name=insufficient_quota",
    "status;code=401",
    "status;code=404",
    "status;code=400",
    "error;name=context_length_exceeded",
    "error;name=content_filter",
    "error-event;at=first",
    "error-event;at=middle",
    "error-event;at=last",
    "cut;at=100",
    "cut;at=2000",
    "no-terminator",
    "pings-only;then=silence",
    "empty-deltas",
    "stall;at=5",
    "stall;at=5;ms=3000",
    "late-head;ms=5000",
];
const SHARES: &[Option<f64>] = &[None, None, Some(0.5), Some(0.2), Some(0.05)];

/// A rule, and the index of the provider that it is for.
pub(crate) fn rules(scenario: &Scenario, plan: &Plan, seed: u64) -> Vec<(usize, Rule)> {
    let mut rng = Stream::Rules.rng(seed);
    (0..scenario.random_rules).map(|_| rule(scenario, plan, &mut rng)).collect()
}

fn rule(scenario: &Scenario, plan: &Plan, rng: &mut Rng) -> (usize, Rule) {
    let provider = rng.index(plan.providers.len());
    let from_ms = rng.below(scenario.duration_ms * 3 / 4 + 1);
    let until_ms = from_ms + 500 + rng.below(scenario.duration_ms / 2 + 1);
    let (endpoints, credentials) =
        plan.providers.get(provider).map_or((1, 1), |found| (found.endpoints.len(), found.credentials.len().max(1)));
    let narrowed = rng.below(4);
    let slow = rng.below(8) == 0;
    let condition = Condition {
        from_ms,
        until_ms: Some(until_ms),
        model: None,
        endpoint: (narrowed == 1).then(|| rng.index(endpoints)),
        credential: (narrowed == 2).then(|| rng.index(credentials)),
        nth: None,
        every: None,
        first: None,
        share: SHARES.get(rng.index(SHARES.len())).copied().flatten(),
    };
    let fault = FAULTS.get(rng.index(FAULTS.len())).map(|fault| (*fault).to_owned());
    let slower = Distribution::Lognormal { median: 8000.0, sigma: 1.0 };
    let fault = fault.filter(|_| !slow);
    (provider, Rule { condition, fault, ttft_ms: slow.then_some(slower), gap_ms: None, tokens: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fault;

    #[test]
    fn every_fault_that_may_be_drawn_is_known() {
        for text in FAULTS {
            assert!(fault::parse(text).is_ok(), "{text}");
        }
    }
}
