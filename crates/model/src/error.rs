//! Errors of this crate, and their kinds.

use std::path::PathBuf;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of a model: of its files, its configuration or a forward pass. Every variant names the subject, what was
/// expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A matrix that the model does not have.
    #[error("edit `{matrix}`: {problem}")]
    NoMatrix {
        /// The requested matrix, in the short form `L3.down_proj`.
        matrix: String,
        /// Why there is no such matrix, with the matrices that exist.
        problem: String,
    },
    /// A model file could not be read or written.
    #[error(transparent)]
    Checkpoint(#[from] laser_checkpoint::CheckpointError),
    /// A matrix could not be decomposed or truncated.
    #[error("{matrix}: {source}")]
    Linalg {
        /// The matrix, in the short form `L3.down_proj`.
        matrix: String,
        /// The failure.
        source: laser_linalg::LinalgError,
    },
    /// A tokenizer could not be built, or a text could not be encoded.
    #[error(transparent)]
    Tokenizer(#[from] crate::tokenizer::TokenizerError),
    /// A key of a model's configuration is missing, or has a value that is not implemented.
    #[error("{file}: `{key}`: expected {expected}, found {found}")]
    Config {
        /// The file with the key.
        file: String,
        /// The key.
        key: String,
        /// Supported values.
        expected: String,
        /// Value in the file.
        found: String,
    },
    /// A tensor that the configuration requires is missing, or a tensor that it does not mention is present.
    #[error("{file}: {problem} tensor `{tensor}` ({hint})")]
    TensorSet {
        /// The checkpoint.
        file: String,
        /// `missing` or `surplus`.
        problem: &'static str,
        /// Name in the checkpoint.
        tensor: String,
        /// The model that was expected.
        hint: String,
    },
    /// A tensor has another shape than the configuration requires.
    #[error("{file}: tensor `{tensor}`: expected shape {expected:?}, found {found:?}")]
    TensorShape {
        /// The checkpoint.
        file: String,
        /// Name in the checkpoint.
        tensor: String,
        /// Shape that the configuration requires.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// An adapter that is no LoRA, is damaged, or does not fit the model.
    #[error("{path}: {problem}")]
    Adapter {
        /// The folder of the adapter, or the file in it.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A computation gave NaN or infinity.
    #[error("{what}: not finite at {place}")]
    NotFinite {
        /// The values that were computed.
        what: String,
        /// Row, step or item with the value.
        place: String,
    },
    /// A setting that cannot be used as given.
    #[error("{setting}: {problem}")]
    Setting {
        /// Name of the setting.
        setting: String,
        /// Why it cannot be used, with the possible values.
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
    /// A file is not valid JSON or YAML.
    #[error("{path}: {problem}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Position and cause.
        problem: String,
    },
    /// The tensor library failed, for example for lack of memory.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The caller stopped the computation.
    #[error("interrupted")]
    Interrupted,
}

/// Kind of an [`Error`], for callers that handle some failures and not others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file cannot be read, or its format is damaged.
    File,
    /// The files are readable, but they are not a model that Laser supports: unknown family, value or set of tensors.
    UnsupportedModel,
    /// The tokenizer cannot be built, or a text cannot be encoded.
    Tokenizer,
    /// The model has no such matrix.
    NoMatrix,
    /// A setting or an argument cannot be used as given.
    Setting,
    /// A computation failed or gave values that are not finite.
    Computation,
    /// The caller stopped the computation.
    Interrupted,
}

impl Error {
    /// Kind of the failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Checkpoint(_) | Self::Io { .. } | Self::Parse { .. } => ErrorKind::File,
            Self::Config { .. } | Self::TensorSet { .. } | Self::TensorShape { .. } | Self::Adapter { .. } => {
                ErrorKind::UnsupportedModel
            }
            Self::Tokenizer(_) => ErrorKind::Tokenizer,
            Self::NoMatrix { .. } => ErrorKind::NoMatrix,
            Self::Setting { .. } => ErrorKind::Setting,
            Self::Linalg { .. } | Self::NotFinite { .. } | Self::Tensor(_) => ErrorKind::Computation,
            Self::Interrupted => ErrorKind::Interrupted,
        }
    }

    /// An I/O failure at `path`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// The error that the text of the file `path` is not valid.
    pub fn parse(path: impl Into<PathBuf>, problem: impl std::fmt::Display) -> Self {
        Self::Parse { path: path.into(), problem: problem.to_string() }
    }

    /// The error that a setting cannot be used as given.
    pub fn setting(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting { setting: setting.into(), problem: problem.into() }
    }
}
