//! Why a schedule was not kept, told honestly: was it the engine, or what it called?

use crate::clock::real;
use crate::failure::Failure;
use crate::hist::us;
use crate::plan::Plan;
use crate::tally::{Late, Tally};

/// The share of a core from which on the engine counts as the bottleneck.
const FULL: f64 = 0.9;

/// One sentence, when over 1 % of the calls were late or not sent in time. A closed loop has no schedule to keep: whether
/// it measured the engine is told by what a call cost.
/// `threads`: how many of them have reported.
pub(crate) fn reason(all: &Tally, plan: &Plan, threads: usize) -> Option<String> {
    if threads < plan.threads {
        return Some(
            "a thread of the engine failed, and what it counted is missing: this is a fault of the engine".to_owned(),
        );
    }
    if !plan.has_schedule {
        return None;
    }
    let Late { engine, queue, connect } = all.late_by;
    let (late, missed) = (engine + queue + connect, all.asked.saturating_sub(all.sent_in_time));
    if (late.max(missed)) * 100 <= all.asked {
        return None;
    }
    let of = |class: Failure| all.failures[class as usize];
    if of(Failure::Descriptors) * 2 > missed {
        return Some("this process ran out of descriptors: raise `ulimit -n`, or lower max_connections".to_owned());
    }
    if of(Failure::Refused) * 2 > missed.max(late) {
        return Some("the target did not take connections: most calls could not be sent at all".to_owned());
    }
    // A full engine is slow to free its connections too, so it is the first to blame.
    if all.busy >= FULL {
        return Some(full(all, plan.threads));
    }
    Some(match late {
        _ if queue + of(Failure::Unsent) >= engine.max(connect) && queue + of(Failure::Unsent) > 0 => format!(
            "all {} connections were in use: the target answered too slowly, or max_connections is too low",
            plan.places
        ),
        _ if engine >= connect => format!(
            "the engine did not get its core: its event loop came up to {:.1} ms late while it used {:.0} % of a core; \
             give it a core of its own",
            us(all.stall_max_ns) / 1000.0,
            all.busy * 100.0
        ),
        _ => "new connections were slow to open: the target took its time to accept them".to_owned(),
    })
}

fn full(all: &Tally, threads: usize) -> String {
    let calls = real(all.good + all.failed()).max(1.0);
    format!(
        "the engine's core was full ({:.0} % busy, {:.1} us per call): give it more threads and cores than {threads}, \
         or ask for less",
        all.busy * 100.0,
        real(all.cpu_ns) / 1000.0 / calls
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::target::Target;
    use crate::tests_support::spec;
    use serde_json::{Value, json};

    fn plan(arrivals: &Value) -> Plan {
        let spec = spec(&json!({"arrivals": arrivals, "max_connections": 8}));
        let (base_path, authority) = (String::new(), "a".to_owned());
        Plan::new(&spec, Target { base_path, authority, addresses: vec![], tls: None }).unwrap()
    }

    fn tally(late_by: Late, busy: f64) -> Tally {
        let mut tally = Tally::new(0, 1, 1);
        (tally.asked, tally.sent_in_time, tally.late_by, tally.busy) = (1000, 1000, late_by, busy);
        tally
    }

    #[test]
    fn whoever_made_most_calls_late_is_named_and_a_full_engine_before_all_others() {
        let plan = plan(&json!({"kind": "constant", "per_second": 10.0}));
        let none = Late::default();
        for (late_by, busy, said) in [
            (none, 0.5, None),
            (Late { engine: 5, queue: 5, connect: 0 }, 0.5, None),
            (Late { queue: 20, ..none }, 0.5, Some("all 8 connections were in use")),
            (Late { queue: 20, ..none }, 0.95, Some("the engine's core was full")),
            (Late { engine: 20, queue: 1, ..none }, 0.5, Some("the engine did not get its core")),
            (Late { connect: 20, ..none }, 0.5, Some("connections were slow to open")),
        ] {
            let reason = reason(&tally(late_by, busy), &plan, 1);
            assert_eq!(reason.is_some(), said.is_some(), "{late_by:?} {reason:?}");
            assert!(reason.is_none_or(|reason| reason.contains(said.unwrap())), "{late_by:?}");
        }
    }

    #[test]
    fn a_closed_loop_has_no_schedule_to_keep_and_a_thread_that_is_missing_is_never_passed_over() {
        let plan = plan(&json!({"kind": "closed", "connections": 2}));
        assert_eq!(reason(&tally(Late { engine: 500, ..Late::default() }, 0.99), &plan, 1), None);
        assert!(reason(&tally(Late::default(), 0.5), &plan, 0).unwrap().contains("fault of the engine"));
    }
}
