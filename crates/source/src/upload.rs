//! Files of this disk → one commit of a model repository of the Hub. Compiled with and without the feature `hub`.

use std::path::{Path, PathBuf};

use super::digest::sha256_file;
use super::error::SourceError;
use super::hub_repository::HubRepository;
use super::options::SourceOptions;

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

/// Uploads files: creates the repository if there is none, sends the large files, and then commits everything with one
/// request. So a failure before that request changes no file of the repository.
///
/// # Errors
/// [`SourceError::NoToken`] without a token, [`SourceError::Offline`] with `offline`; a server that refuses, fails or cannot
/// be reached, or a file that cannot be read. Without the feature `hub`, [`SourceError::NotBuilt`].
pub fn upload(job: &Upload<'_>, options: &SourceOptions<'_>) -> Result<Uploaded, SourceError> {
    to_hub(job, options)
}

#[cfg(feature = "hub")]
fn to_hub(job: &Upload<'_>, options: &SourceOptions<'_>) -> Result<Uploaded, SourceError> {
    super::hub::upload(job, options)
}

#[cfg(not(feature = "hub"))]
fn to_hub(job: &Upload<'_>, _options: &SourceOptions<'_>) -> Result<Uploaded, SourceError> {
    Err(SourceError::NotBuilt { origin: format!("hf:{}", job.repository), feature: "hub" })
}
