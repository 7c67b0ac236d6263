//! What is known of targets, as metrics.

use crate::shared::Breakers;
use attempt::{HealthState, State};
use record::{Family, FamilyKind, Sample, Value};
use std::sync::atomic::Ordering;

/// The state of every health key, retry budget and adaptive limit; `now_ns` on the workers' clock.
pub(crate) fn families(state: &State, breakers: &Breakers, now_ns: u64) -> Vec<Family> {
    let mut healths = Vec::new();
    state.each_health(|key, health| healths.push(sample("key", key, level(health.state(now_ns)))));
    let mut budgets = Vec::new();
    state.each_budget(|provider, budget| {
        budgets.push(sample("provider", provider, f64::from(budget.level_permille(now_ns)) / 1000.0));
    });
    let mut limits = Vec::new();
    state.each_limit(|key, limit| limits.push(sample("key", key, f64::from(limit.level()))));
    let mut sizes = Vec::new();
    state.each_estimate(|key, learnt| {
        let (provider, deployment) = key.split_once('/').unwrap_or((key, ""));
        if let Some(millionths) = learnt.prompt.millionths().filter(|millionths| *millionths > 0) {
            let labels = vec![("provider", provider.to_owned()), ("deployment", deployment.to_owned())];
            #[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
            sizes.push(Sample { labels, value: Value::Level(1e6 / millionths as f64) });
        }
    });
    let changes = [("open", &breakers.opened), ("closed", &breakers.closed)];
    let changes = changes.map(|(to, count)| Sample {
        labels: vec![("to", to.to_owned())],
        value: Value::Count(count.load(Ordering::Relaxed)),
    });
    vec![
        gauge(
            "headgate_breaker_state",
            "What a health key lets in: 0 everything, 1 a growing share, 2 one probe, 3 nothing.",
            healths,
        ),
        gauge("headgate_retry_budget_level", "What is left of a provider's retry budget, 0 to 1.", budgets),
        gauge("headgate_concurrency_limit", "How many calls may be open with a credential and model.", limits),
        gauge("headgate_bytes_per_token", "How many bytes of a body make a token of the prompt, of late.", sizes),
        Family {
            name: "headgate_breaker_changes",
            help: "How often a health key was taken out of service, and put back.",
            kind: FamilyKind::Counter,
            samples: changes.into(),
        },
    ]
}

const fn level(state: HealthState) -> f64 {
    match state {
        HealthState::Closed => 0.0,
        HealthState::Ramping { .. } => 1.0,
        HealthState::HalfOpen => 2.0,
        HealthState::Open { .. } => 3.0,
    }
}

fn sample(label: &'static str, value: &str, level: f64) -> Sample {
    Sample { labels: vec![(label, value.to_owned())], value: Value::Level(level) }
}

const fn gauge(name: &'static str, help: &'static str, samples: Vec<Sample>) -> Family {
    Family { name, help, kind: FamilyKind::Gauge, samples }
}
