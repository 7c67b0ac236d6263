//! A running data plane, held by Python.

use crate::errors::{plan_error, reload_error, start_error};
use gateway::Event;
use plan::Plan;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::time::Duration;

/// A running data plane.
#[pyclass(frozen, module = "headgate._native")]
pub(crate) struct Gateway {
    inner: gateway::Gateway,
}

#[pymethods]
impl Gateway {
    /// Starts to serve a plan; raises `PlanError` or `StartError`.
    #[staticmethod]
    fn start(py: Python<'_>, plan: &[u8]) -> PyResult<Self> {
        let plan = Plan::read(plan).map_err(plan_error)?;
        let inner = py.detach(|| gateway::Gateway::start(plan)).map_err(|error| start_error(&error))?;
        Ok(Self { inner })
    }

    /// Puts a new plan in force; raises `PlanError` or `ReloadError`, and then nothing has changed.
    fn reload(&self, py: Python<'_>, plan: &[u8]) -> PyResult<()> {
        let plan = Plan::read(plan).map_err(plan_error)?;
        py.detach(|| self.inner.reload(plan)).map_err(|error| reload_error(&error))
    }

    /// Counts and logs a policy that could not be compiled.
    fn report_bad_policy(&self, py: Python<'_>, reason: &str) {
        py.detach(|| self.inner.report_bad_policy(reason));
    }

    /// Writes an event into the log: its level (`debug`, `info`, `warn`, `error`), its name, and its fields as JSON.
    fn log(&self, py: Python<'_>, level: &str, event: &str, fields: &[u8]) -> PyResult<()> {
        let level = serde_json::from_value(level.into()).map_err(plan_error)?;
        let fields = serde_json::from_slice(fields).map_err(plan_error)?;
        py.detach(|| self.inner.log(level, event, fields));
        Ok(())
    }

    /// Waits for what happens next: `reload`, `stopped`, or `idle` after `timeout_ms`.
    fn next_event(&self, py: Python<'_>, timeout_ms: u64) -> &'static str {
        match py.detach(|| self.inner.next_event(Duration::from_millis(timeout_ms))) {
            None => "idle",
            Some(Event::Reload) => "reload",
            Some(Event::Stopped) => "stopped",
        }
    }

    /// Starts the drain that the plan describes; `stopped` follows.
    fn drain(&self) {
        self.inner.drain();
    }

    /// Ends everything now; `stopped` follows.
    fn stop(&self) {
        self.inner.stop();
    }

    /// The state, as JSON.
    fn stats<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let stats = py.detach(|| self.inner.stats());
        PyBytes::new(py, stats.as_bytes())
    }

    /// Where calls go: `host:port`, or `unix:/path`.
    #[getter]
    fn data_address(&self) -> &str {
        &self.inner.data_address
    }

    /// Where probes go.
    #[getter]
    fn ops_address(&self) -> &str {
        &self.inner.ops_address
    }
}
