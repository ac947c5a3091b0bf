//! What can go wrong with a model, one variant for each kind of failure.

use std::path::PathBuf;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of a model: its files, its configuration, or a pass through it. Every variant names the thing concerned, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A matrix that the model does not have.
    #[error("edit `{matrix}`: {problem}")]
    NoMatrix {
        /// What was asked for, in the short form `L3.down_proj`.
        matrix: String,
        /// Why it is not there, with what exists.
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
        /// What failed.
        source: laser_linalg::LinalgError,
    },
    /// A tokenizer could not be built, or a text not be encoded.
    #[error(transparent)]
    Tokenizer(#[from] crate::tokenizer::TokenizerError),
    /// A key of a model's configuration is missing, or asks for something not implemented.
    #[error("{file}: `{key}`: expected {expected}, found {found}")]
    Config {
        /// File the key stands in.
        file: String,
        /// The key.
        key: String,
        /// What is supported.
        expected: String,
        /// What the file says.
        found: String,
    },
    /// A tensor the architecture needs is not in the checkpoint, or one is there that it does not know.
    #[error("{file}: {problem} tensor `{tensor}` ({hint})")]
    TensorSet {
        /// The checkpoint.
        file: String,
        /// `missing` or `surplus`.
        problem: &'static str,
        /// Name in the checkpoint.
        tensor: String,
        /// Which architecture was expected.
        hint: String,
    },
    /// A tensor has another shape than the configuration says.
    #[error("{file}: tensor `{tensor}`: expected shape {expected:?}, found {found:?}")]
    TensorShape {
        /// The checkpoint.
        file: String,
        /// Name in the checkpoint.
        tensor: String,
        /// Shape by the configuration, `[out, in]`.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// NaN or infinity where numbers are needed.
    #[error("{what}: not finite at {place}")]
    NotFinite {
        /// Which computation.
        what: String,
        /// Coordinates.
        place: String,
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
    /// The tensor library failed.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
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
