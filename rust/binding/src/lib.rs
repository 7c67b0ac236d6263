//! `headgate._native`: the data plane for Python.
//!
//! A handful of calls, JSON bytes in and out; no rule lives here. Whatever may block runs with the interpreter
//! released ([`pyo3::Python::detach`]), and the data plane's threads never ask for it: calls go on while Python is
//! stuck.

mod ended;
mod errors;
mod gateway_class;
mod journal_class;
mod load_class;
mod simulation_class;
mod simulator_class;

use crate::errors::{PlanError, ReloadError, StartError, plan_error};
use plan::{Plan, SecretRef};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The data plane of headgate.
#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(version, module)?)?;
    module.add_function(wrap_pyfunction!(read_plan, module)?)?;
    module.add_function(wrap_pyfunction!(explain, module)?)?;
    module.add_function(wrap_pyfunction!(resolve, module)?)?;
    module.add_function(wrap_pyfunction!(key_digest, module)?)?;
    module.add_class::<gateway_class::Gateway>()?;
    module.add_class::<journal_class::Journal>()?;
    module.add_class::<simulator_class::Simulator>()?;
    module.add_class::<load_class::Load>()?;
    module.add_class::<simulation_class::Simulation>()?;
    module.add("PlanError", module.py().get_type::<PlanError>())?;
    module.add("StartError", module.py().get_type::<StartError>())?;
    module.add("ReloadError", module.py().get_type::<ReloadError>())
}

/// The version of the data plane.
#[pyfunction]
fn version() -> &'static str {
    gateway::VERSION
}

/// Reads a plan and forgets it; raises `PlanError` when the data plane would refuse it.
#[pyfunction]
fn read_plan(plan: &[u8]) -> PyResult<()> {
    Plan::read(plan).map(drop).map_err(plan_error)
}

/// Where a call would go, and why. Takes and returns JSON; raises `PlanError` when plan or query are at fault.
#[pyfunction]
fn explain<'py>(py: Python<'py>, plan: &[u8], query: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let plan = Plan::read(plan).map_err(plan_error)?;
    let query = serde_json::from_slice(query).map_err(plan_error)?;
    let answer = py.detach(|| gateway::explain(&plan, &query)).map_err(plan_error)?;
    Ok(PyBytes::new(py, answer.to_string().as_bytes()))
}

/// Tries every secret of a plan. Returns a JSON list of `{"place", "problem", "weak"}`; no value is shown.
#[pyfunction]
fn resolve<'py>(py: Python<'py>, plan: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let plan = Plan::read(plan).map_err(plan_error)?;
    let findings = py.detach(|| gateway::findings(&plan));
    Ok(PyBytes::new(py, &serde_json::to_vec(&findings).map_err(plan_error)?))
}

/// The digest under which a virtual key is kept in a store, as hex digits. `pepper` is a reference to a secret as in a
/// plan, JSON; `sha256`: `shown` is not the key but its SHA-256, as hex digits. Raises `PlanError`, with a reason that
/// shows neither.
#[pyfunction]
fn key_digest(py: Python<'_>, pepper: &[u8], shown: &str, sha256: bool) -> PyResult<String> {
    let pepper: SecretRef = serde_json::from_slice(pepper).map_err(plan_error)?;
    py.detach(|| gateway::key_digest(&pepper, shown, sha256)).map_err(plan_error)
}
