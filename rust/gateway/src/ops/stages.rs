//! The profile of stages: switched on and off, and read.

use crate::shared::Shared;
use record::Meters;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// Whether stages are counted, and since when.
#[derive(Debug, Default)]
pub(crate) struct StageSwitch(Mutex<State>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    on: bool,
    /// Counts how often it was switched on; 0: never.
    run: u32,
    /// On the gateway's uptime.
    since_ms: u64,
    /// The same; where it is on, not yet.
    until_ms: u64,
}

/// Switches on, which starts a new profile even where one runs; or off, which leaves what was counted to be read.
pub(crate) fn switch(shared: &Shared, on: bool) {
    let mut state = shared.stages.0.lock().unwrap_or_else(PoisonError::into_inner);
    if on {
        *state = State { on, run: state.run.wrapping_add(1).max(1), since_ms: shared.uptime_ms(), until_ms: 0 };
    } else if state.on {
        (state.on, state.until_ms) = (false, shared.uptime_ms());
    }
    let wanted = if on { state.run } else { 0 };
    shared.workers.iter().for_each(|worker| worker.meters.stages.want(wanted));
}

/// The profile as one JSON object.
pub(crate) fn page(shared: &Shared) -> Value {
    let state = *shared.stages.0.lock().unwrap_or_else(PoisonError::into_inner);
    let until_ms = if state.on { shared.uptime_ms() } else { state.until_ms };
    let meters: Vec<Arc<Meters>> = shared.workers.iter().map(|worker| Arc::clone(&worker.meters)).collect();
    let mut page = json!(record::profile(&meters, state.run));
    page["on"] = json!(state.on);
    page["elapsed_ms"] = json!(until_ms.saturating_sub(state.since_ms));
    page
}
