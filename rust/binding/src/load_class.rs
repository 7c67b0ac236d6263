//! A load that is running, held by Python.

use crate::ended;
use crate::errors::{plan_error, start_error};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::time::Duration;

/// A load that is running.
#[pyclass(frozen, module = "headgate._native")]
pub(crate) struct Load {
    inner: load::Running,
}

#[pymethods]
impl Load {
    /// Starts one; `spec` is a JSON object, see `load::Spec`. Raises `PlanError` for a wrong spec, `StartError` when the
    /// target cannot be reached or too few descriptors are allowed.
    #[staticmethod]
    fn start(py: Python<'_>, spec: &[u8]) -> PyResult<Self> {
        let started = py.detach(|| load::Spec::read(spec).and_then(|spec| load::start(&spec)));
        let inner = started.map_err(|error| match error {
            load::StartError::Spec(problem) => plan_error(problem),
            load::StartError::Failed { code, message } => start_error(&gateway::StartError { code, message }),
        })?;
        Ok(Self { inner })
    }

    /// How far it has come, as JSON.
    fn progress<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let progress = py.detach(|| self.inner.progress());
        PyBytes::new(py, progress.as_bytes())
    }

    /// Waits for the end for at most `timeout_ms`; says whether it has come.
    fn wait(&self, py: Python<'_>, timeout_ms: u64) -> bool {
        py.detach(|| self.inner.wait(Duration::from_millis(timeout_ms)))
    }

    /// Ends it early; what was measured is kept.
    fn stop(&self) {
        self.inner.stop();
    }

    /// What was measured, as JSON. Raises `RuntimeError` before the end.
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        ended::result(py, "load", || self.inner.result())
    }
}
