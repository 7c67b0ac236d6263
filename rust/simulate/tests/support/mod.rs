//! Jobs for the tests of this crate, and how to run them.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    reason = "each test file uses its part; tests fail by panicking"
)]

use plan::Plan;
use serde_json::{Value, json};
use simulate::{Job, start};
use std::time::Duration;

pub(crate) const PLAN: &str = include_str!("../plan.json");

/// A job of one world: ten calls a second for 20 s, answered after 300 ms with ten tokens in 100 ms; with changes.
pub(crate) fn job(change: impl FnOnce(&mut Value)) -> Job {
    let provider = |name: &str| {
        json!({
            "name": name,
            "ttft_ms": {"fixed": 300}, "gap_ms": {"fixed": 10}, "tokens": {"fixed": 11},
            "capacity": {"concurrency": null, "queue": 0, "requests_per_minute": null, "tokens_per_minute": null, "retry_after": true},
            "rules": [],
        })
    };
    let mut job = json!({
        "scenario": {
            "duration_ms": 20_000, "replicas": 1, "rate": [{"at_ms": 0, "per_second": 10.0}],
            "calls": [{
                "model": "smart", "share": 1.0, "stream": true, "input_tokens": {"fixed": 100}, "resends": 0,
                "patience_ms": null, "leaves": 0.0,
            }],
            "providers": [provider("first"), provider("second")],
            "random_rules": 0, "planted": null,
        },
        "seed": 1, "seeds": 1, "threads": 1, "timeline": true,
    });
    change(&mut job);
    Job::read(job.to_string().as_bytes()).expect("a good job")
}

/// A rule without conditions but a time.
pub(crate) fn rule(from_ms: u64, until_ms: u64, fault: &str) -> Value {
    json!({
        "match": {
            "from_ms": from_ms, "until_ms": until_ms, "model": null, "endpoint": null, "credential": null, "nth": null,
            "every": null, "first": null, "share": null,
        },
        "fault": fault, "ttft_ms": null, "gap_ms": null, "tokens": null,
    })
}

pub(crate) fn run(job: Job) -> Value {
    run_with(serde_json::from_str(PLAN).expect("a plan"), job)
}

pub(crate) fn run_with(plan: Plan, job: Job) -> Value {
    let running = start(vec![plan], job).expect("it starts");
    assert!(running.wait(Duration::from_mins(2)), "a world of seconds ends in minutes");
    serde_json::from_str(&running.result().expect("it is over")).expect("JSON")
}

/// A second kind of call, patient.
pub(crate) fn job_call() -> Value {
    json!({
        "model": "shared", "share": 1.0, "stream": true, "input_tokens": {"fixed": 100}, "resends": 1,
        "patience_ms": null, "leaves": 0.0,
    })
}

/// Three replicas, three kinds of callers, providers with limits, and much that goes wrong.
pub(crate) fn bad_days(job: &mut Value) {
    let scenario = &mut job["scenario"];
    let mut patient = job_call();
    patient["model"] = json!("alone");
    patient["stream"] = json!(false);
    patient["patience_ms"] = json!(15_000);
    patient["input_tokens"] = json!({"lognormal": {"median": 2000, "sigma": 1.5}});
    let calls = scenario["calls"].as_array_mut().expect("calls");
    calls[0]["leaves"] = json!(0.1);
    calls.extend([job_call(), patient]);
    scenario["duration_ms"] = json!(60_000);
    scenario["random_rules"] = json!(10);
    scenario["rate"][0]["per_second"] = json!(30.0);
    scenario["replicas"] = json!(3);
    scenario["providers"][0]["capacity"] = json!({
        "concurrency": 60, "queue": 20, "requests_per_minute": 1500, "tokens_per_minute": 3_000_000, "retry_after": true,
    });
    scenario["providers"][1]["capacity"]["requests_per_minute"] = json!(1200);
    scenario["providers"][1]["capacity"]["retry_after"] = json!(false);
    scenario["providers"][0]["ttft_ms"] = json!({"lognormal": {"median": 400, "sigma": 1.2}});
    scenario["providers"][0]["tokens"] = json!({"lognormal": {"median": 150, "sigma": 1.0}});
    job["seeds"] = json!(200);
    job["threads"] = json!(2);
    job["timeline"] = json!(false);
}
