//! `hf:ORG/NAME[@REV]` as a data set: takes the parsed name and a choice of files, gives the folder of the files in the
//! Hub's cache.

use std::path::Path;

use super::DEFAULT_REVISION;
use super::cache::RepoCache;
use super::client::Client;
use super::repo_kind::RepoKind;
use crate::error::SourceError;
use crate::hub_name::HubDataset;
use crate::options::{ChooseFiles, DownloadProgress, SourceOptions};
use crate::resolved::ResolvedSource;

/// Largest number of file names that an error lists.
const LISTED: usize = 20;

/// Downloads the chosen files that the cache lacks; offline, checks that the cache has all of them.
pub(crate) fn resolve_dataset(
    data: &HubDataset,
    choose: &ChooseFiles<'_>,
    options: &SourceOptions<'_>,
) -> Result<ResolvedSource, SourceError> {
    let cache = RepoCache::new(&options.hub_cache, RepoKind::Dataset, &data.repo);
    let commit =
        if options.offline { find_cached(data, choose, &cache)? } else { fetch(data, choose, &cache, options)? };
    let pinned = HubDataset { revision: Some(commit.clone()), ..data.clone() };
    let path = cache.snapshot(&commit);
    Ok(ResolvedSource { path, origin: pinned.to_string(), revision: Some(commit), sha256: None })
}

/// Revision of a name, the default branch if it has none.
fn revision(data: &HubDataset) -> &str {
    data.revision.as_deref().unwrap_or(DEFAULT_REVISION)
}

/// Downloads the chosen files; gives the commit.
fn fetch(
    data: &HubDataset,
    choose: &ChooseFiles<'_>,
    cache: &RepoCache,
    options: &SourceOptions<'_>,
) -> Result<String, SourceError> {
    let client = Client::new(&options.hub_endpoint, options.hub_token.clone(), RepoKind::Dataset);
    let info = client.info(&data.repo, revision(data))?;
    let files = choose(&info.files).map_err(|missing| SourceError::NoData {
        repo: data.repo.clone(),
        wanted: missing,
        found: listed(&info.files),
    })?;
    let mut blobs = Vec::with_capacity(files.len());
    for file in &files {
        let remote = client.file(&data.repo, &info.commit, file)?;
        let blob = cache.blob(&remote.etag);
        let report = |done| (options.on_progress)(DownloadProgress { file, done, total: Some(remote.size) });
        client.download(&remote, &blob, &report)?;
        blobs.push((file, blob));
    }
    // Linked only when all are complete, so that offline a pattern never matches some files of a split without the
    // others.
    for (file, blob) in blobs {
        cache.link(&info.commit, file, &blob)?;
    }
    cache.write_ref(revision(data), &info.commit)?;
    Ok(info.commit)
}

/// Commit in the cache that has all chosen files.
fn find_cached(data: &HubDataset, choose: &ChooseFiles<'_>, cache: &RepoCache) -> Result<String, SourceError> {
    let missing =
        |file: String| SourceError::NotCached { origin: data.to_string(), file, cache: cache.folder().to_owned() };
    let Some(commit) = cache.commit_of(revision(data))? else {
        // Nothing is cached; `choose` says which file it misses first in an empty repository.
        return Err(missing(choose(&[]).err().unwrap_or_default()));
    };
    let mut files = Vec::new();
    list_files(&cache.snapshot(&commit), "", &mut files)?;
    choose(&files).map_err(missing)?;
    Ok(commit)
}

/// The first names, for an error message.
fn listed(files: &[String]) -> String {
    let names: Vec<&str> = files.iter().take(LISTED).map(String::as_str).collect();
    let more = if files.len() > LISTED { format!(" and {} more", files.len() - LISTED) } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// Appends the names of all files in `folder` and its subfolders to `names`, relative to the snapshot and with slashes;
/// `prefix` is the folder's own relative name, with a slash at the end.
fn list_files(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), SourceError> {
    let io = |e| SourceError::io(folder, e);
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        // `file_type` does not follow links, so that a link to a folder outside the cache is not walked.
        if entry.file_type().map_err(io)?.is_dir() {
            list_files(&entry.path(), &format!("{name}/"), names)?;
        } else if entry.path().is_file() {
            names.push(name);
        }
    }
    Ok(())
}
