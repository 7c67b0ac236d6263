//! A running simulated provider, held by Python.

use crate::errors::{plan_error, start_error};
use pyo3::prelude::*;

/// A running simulated provider.
#[pyclass(frozen, module = "headgate._native")]
pub(crate) struct Simulator {
    inner: sim::Running,
}

#[pymethods]
impl Simulator {
    /// Starts one; `options` is a JSON object, see `sim::Options`. Raises `PlanError` for wrong options, `StartError`
    /// when the address is taken.
    #[staticmethod]
    fn start(py: Python<'_>, options: &[u8]) -> PyResult<Self> {
        let options: sim::Options = serde_json::from_slice(options).map_err(plan_error)?;
        let address = options.address.clone();
        let inner = py.detach(|| sim::start(options)).map_err(|error| {
            let code = if error.kind() == std::io::ErrorKind::AddrInUse { 69 } else { 1 };
            start_error(&gateway::StartError { code, message: format!("simulated provider: {address}: {error}") })
        })?;
        Ok(Self { inner })
    }

    /// Where it listens, as `host:port`.
    #[getter]
    fn address(&self) -> String {
        self.inner.address().to_string()
    }

    /// Stops it; open answers are cut.
    fn stop(&self) {
        self.inner.stop();
    }

    /// Waits until it has stopped.
    fn wait(&self, py: Python<'_>) {
        py.detach(|| self.inner.wait());
    }
}
