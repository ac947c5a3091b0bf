//! Errors of the library: one variant for each kind of failure, and [`ErrorKind`] for callers that decide by it.

mod unwritable;

use std::path::PathBuf;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the library. Every variant names the thing concerned, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model could not be loaded or run.
    #[error(transparent)]
    Model(Box<laser_model::Error>),
    /// A task could not be read.
    #[error(transparent)]
    Task(Box<laser_task::Error>),
    /// Sokoban levels could not be made or read.
    #[error(transparent)]
    Sokoban(Box<laser_sokoban::Error>),
    /// A model file could not be read or written.
    #[error(transparent)]
    Checkpoint(#[from] laser_checkpoint::CheckpointError),
    /// A matrix could not be decomposed or truncated.
    #[error("{matrix}: {source}")]
    Linalg {
        /// The matrix, in the short form `L3.down_proj`.
        matrix: String,
        /// Cause.
        source: laser_linalg::LinalgError,
    },
    /// A tokenizer could not be built, or a text not be encoded.
    #[error(transparent)]
    Tokenizer(#[from] laser_model::tokenizer::TokenizerError),
    /// The model named by the user could not be found or fetched.
    #[error(transparent)]
    Source(#[from] laser_source::SourceError),
    /// The data of a built-in task could not be fetched.
    #[error(
        "the data of {task} cannot be fetched: {source} (the setting `data` can name a file or folder of your own)"
    )]
    TaskData {
        /// Name of the task.
        task: String,
        /// Why not.
        source: Box<laser_source::SourceError>,
    },
    /// A key of a model's configuration is missing, or asks for something not implemented.
    #[error("{file}: `{key}`: expected {expected}, found {found}")]
    Config {
        /// File the key stands in.
        file: String,
        /// The key.
        key: String,
        /// Supported values.
        expected: String,
        /// Value in the file.
        found: String,
    },
    /// NaN or infinity where numbers are needed.
    #[error("{what}: not finite at {place}")]
    NotFinite {
        /// Name of the computation.
        what: String,
        /// Coordinates.
        place: String,
    },
    /// An edit, selector or recipe that cannot be understood or matches nothing.
    #[error("edit `{edit}`: {problem}")]
    Edit {
        /// The edit as given.
        edit: String,
        /// Reason, and the values that exist.
        problem: String,
    },
    /// A reduction needs the inputs of its matrix on items of a task, and there are none.
    #[error(
        "edit `{edit}`: needs the inputs of its matrix on items of a task, which neither an edit nor a recipe contains: \
         a search measures them on its search split; write the edited model from that search"
    )]
    Uncalibrated {
        /// The reduction of one matrix, `L5.gate_proj@whitened(0.1)`.
        edit: String,
    },
    /// A setting that cannot be used as given.
    #[error("{setting}: {problem}")]
    Setting {
        /// Name of the setting.
        setting: String,
        /// Reason, and the possible values.
        problem: String,
    },
    /// A run folder does not fit what is asked of it.
    #[error("{path}: {problem}")]
    Run {
        /// The run folder or a file in it.
        path: PathBuf,
        /// Expected and found.
        problem: String,
    },
    /// A run folder holds the same run already, and it was not to be resumed.
    #[error("{path}: the folder already holds this run: resume it, or use another")]
    RunExists {
        /// The trial store in it.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The trial store failed.
    #[error("{path}: trial store: {source}")]
    Store {
        /// The SQLite file.
        path: PathBuf,
        /// Cause.
        source: rusqlite::Error,
    },
    /// The tensor library failed.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
    /// A file's JSON or YAML cannot be read.
    #[error("{path}: {problem}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        problem: String,
    },
    /// The report could not be rendered.
    #[error("report: {0}")]
    Report(String),
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Kind of an [`Error`], for callers that decide by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A model, its files or its tokenizer cannot be used.
    Model,
    /// A task or its data cannot be used.
    Task,
    /// A model or data set cannot be found or fetched.
    Source,
    /// An edit or recipe cannot be applied.
    Edit,
    /// A setting cannot be used as given.
    Setting,
    /// A run folder or its store does not fit the request.
    Run,
    /// A file cannot be read or written.
    Io,
    /// The arithmetic failed: values that are not finite, a decomposition that does not converge, a device.
    Numeric,
    /// The caller asked to stop.
    Interrupted,
}

impl From<laser_model::Error> for Error {
    fn from(error: laser_model::Error) -> Self {
        match error {
            laser_model::Error::Interrupted => Self::Interrupted,
            other => Self::Model(Box::new(other)),
        }
    }
}

impl From<laser_task::Error> for Error {
    fn from(error: laser_task::Error) -> Self {
        Self::Task(Box::new(error))
    }
}

impl From<laser_sokoban::Error> for Error {
    fn from(error: laser_sokoban::Error) -> Self {
        match error {
            laser_sokoban::Error::Interrupted => Self::Interrupted,
            other => Self::Sokoban(Box::new(other)),
        }
    }
}

impl Error {
    /// Kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Interrupted => ErrorKind::Interrupted,
            Self::Io { .. } => ErrorKind::Io,
            _ if self.as_setting().is_some() => ErrorKind::Setting,
            Self::Model(_) | Self::Checkpoint(_) | Self::Tokenizer(_) | Self::Config { .. } => ErrorKind::Model,
            Self::Task(_) | Self::Sokoban(_) => ErrorKind::Task,
            Self::Source(_) | Self::TaskData { .. } => ErrorKind::Source,
            Self::Edit { .. } | Self::Uncalibrated { .. } => ErrorKind::Edit,
            Self::Setting { .. } => ErrorKind::Setting,
            Self::Run { .. } | Self::RunExists { .. } | Self::Store { .. } | Self::Parse { .. } | Self::Report(_) => {
                ErrorKind::Run
            }
            Self::Linalg { .. } | Self::NotFinite { .. } | Self::Tensor(_) => ErrorKind::Numeric,
        }
    }

    /// The name of the setting and its problem, where the error is about a setting of any crate.
    pub fn as_setting(&self) -> Option<(&str, &str)> {
        match self {
            Self::Setting { setting, problem } => Some((setting, problem)),
            Self::Model(error) => setting_of_model(error),
            Self::Sokoban(error) => match error.as_ref() {
                laser_sokoban::Error::Setting { setting, problem } => Some((setting, problem)),
                _ => None,
            },
            Self::Task(error) => match error.as_ref() {
                laser_task::Error::Setting { setting, problem } => Some((setting, problem)),
                laser_task::Error::Model(error) => setting_of_model(error),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns true if an item of a task is longer than the model's context.
    pub(crate) fn is_too_long(&self) -> bool {
        matches!(self, Self::Task(error) if matches!(error.as_ref(), laser_task::Error::TooLong { .. }))
    }

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

fn setting_of_model(error: &laser_model::Error) -> Option<(&str, &str)> {
    match error {
        laser_model::Error::Setting { setting, problem } => Some((setting, problem)),
        _ => None,
    }
}
