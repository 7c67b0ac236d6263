//! A simulation that is running, held by Python.

use crate::ended;
use crate::errors::plan_error;
use plan::Plan;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::time::Duration;

/// A simulation that is running.
#[pyclass(frozen, module = "headgate._native")]
pub(crate) struct Simulation {
    inner: simulate::Running,
}

#[pymethods]
impl Simulation {
    /// Starts one over these plans; `job` is a JSON object, see `simulate::Job`. Raises `PlanError` for a plan that is
    /// refused, and for a job that does not fit to it.
    #[staticmethod]
    #[expect(clippy::needless_pass_by_value, reason = "what Python hands over is owned")]
    fn start(py: Python<'_>, plans: Vec<Vec<u8>>, job: &[u8]) -> PyResult<Self> {
        let plans = plans.iter().map(|plan| Plan::read(plan)).collect::<Result<Vec<_>, _>>().map_err(plan_error)?;
        let inner = py.detach(|| simulate::Job::read(job).and_then(|job| simulate::start(plans, job)));
        Ok(Self { inner: inner.map_err(plan_error)? })
    }

    /// How many worlds are done, and of how many.
    fn progress(&self) -> (u64, u64) {
        self.inner.progress()
    }

    /// Waits for the end for at most `timeout_ms`; says whether it has come.
    fn wait(&self, py: Python<'_>, timeout_ms: u64) -> bool {
        py.detach(|| self.inner.wait(Duration::from_millis(timeout_ms)))
    }

    /// Ends it early; worlds that are done are kept.
    fn stop(&self) {
        self.inner.stop();
    }

    /// What came of it, as JSON. Raises `RuntimeError` before the end.
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        ended::result(py, "simulation", || self.inner.result())
    }
}
