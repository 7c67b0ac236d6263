//! Every rule of the oracle is broken by a gateway that has the fault which the rule is about.
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use serde_json::{Value, json};
use support::{bad_days, job, rule, run};

/// The rules that a bad minute with this fault breaks.
fn broken(planted: &str, change: impl FnOnce(&mut Value)) -> Vec<String> {
    let result = run(job(|job| {
        bad_days(job);
        job["seeds"] = json!(20);
        job["scenario"]["planted"] = json!(planted);
        change(job);
    }));
    let worlds = result["worlds"].as_array().expect("worlds").iter();
    let violations = worlds.flat_map(|world| world["violations"].as_array().expect("violations"));
    let mut rules: Vec<_> = violations.map(|each| each["rule"].as_str().expect("a rule").to_owned()).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

#[test]
fn the_oracle_finds_each_planted_fault() {
    for (planted, rule) in [
        ("false_end", "O1"),
        ("second_answer", "O2"),
        ("many_attempts", "O3"),
        ("free_retries", "O4"),
        ("told_twice", "O5"),
        ("held_for_ever", "O7"),
        ("hasty_breakers", "O8"),
        ("wrong_blame", "O8"),
        ("many_probes", "O9"),
    ] {
        let found = broken(planted, |_| {});
        assert!(found.iter().any(|each| each == rule), "{planted} should break {rule}: {found:?}");
    }
}

#[test]
fn the_oracle_finds_calls_that_go_on_after_their_deadline() {
    let found = broken("long_calls", |job| {
        job["scenario"]["providers"][0]["rules"] = json!([rule(0, 60_000, "stall;at=5;ms=15000")]);
        job["scenario"]["providers"][0]["gap_ms"] = json!({"fixed": 5000});
    });
    assert!(found.iter().any(|each| each == "O3"), "{found:?}");
}
