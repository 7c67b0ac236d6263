//! What something that runs comes to, handed to Python when it is over.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The result as JSON; `None`, which is before the end, raises `RuntimeError` that says what is not over.
pub(crate) fn result<'py>(
    py: Python<'py>,
    what: &str,
    result: impl FnOnce() -> Option<String> + Send,
) -> PyResult<Bound<'py, PyBytes>> {
    let result = py.detach(result);
    let result = result.ok_or_else(|| PyRuntimeError::new_err(format!("the {what} is not over: wait for it first")))?;
    Ok(PyBytes::new(py, result.as_bytes()))
}
