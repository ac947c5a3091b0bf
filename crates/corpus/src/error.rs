//! Errors of this crate: what was expected, what was found, and where.
//!
//! Damage inside a shard is no error but a [`Fault`](crate::Fault): the rest of the corpus is counted all the same.

use std::path::{Path, PathBuf};

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure to count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An item that cannot be counted.
    #[error("item {id}: {problem}")]
    Item {
        /// Identifier of the item.
        id: String,
        /// Expected and found.
        problem: String,
    },
    /// A setting has a value that cannot be used.
    #[error("{setting}: {problem}")]
    Setting {
        /// Name of the setting.
        setting: String,
        /// Expected and found.
        problem: String,
    },
    /// A file of a form that this crate does not read.
    #[error("{path}: {problem}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Expected and found.
        problem: String,
    },
    /// Two shards of one name: their documents would count twice.
    #[error("{name}: expected each shard once, found it twice")]
    RepeatedShard {
        /// Name of the shard.
        name: String,
    },
    /// A journal that belongs to another count, or is damaged.
    #[error("{path}: {problem}")]
    Journal {
        /// The journal.
        path: PathBuf,
        /// Expected and found.
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
    /// The caller asked to stop. Shards that were finished are in the journal, if there is one.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Names the file of an error of the operating system.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// A journal that cannot be used.
    pub(crate) fn journal(path: &Path, problem: impl Into<String>) -> Self {
        Self::Journal { path: path.to_owned(), problem: problem.into() }
    }

    /// A setting that cannot be used.
    pub(crate) fn setting(setting: &str, problem: impl Into<String>) -> Self {
        Self::Setting { setting: setting.to_owned(), problem: problem.into() }
    }
}
