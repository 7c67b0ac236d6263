//! `path CELL CALLS`: makes so many calls of one kind through the gateway in memory, after a warm-up that is the same
//! whatever `CALLS` is, and prints how many allocations they took.
//!
//! Instructions are counted from outside, by callgrind: the difference between two runs over the difference of their
//! calls, so that start and warm-up drop out. `python -m benchmarks.path` does that for all cells and compares.

mod cell;
mod outside;

use cell::Cell;
use gateway::InProcess;
use mimalloc::MiMalloc;
use outside::{Caller, provide};
use plan::Plan;
use serde_json::{Value, json};
use stats_alloc::{Region, StatsAlloc};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use tempfile::TempDir;
use tokio::runtime::LocalOptions;
use tokio::task::spawn_local;

/// What `headgated` uses, counted.
#[global_allocator]
static ALLOCATOR: StatsAlloc<MiMalloc> = StatsAlloc::new(MiMalloc);

/// Calls before those that count: by then buffers have their size and tables their entries.
const WARM_UP: usize = 64;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let asked = match arguments.as_slice() {
        [name, calls] => Cell::named(name).zip(calls.parse().ok()),
        _ => None,
    };
    let Some((cell, calls)) = asked else {
        eprintln!(
            "usage: path CELL CALLS    one of {}",
            cell::NAMES.join(", ")
        );
        return ExitCode::from(2);
    };
    match measure(cell, calls) {
        Ok(allocations) => {
            println!("{allocations}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("path: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the calls; yields how often they allocated or grew an allocation.
fn measure(cell: Cell, calls: usize) -> Result<usize, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build_local(LocalOptions::default())?;
    let journal = TempDir::new()?;
    runtime.block_on(async {
        let cell = Rc::new(cell);
        let provided = Rc::clone(&cell);
        let gateway = InProcess::start(plan(&cell, journal.path())?, move |_, stream| {
            spawn_local(provide(stream, Rc::clone(&provided)));
            Ok(())
        })
        .map_err(|error| error.message)?;
        let mut caller = Caller::new(gateway.connect(), cell);
        // A task like those of the gateway: what `block_on` runs itself is woken through the kernel.
        let counted = spawn_local(async move {
            caller.calls(WARM_UP).await?;
            let region = Region::new(&ALLOCATOR);
            caller.calls(calls).await?;
            let change = region.change();
            Ok::<_, std::io::Error>(change.allocations + change.reallocations)
        });
        Ok(counted.await??)
    })
}

/// The plan of a cell: keys and an alias, or neither; and limits, budgets and a journal, or none of them.
fn plan(cell: &Cell, journal: &Path) -> Result<Plan, serde_json::Error> {
    let mut plan: Value = serde_json::from_str(include_str!("../plan.json"))?;
    if !cell.features {
        plan["callers"] = json!("anyone");
        plan["keys"] = json!([]);
    }
    if cell.money {
        limit(&mut plan);
        plan["journal"] = json!({"directory": journal, "sync_ms": 200, "segment_bytes": 1 << 24,
            "keep_for_ms": 60_000, "keep_bytes": 1 << 30, "when_full": "refuse"});
    }
    serde_json::from_value(plan)
}

/// A key with a rate, in a team with a budget; a user with rates and places; a budget for all.
fn limit(plan: &mut Value) {
    let rate = |amount: u64| json!({"amount": amount, "per_ms": 60_000, "burst_ms": 60_000});
    let limit = |id: &str, per: &str, measure: Value| json!({"id": id, "per": per, "value": null, "measure": measure, "enforce": true});
    let budget = |id: &str, per: Value| {
        json!({"id": id, "per": per, "value": null, "nano_usd": 1_000_000_000_000_000_000_u64, "window": "day",
               "time_zone": "UTC", "warn_permille": [500, 800], "when_spent": "refuse", "enforce": true})
    };
    plan["limits"] = json!([
        limit("a", "key", json!({"requests": rate(1_000_000_000)})),
        limit("b", "user", json!({"requests": rate(1_000_000_000)})),
        limit("c", "user", json!({"tokens": rate(1_000_000_000_000)})),
        limit("d", "user", json!({"concurrency": 1_000})),
    ]);
    plan["budgets"] = json!([budget("e", json!("team")), budget("f", json!(null))]);
    for key in plan["keys"].as_array_mut().into_iter().flatten() {
        key["team"] = json!("team");
        key["user"] = json!("ann");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_call_gets_its_answer() {
        for name in cell::NAMES {
            measure(Cell::named(name).unwrap(), 3).unwrap();
        }
    }

    #[test]
    fn another_body_at_the_provider_fails_at_the_caller() {
        let mut cell = Cell::named("json-64").unwrap();
        cell.provided.push(b' ');
        let failed = measure(cell, 1).unwrap_err().to_string();
        assert!(
            failed.starts_with("not the answer: HTTP/1.1 502"),
            "{failed}"
        );
    }
}
