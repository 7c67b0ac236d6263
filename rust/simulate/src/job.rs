//! What is asked for: one document, and the plans that it is about.

use crate::scenario::Scenario;
use plan::{Plan, Scope};
use serde::Deserialize;

/// The most worlds of one job.
const MOST_SEEDS: u64 = 1_000_000;

/// One job. A document without defaults; `python/headgate/simulate` writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// What happens in every world.
    pub scenario: Scenario,
    /// The first world's seed; each further one has the next.
    pub seed: u64,
    /// Worlds for each plan, 1..=1,000,000.
    pub seeds: u64,
    /// Threads, 1..=256.
    pub threads: usize,
    /// Whether each world tells its timeline, its changes and its phases. Large; for a few worlds.
    pub timeline: bool,
}

impl Job {
    /// Reads one. The sentence says which field is wrong.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        let job: Self = serde_json::from_slice(json).map_err(|error| format!("scenario: {error}"))?;
        if !(1..=MOST_SEEDS).contains(&job.seeds) {
            return Err(format!("seeds: {} is not within 1..={MOST_SEEDS}", job.seeds));
        }
        if !(1..=256).contains(&job.threads) {
            return Err(format!("threads: {} is not within 1..=256", job.threads));
        }
        job.scenario.check()?;
        Ok(job)
    }

    /// Whether a plan has what the callers ask for.
    pub(crate) fn fits(&self, plan: &Plan) -> Result<(), String> {
        for (number, call) in self.scenario.calls.iter().enumerate() {
            plan.route(&call.model, Scope::Everything)
                .map_err(|fault| format!("calls[{number}].model: {}", fault.message()))?;
        }
        Ok(())
    }
}
