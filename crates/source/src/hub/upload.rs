//! Upload of files into a model repository: creates it, asks which files are large, sends these, and commits all of them.
//!
//! The Hub keeps large files apart from the others, as Git LFS does. They are sent first (`large_files`), which changes no
//! branch; the commit, one request, then names them and holds the small files.

mod commit;
mod large_files;
mod writer;

use serde_json::json;

use super::client::{Client, escape};
use super::repo_kind::RepoKind;
use crate::error::{ErrorKind, SourceError};
use crate::options::SourceOptions;
use crate::upload::{Upload, Uploaded};
use writer::Writer;

/// Kind of a request's contents.
const JSON: &str = "application/json";

/// Uploads the files of `job`.
pub(crate) fn upload(job: &Upload<'_>, options: &SourceOptions<'_>) -> Result<Uploaded, SourceError> {
    let repo = job.repository.to_string();
    if options.offline {
        return Err(SourceError::Offline { repo });
    }
    if options.hub_token.is_none() {
        return Err(SourceError::NoToken { repo });
    }
    let client = Client::new(options, RepoKind::Model)?;
    let writer = Writer { client: &client, repo: &repo };
    create(&writer, job)?;
    let is_large = commit::are_large(&writer, job.files)?;
    let large: Vec<_> = job.files.iter().zip(&is_large).filter(|(_, large)| **large).map(|(file, _)| file).collect();
    large_files::send(&writer, &large, job.on_sent)?;
    let commit = commit::commit(&writer, job, &is_large)?;
    Ok(Uploaded { url: format!("{}/{}", client.endpoint, escape(&repo)), commit })
}

/// Creates the repository, unless it is there.
fn create(writer: &Writer<'_>, job: &Upload<'_>) -> Result<(), SourceError> {
    let url = format!("{}/api/repos/create", writer.client.endpoint);
    let (owner, name) = (&job.repository.owner, &job.repository.name);
    let body = json!({"type": "model", "organization": owner, "name": name, "private": job.private});
    match writer.post(&url, JSON, body.to_string().as_bytes()) {
        Ok(_) => return Ok(()),
        // It is there.
        Err(SourceError::Http { status: 409, .. }) => {}
        // A token for single repositories may create none, and yet write to this one.
        Err(error) if error.kind() == ErrorKind::AccessDenied && is_private(writer).is_ok() => {}
        Err(error) => return Err(error),
    }
    if job.private && !is_private(writer)? {
        return Err(SourceError::PublicRepository { repo: writer.repo.to_owned() });
    }
    Ok(())
}

/// True if the existing repository is private.
fn is_private(writer: &Writer<'_>) -> Result<bool, SourceError> {
    let url = writer.api("");
    let answer = writer.get(&url)?;
    answer["private"].as_bool().ok_or_else(|| SourceError::Protocol { url, reason: "no \"private\"".to_owned() })
}
