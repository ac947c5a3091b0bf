//! Errors of this crate, one variant for each kind of failure.

use std::path::PathBuf;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure to read or build a task. Every variant names the file, item or setting, and what was expected and found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model does not suit the task.
    #[error(transparent)]
    Model(#[from] laser_model::Error),
    /// A tokenizer could not be built, or could not encode a text.
    #[error(transparent)]
    Tokenizer(#[from] laser_model::tokenizer::TokenizerError),
    /// A chat template could not be used.
    #[error(transparent)]
    Chat(#[from] crate::chat::error::ChatError),
    /// A data file, a task file or one of its items is malformed.
    #[error("{file}: {place}: {problem}")]
    Task {
        /// The file, or the name of a built-in task.
        file: String,
        /// Line, record or field.
        place: String,
        /// Expected and found.
        problem: String,
    },
    /// An item is longer than a model can read.
    #[error("{file}: {place}: expected at most {limit} tokens, the model's context, found {tokens}")]
    TooLong {
        /// The file, or the name of a built-in task.
        file: String,
        /// The item, and the line or record that it was made from.
        place: String,
        /// Largest number of tokens.
        limit: usize,
        /// Number of tokens, the generated ones included.
        tokens: usize,
    },
    /// A setting has a value that cannot be used.
    #[error("{setting}: {problem}")]
    Setting {
        /// Name of the setting, such as `num-fewshot`.
        setting: String,
        /// Reason, and the possible values.
        problem: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A file is not valid JSON or YAML, or does not have the expected structure.
    #[error("{path}: {problem}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Position in the file, and the reason.
        problem: String,
    },
}

/// Kind of an [`Error`], for callers that react differently to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller has to change a setting.
    Setting,
    /// A data file or task file is malformed.
    Data,
    /// The model's chat template is missing, malformed, or fails to render a prompt.
    ChatTemplate,
    /// The model or its tokenizer does not suit the task.
    Model,
    /// A file could not be read or written.
    Io,
}

impl Error {
    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Model(_) | Self::Tokenizer(_) => ErrorKind::Model,
            Self::Chat(_) => ErrorKind::ChatTemplate,
            Self::Task { .. } | Self::TooLong { .. } | Self::Parse { .. } => ErrorKind::Data,
            Self::Setting { .. } => ErrorKind::Setting,
            Self::Io { .. } => ErrorKind::Io,
        }
    }

    /// Makes an I/O error at `path`, for use with `map_err`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// A file at `path` that does not parse.
    pub fn parse(path: impl Into<PathBuf>, problem: impl std::fmt::Display) -> Self {
        Self::Parse { path: path.into(), problem: problem.to_string() }
    }

    /// A setting whose value cannot be used.
    pub fn setting(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting { setting: setting.into(), problem: problem.into() }
    }
}
