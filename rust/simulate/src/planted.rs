//! Faults of the gateway itself, planted in a world to show that the oracle finds each kind. No scenario file can ask
//! for them.

use plan::{Plan, Resilience};
use serde::Deserialize;
use std::sync::Arc;

/// What is wrong with the gateway, and the rule of the oracle that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Planted {
    /// An answer that was cut is told as whole: O1.
    FalseEnd,
    /// An attempt whose content went to the caller is tried again: O2.
    SecondAnswer,
    /// More attempts than the policy allows: O3.
    ManyAttempts,
    /// Calls go on for ten times as long as the policy allows: O3.
    LongCalls,
    /// Retries cost nothing of the ratio budget: O4.
    FreeRetries,
    /// An attempt is told twice: O5.
    ToldTwice,
    /// What an attempt holds is never given back: O7.
    HeldForEver,
    /// Breakers open after two failures in a row: O8.
    HastyBreakers,
    /// Failures are blamed on the credential: O8.
    WrongBlame,
    /// Several attempts at once look whether a breaker may close; here, one of each replica, taken for one: O9.
    ManyProbes,
}

impl Planted {
    /// The plan that a gateway with this fault follows; the policy's own where the fault is not in its numbers.
    pub(crate) fn plan(self, policy: &Arc<Plan>) -> Arc<Plan> {
        let mut plan = Plan::clone(policy);
        match self {
            Self::ManyAttempts => each_resilience(&mut plan, |resilience| {
                resilience.retry.max_attempts = 9;
                resilience.retry.max_attempts_per_call = 9;
            }),
            Self::LongCalls => each_resilience(&mut plan, |resilience| {
                resilience.timeouts.total_ms *= 10;
                resilience.timeouts.stream_total_ms *= 10;
            }),
            Self::FreeRetries => plan.providers.iter_mut().for_each(|provider| provider.retry_floor_per_second = 1000),
            Self::HastyBreakers => plan.providers.iter_mut().for_each(|provider| provider.breaker.consecutive = 2),
            Self::FalseEnd
            | Self::SecondAnswer
            | Self::ToldTwice
            | Self::HeldForEver
            | Self::WrongBlame
            | Self::ManyProbes => return Arc::clone(policy),
        }
        Arc::new(plan)
    }
}

fn each_resilience(plan: &mut Plan, change: impl Fn(&mut Resilience)) {
    plan.aliases.iter_mut().map(|alias| &mut alias.resilience).chain([&mut plan.resilience]).for_each(change);
}
