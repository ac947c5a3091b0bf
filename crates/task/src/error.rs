//! What can go wrong with a task, one variant for each kind of failure.

use std::path::PathBuf;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of a task: its file, its items, or a template. Every variant names the thing concerned, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model does not suit the task.
    #[error(transparent)]
    Model(#[from] laser_model::Error),
    /// A tokenizer could not be built, or a text not be encoded.
    #[error(transparent)]
    Tokenizer(#[from] laser_model::tokenizer::TokenizerError),
    /// A chat template could not be used.
    #[error(transparent)]
    Chat(#[from] crate::chat::error::ChatError),
    /// A task file or an item of it is wrong.
    #[error("{file}: {place}: {problem}")]
    Task {
        /// The task file or built-in name.
        file: String,
        /// Line, record or field.
        place: String,
        /// Expected and found.
        problem: String,
    },
    /// A setting that cannot be used as given.
    #[error("{setting}: {problem}")]
    Setting {
        /// Name of the setting.
        setting: String,
        /// Why, and what is possible.
        problem: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file's JSON or YAML cannot be read.
    #[error("{path}: {problem}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        problem: String,
    },
}

impl Error {
    /// An I/O failure at `path`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// A text at `path` that does not parse.
    pub fn parse(path: impl Into<PathBuf>, problem: impl std::fmt::Display) -> Self {
        Self::Parse { path: path.into(), problem: problem.to_string() }
    }

    /// A setting that cannot be used.
    pub fn setting(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting { setting: setting.into(), problem: problem.into() }
    }
}
