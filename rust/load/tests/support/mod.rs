//! Specs, and running them to their end.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "not every test uses everything; tests fail by panicking"
)]

pub(crate) mod server;

use serde_json::{Value, json};
use std::time::Duration;

/// How long a load may take beyond what its spec says, before a test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// A spec with some fields replaced.
pub(crate) fn spec(url: &str, changes: &Value) -> load::Spec {
    let mut spec = json!({
        "url": url, "headers": [["authorization", "Bearer x"]], "calls": chat(false),
        "arrivals": {"kind": "closed", "connections": 2}, "duration_ms": 300, "warmup_ms": 0, "max_connections": 16,
        "timeout_ms": 10_000, "threads": 1, "seed": 1, "ca_file": null, "verify": true, "series_ms": 100,
        "expect": expect(&json!({})),
    });
    merge(&mut spec, changes);
    load::Spec::read(spec.to_string().as_bytes()).unwrap()
}

/// An expectation with some fields replaced.
pub(crate) fn expect(changes: &Value) -> Value {
    let mut expect = json!({"status": null, "body": null, "text": null, "frames": null, "total_tokens": null});
    merge(&mut expect, changes);
    expect
}

fn merge(whole: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        whole[name] = value.clone();
    }
}

/// One chat call, streamed or not.
pub(crate) fn chat(stream: bool) -> Value {
    let mut body = json!({"model": "chat", "messages": [{"role": "user", "content": "hi"}], "stream": stream});
    if stream {
        body["stream_options"] = json!({"include_usage": true});
    }
    json!({"kind": "same", "call": call("/chat/completions", &body.to_string())})
}

/// One call.
pub(crate) fn call(path: &str, body: &str) -> Value {
    json!({"path": path, "body": body, "headers": [], "at_ms": null})
}

/// Runs a load to its end.
pub(crate) fn run(url: &str, changes: &Value) -> Value {
    let running = load::start(&spec(url, changes)).unwrap();
    assert!(running.wait(PATIENCE), "the load did not end: {}", running.progress());
    let progress: Value = serde_json::from_str(&running.progress()).unwrap();
    assert_eq!(progress["phase"], "done");
    serde_json::from_str(&running.result().unwrap()).unwrap()
}

/// The classes of failure that occurred, with their counts.
pub(crate) fn failures(result: &Value) -> Vec<(String, u64)> {
    let counts = result["failures"].as_object().unwrap().iter();
    counts.map(|(name, count)| (name.clone(), count.as_u64().unwrap())).filter(|(_, count)| *count > 0).collect()
}

/// A number of a result; `path` is a JSON pointer without its first slash.
pub(crate) fn number(result: &Value, path: &str) -> f64 {
    let value = result.pointer(&format!("/{path}")).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("{path} is no number in {result}"))
}
