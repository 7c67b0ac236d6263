//! How far a load has come, for those who watch it.

use crate::clock::{self, real};
use crate::failure::Failure;
use crate::running::Times;
use crate::steps::{Step, newest};
use crate::tally::Tally;
use serde_json::{Map, Value, json};

/// What one thread says of itself a few times a second.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board {
    asked: u64,
    sent: u64,
    good: u64,
    failed: u64,
    open: u64,
    late_calls: u64,
    last: Option<Step>,
    /// Of each class of failure, the first.
    examples: Vec<(Failure, String)>,
}

impl Board {
    pub(crate) fn of(tally: &Tally, open: u64) -> Self {
        let examples = Failure::ALL.iter().zip(&tally.examples);
        Self {
            asked: tally.asked,
            sent: tally.sent,
            good: tally.good,
            failed: tally.failed(),
            open,
            late_calls: tally.late_calls,
            last: tally.steps.last().cloned(),
            examples: examples.filter_map(|(class, example)| Some((*class, example.clone()?))).collect(),
        }
    }
}

/// The progress of all threads.
pub(crate) fn report(boards: &[Board], times: &Times, is_done: bool) -> Value {
    let now = clock::now();
    let phase = match now {
        _ if is_done => "done",
        now if now < times.from => "warmup",
        now if now < times.until => "load",
        _ => "finishing",
    };
    let steps: Vec<&Step> = boards.iter().filter_map(|board| board.last.as_ref()).collect();
    let last = newest(&steps);
    let examples = boards.iter().rev().flat_map(|board| &board.examples);
    let sum = |of: fn(&Board) -> u64| boards.iter().map(of).sum::<u64>();
    json!({
        "elapsed_s": real(now.saturating_sub(times.from).min(times.until - times.from)) / 1e9,
        "duration_s": real(times.until - times.from) / 1e9,
        "phase": phase, "asked": sum(|b| b.asked), "sent": sum(|b| b.sent), "good": sum(|b| b.good),
        "failed": sum(|b| b.failed), "open": sum(|b| b.open), "p50_us": last["p50_us"], "p99_us": last["p99_us"],
        "ttft_p50_us": last["ttft_p50_us"], "late_calls": sum(|b| b.late_calls),
        "examples": examples.map(|(class, text)| (class.name().to_owned(), text.as_str().into())).collect::<Map<_, _>>(),
    })
}
