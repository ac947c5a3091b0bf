//! Errors of the lab: one variant for each kind of failure.

use std::path::PathBuf;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the lab. Every variant names the thing concerned, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A failure of the library below.
    #[error(transparent)]
    Laser(#[from] laser::Error),
    /// A setting that cannot be used as given.
    #[error("{setting}: {problem}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// Expected and found.
        problem: String,
    },
    /// A file whose content cannot be used.
    #[error("{path}: {problem}")]
    File {
        /// The file, with its line where it has lines.
        path: String,
        /// Expected and found.
        problem: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// Training ended because a number was not finite.
    #[error(
        "step {step}: the {what} is not finite; the last good state, of step {kept}, is kept \
         (a smaller learning rate or stronger clipping often helps)"
    )]
    Diverged {
        /// Step that failed, counted from 1.
        step: usize,
        /// The loss or the gradient.
        what: &'static str,
        /// Step of the state on disk, 0 if there is none.
        kept: usize,
    },
}

impl Error {
    /// Makes the error of a failed access to `path`.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// The error that a setting cannot be used as given.
    pub(crate) fn setting(setting: &'static str, problem: impl Into<String>) -> Self {
        Self::Setting { setting, problem: problem.into() }
    }
}

impl From<laser::model::Error> for Error {
    fn from(error: laser::model::Error) -> Self {
        Self::Laser(error.into())
    }
}

impl From<laser::checkpoint::CheckpointError> for Error {
    fn from(error: laser::checkpoint::CheckpointError) -> Self {
        Self::Laser(error.into())
    }
}

impl From<laser::source::SourceError> for Error {
    fn from(error: laser::source::SourceError) -> Self {
        Self::Laser(error.into())
    }
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Laser(error.into())
    }
}

impl From<laser::model::tokenizer::TokenizerError> for Error {
    fn from(error: laser::model::tokenizer::TokenizerError) -> Self {
        Self::Laser(error.into())
    }
}
