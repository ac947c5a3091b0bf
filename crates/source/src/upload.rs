//! An upload: the files, the repository they go to, and what comes of it. Compiled with and without the feature `hub`.

use std::path::{Path, PathBuf};

use super::digest::sha256_file;
use super::error::SourceError;
use super::hub_repository::HubRepository;

/// A file to upload, with the facts by which the Hub knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileToUpload {
    /// Path inside the repository, parts joined by `/`.
    pub name: String,
    /// The file on this disk.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
}

impl FileToUpload {
    /// Measures the file at `path`, which gets the name `name` in the repository.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn new(name: impl Into<String>, path: &Path) -> Result<Self, SourceError> {
        let bytes = path.metadata().map_err(|e| SourceError::io(path, e))?.len();
        Ok(Self { name: name.into(), path: path.to_owned(), bytes, sha256: sha256_file(path)? })
    }
}

/// Files to write into a model repository.
pub struct Upload<'a> {
    /// The repository, which is created if there is none.
    pub repository: &'a HubRepository,
    /// Makes a new repository private, and refuses an existing public one.
    pub private: bool,
    /// The files, each under another name.
    pub files: &'a [FileToUpload],
    /// First line of the commit's message.
    pub summary: &'a str,
    /// Called with the name of a large file, the bytes of it that were sent, and its size.
    pub on_sent: &'a dyn Fn(&str, u64, u64),
}

/// A finished upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Address of the repository's page.
    pub url: String,
    /// Commit that has the files.
    pub commit: String,
}
