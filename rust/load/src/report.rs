//! The result of a load, as JSON.

use crate::clock::real;
use crate::failure::Failure;
use crate::health;
use crate::hist::us;
use crate::plan::Plan;
use crate::running::Times;
use crate::steps::{self, Steps};
use crate::tally::Tally;
use serde_json::{Map, Value, json};

/// The version of the format.
const FORMAT: u32 = 1;

/// Merges the threads. `ended`: when the last of them ended.
pub(crate) fn report(tallies: &[Tally], plan: &Plan, times: &Times, ended: u64) -> Value {
    let mut all = Tally::new(times.from, times.until, 1);
    for tally in tallies {
        all.add(tally);
    }
    let series: Vec<&Steps> = tallies.iter().map(|tally| &tally.steps).collect();
    let failures = Failure::ALL.iter().map(|class| (class.name(), all.failures[*class as usize]));
    let examples =
        Failure::ALL.iter().filter_map(|class| Some((class.name(), all.examples[*class as usize].as_ref()?)));
    let reason = health::reason(&all, plan, tallies.len());
    json!({
        "format": FORMAT,
        "elapsed_s": real(ended.saturating_sub(times.from)) / 1e9,
        "asked": all.asked, "sent": all.sent, "answered": all.answered, "good": all.good, "open": all.open,
        "failures": failures.map(|(name, count)| (name.to_owned(), Value::from(count))).collect::<Map<_, _>>(),
        "statuses": all.statuses.iter().map(|(s, n)| (s.to_string(), Value::from(*n))).collect::<Map<_, _>>(),
        "examples": examples.map(|(name, text)| (name.to_owned(), Value::from(text.as_str()))).collect::<Map<_, _>>(),
        "bytes_in": all.bytes_in, "bytes_out": all.bytes_out, "frames": all.frames, "streams": all.streams,
        "usage": {
            "answers": all.usages, "prompt_tokens": all.usage.prompt_tokens,
            "completion_tokens": all.usage.completion_tokens, "total_tokens": all.usage.total_tokens,
        },
        "latency": all.latency.report(), "service": all.service.report(), "ttft": all.ttft.report(),
        "tpot": all.tpot.report(), "gap": all.gap.report(), "stamped": all.stamped.report(),
        "late": all.late.report(),
        "health": {
            "late_calls": all.late_calls,
            "backlog_max": all.backlog_max, "stall_max_us": us(all.stall_max_ns),
            "cpu_us_per_call": cpu_per_call(&all), "connections_opened": all.connections,
            "reason": reason.as_ref().map(|reason| &*reason.sentence), "own": reason.as_ref().is_some_and(|reason| reason.own),
        },
        "series": steps::report(&series),
    })
}

fn cpu_per_call(all: &Tally) -> f64 {
    us(all.cpu_ns / (all.good + all.failed()).max(1))
}
