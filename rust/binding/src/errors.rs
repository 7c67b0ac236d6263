//! Failures of the data plane as Python exceptions.

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(_native, PlanError, PyException, "A plan that the data plane refuses.");
create_exception!(_native, StartError, PyException, "A start that failed: `(exit code, message)`.");
create_exception!(_native, ReloadError, PyException, "A reload that was refused; what was in force still is.");

/// Something was wrong with a plan, or with a question about one.
pub(crate) fn plan_error(error: impl std::fmt::Display) -> PyErr {
    PlanError::new_err(error.to_string())
}

/// A start that failed.
pub(crate) fn start_error(error: &gateway::StartError) -> PyErr {
    StartError::new_err((error.code, error.message.clone()))
}

/// A reload that was refused.
pub(crate) fn reload_error(error: &gateway::StartError) -> PyErr {
    ReloadError::new_err(error.message.clone())
}
