//! The native half of the Python package `laser`. It has jobs with plain arguments and gives texts in JSON, paths and NumPy
//! arrays; `python/laser` beside this folder turns them into objects.
//!
//! Every job runs in a thread of its own without Python's lock, while the calling thread looks for Ctrl-C and tells progress
//! ([`job`]).

#![forbid(unsafe_code)]

mod error;
mod job;
mod model;
mod options;
mod tasks;

use std::ffi::OsString;
use std::process::ExitCode;

use pyo3::prelude::*;

/// Native half of the package `laser`.
#[pymodule]
mod _laser {
    #[pymodule_export]
    use super::error::LaserError;
    #[pymodule_export]
    use super::model::NativeModel;
    #[pymodule_export]
    use super::tasks::NativeTasks;
    #[pymodule_export]
    use super::{command, report, version};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        laser::kernels::tensor_library::compute_in_calling_thread();
        Ok(())
    }
}

/// The version of the package.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Runs the `laser` command with arguments, the first of which is the name of the program; returns the exit code.
#[pyfunction]
fn command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    let code = py.detach(|| laser_cli::run(arguments));
    // An exit code does not tell its number.
    (0..=u8::MAX).find(|number| ExitCode::from(*number) == code).unwrap_or(2)
}

/// Renders `report.html` of a run's folder again.
#[pyfunction]
fn report(py: Python<'_>, folder: std::path::PathBuf) -> PyResult<()> {
    py.detach(|| laser::run::RunFolder::new(folder).write_report()).map_err(error::to_python)?;
    Ok(())
}
