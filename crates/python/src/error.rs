//! Errors of the library as Python's exceptions.

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyKeyboardInterrupt};
use pyo3::prelude::*;

create_exception!(laser, LaserError, PyException, "A model, task, edit or folder that cannot be used, and why.");

/// The exception of an error.
pub(crate) fn to_python(error: laser::Error) -> PyErr {
    match error {
        laser::Error::Interrupted => PyKeyboardInterrupt::new_err("interrupted"),
        other => LaserError::new_err(other.to_string()),
    }
}
