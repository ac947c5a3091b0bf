//! Dispatch of an upload: files of this disk → one commit of a model repository of the Hub, or the error of a build that
//! lacks the feature `hub`.

use super::error::SourceError;
use super::options::SourceOptions;
use super::upload::{Upload, Uploaded};

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
