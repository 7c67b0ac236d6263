//! Specs for tests.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use crate::Spec;
use serde_json::{Value, json};

/// A small closed load with some fields replaced.
pub(crate) fn spec(changes: &Value) -> Spec {
    let mut spec = json!({
        "url": "http://127.0.0.1:1/v1", "headers": [],
        "calls": {"kind": "same", "call": {"path": "/chat/completions", "body": "{}", "headers": [], "at_ms": null}},
        "arrivals": {"kind": "closed", "connections": 1}, "duration_ms": 100, "warmup_ms": 0, "max_connections": 8,
        "timeout_ms": 1000, "threads": 1, "seed": 1, "ca_file": null, "verify": true, "series_ms": 100,
        "expect": {"status": null, "body": null, "text": null, "frames": null, "total_tokens": null},
    });
    for (name, value) in changes.as_object().unwrap() {
        spec[name] = value.clone();
    }
    Spec::read(spec.to_string().as_bytes()).unwrap()
}
