//! Why a schedule was not kept, told honestly: was it the engine, or what it called?

use crate::clock::real;
use crate::failure::Failure;
use crate::hist::us;
use crate::plan::Plan;
use crate::tally::{Tally, Waits};

/// The share of a core from which on the engine counts as the bottleneck.
const FULL: f64 = 0.9;

/// Late calls that are too few to tell anything.
const FEW: u64 = 10;

/// Why the schedule was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// Whether this machine is why, and not what was called.
    pub(crate) own: bool,
    /// One sentence.
    pub(crate) sentence: String,
}

impl Reason {
    fn own(sentence: impl Into<String>) -> Self {
        Self { own: true, sentence: sentence.into() }
    }

    fn target(sentence: impl Into<String>) -> Self {
        Self { own: false, sentence: sentence.into() }
    }
}

/// The reason, when it matters that calls were not sent at their time. A closed loop has no schedule to keep: whether it
/// measured the engine is told by what a call cost.
/// `threads`: how many of them have reported.
pub(crate) fn reason(all: &Tally, plan: &Plan, threads: usize) -> Option<Reason> {
    if threads < plan.threads {
        return Some(Reason::own(
            "a thread of the engine failed, and what it counted is missing: this is a fault of the engine",
        ));
    }
    if !plan.has_schedule || !(is_short(all) || is_distorted(all)) {
        return None;
    }
    let missed = all.asked.saturating_sub(all.sent_in_time);
    let most =
        |classes: &[Failure]| classes.iter().map(|class| all.failures[*class as usize]).sum::<u64>() * 2 > missed;
    if most(&[Failure::Descriptors]) {
        return Some(Reason::own("this process ran out of descriptors: raise `ulimit -n`, or lower max_connections"));
    }
    if most(&[Failure::Refused, Failure::Resolve, Failure::Tls]) {
        return Some(Reason::target("the target did not take connections: most calls could not be sent at all"));
    }
    // A full engine is slow to free its connections too, so it is the first to blame.
    Some(if all.busy >= FULL { full(all, plan.threads) } else { of_waits(all, plan) })
}

/// What calls waited for longest.
fn of_waits(all: &Tally, plan: &Plan) -> Reason {
    let Waits { engine, queue, connect } = all.waits;
    // Where calls queued, the engine had its time and nowhere to send them.
    let has_queued = all.backlog_max > 0;
    if !has_queued && engine > queue + connect {
        Reason::own(format!(
            "the engine did not get its core: its event loop came up to {:.1} ms late while it used {:.0} % of a core; \
             give it a core of its own",
            us(all.stall_max_ns) / 1000.0,
            all.busy * 100.0
        ))
    } else if has_queued && queue >= connect {
        Reason::target(format!(
            "all {} connections were in use: the target answers too slowly for this rate, or allow more connections",
            plan.places
        ))
    } else {
        Reason::target("new connections were slow to open: the target took its time to accept them")
    }
}

/// Whether fewer than 99 % of the calls that were asked for were sent before the end.
const fn is_short(all: &Tally) -> bool {
    all.sent_in_time * 100 < all.asked * 99
}

/// Whether being sent late is a good part of the latencies: over 1 % of the calls were late, and the lateness of all is
/// over 5 % of the latency of all.
fn is_distorted(all: &Tally) -> bool {
    let are_many = all.late_calls >= FEW && all.late_calls * 100 > all.asked;
    are_many && all.good > 0 && all.late.sum_ns() * 20.0 > all.latency.sum_ns()
}

fn full(all: &Tally, threads: usize) -> Reason {
    let calls = real(all.good + all.failed()).max(1.0);
    Reason::own(format!(
        "the engine's core was full ({:.0} % busy, {:.1} us per call): give it more threads and cores than {threads}, \
         or ask for less",
        all.busy * 100.0,
        real(all.cpu_ns) / 1000.0 / calls
    ))
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

    const MS: u64 = 1_000_000;

    /// A thousand calls of 20 ms, of which so many were `late` by 100 ms each, and half of the core was used.
    fn tally(late: u64) -> Tally {
        let mut tally = Tally::new(0, 1, 1);
        (tally.asked, tally.sent_in_time, tally.good, tally.busy) = (1000, 1000, 1000, 0.5);
        tally.late_calls = late;
        (0..1000).for_each(|_| tally.latency.record(20 * MS));
        (0..late).for_each(|_| tally.late.record(100 * MS));
        tally
    }

    fn said(tally: &Tally, arrivals: &Value) -> Option<String> {
        reason(tally, &plan(arrivals), 1).map(|reason| reason.sentence)
    }

    fn constant() -> Value {
        json!({"kind": "constant", "per_second": 10.0})
    }

    #[test]
    fn late_calls_are_told_when_they_are_many_and_a_good_part_of_the_latency() {
        for (late, asked, good, is_told) in
            [(11, 1000, 1000, true), (10, 1000, 1000, false), (9, 100, 100, false), (11, 1000, 0, false)]
        {
            let mut tally = tally(late);
            (tally.asked, tally.sent_in_time, tally.good) = (asked, asked, good);
            assert_eq!(said(&tally, &constant()).is_some(), is_told, "{late} {asked} {good}");
        }
        let mut long = tally(500);
        (0..1000).for_each(|_| long.latency.record(1000 * MS));
        assert_eq!(said(&long, &constant()), None, "50 s of lateness in 1020 s of waiting");
        let users = json!({"kind": "users", "users": 3, "think_ms": 10.0});
        assert_eq!(said(&tally(0), &users), None);
    }

    #[test]
    fn calls_that_were_not_sent_in_time_are_told_from_one_in_a_hundred_on() {
        for (sent, is_told) in [(989, true), (990, false), (1000, false)] {
            let mut tally = tally(0);
            tally.sent_in_time = sent;
            assert_eq!(said(&tally, &constant()).is_some(), is_told, "{sent}");
        }
    }

    #[test]
    fn the_core_is_blamed_when_it_was_full_or_nothing_queued_and_the_queue_or_connecting_otherwise() {
        let none = Waits::default();
        for (waits, backlog, busy, sentence) in [
            (Waits { engine: 9, ..none }, 0, 0.35, "the engine did not get its core"),
            (Waits { engine: 9, queue: 2, ..none }, 900, 0.35, "all 8 connections were in use"),
            (Waits { queue: 9, ..none }, 900, 0.95, "the engine's core was full"),
            (Waits { queue: 9, ..none }, 900, 0.5, "the target answers too slowly for this rate, or allow more"),
            (Waits { connect: 9, queue: 2, ..none }, 5, 0.5, "connections were slow to open"),
            (Waits { connect: 9, engine: 8, ..none }, 0, 0.5, "connections were slow to open"),
            (none, 0, 0.5, "connections were slow to open"),
        ] {
            let mut tally = tally(20);
            (tally.waits, tally.backlog_max, tally.busy) = (waits, backlog, busy);
            let found = said(&tally, &constant()).unwrap();
            assert!(found.contains(sentence), "{waits:?} {backlog} {busy}: {found}");
        }
    }

    #[test]
    fn calls_that_could_not_be_sent_are_blamed_on_what_refused_them() {
        for (class, own, sentence) in [
            (Failure::Descriptors, true, "ulimit -n"),
            (Failure::Refused, false, "did not take connections"),
            (Failure::Tls, false, "did not take connections"),
        ] {
            let mut tally = tally(0);
            tally.sent_in_time = 0;
            tally.failures[class as usize] = 600;
            let found = reason(&tally, &plan(&constant()), 1).unwrap();
            assert!(found.sentence.contains(sentence) && found.own == own, "{found:?}");
        }
    }

    #[test]
    fn a_closed_loop_has_no_schedule_to_keep_and_a_thread_that_is_missing_is_never_passed_over() {
        let plan = plan(&json!({"kind": "closed", "connections": 2}));
        assert_eq!(reason(&tally(500), &plan, 1), None);
        assert!(reason(&tally(0), &plan, 0).unwrap().sentence.contains("fault of the engine"));
    }
}
