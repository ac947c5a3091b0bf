//! Some files of a repository, `hf:ORG/NAME[@REV]`: takes the parsed name and a choice of files, gives the folder of the
//! files in the Hub's cache.

use std::path::{Path, PathBuf};

use super::DEFAULT_REVISION;
use super::cache::RepoCache;
use super::caches::Caches;
use super::client::Client;
use super::repo_kind::RepoKind;
use crate::error::SourceError;
use crate::hub_name::{HubDataset, HubModel};
use crate::options::{ChooseFiles, DownloadProgress, SourceOptions};
use crate::resolved::ResolvedSource;

/// Largest number of file names that an error lists.
const LISTED: usize = 20;

/// Downloads the chosen files of a data set that the caches lack; offline, checks that a cache has all of them.
pub(crate) fn resolve_dataset(
    data: &HubDataset,
    choose: &ChooseFiles<'_>,
    options: &SourceOptions<'_>,
) -> Result<ResolvedSource, SourceError> {
    resolve(RepoKind::Dataset, data, choose, options)
}

/// The same for files of a model repository, which need not be a whole model.
pub(crate) fn resolve_model_files(
    model: &HubModel,
    choose: &ChooseFiles<'_>,
    options: &SourceOptions<'_>,
) -> Result<ResolvedSource, SourceError> {
    let repository = HubDataset { repo: model.repo.clone(), revision: model.revision.clone() };
    resolve(RepoKind::Model, &repository, choose, options)
}

fn resolve(
    kind: RepoKind,
    data: &HubDataset,
    choose: &ChooseFiles<'_>,
    options: &SourceOptions<'_>,
) -> Result<ResolvedSource, SourceError> {
    let caches = Caches::new(options, kind, &data.repo);
    let mut notes = Vec::new();
    let (commit, path) = if options.offline {
        caches.find(|cache| find_cached(data, choose, cache))?
    } else {
        fetch(&Client::new(options, kind)?, data, choose, &caches, options, &mut notes)?
    };
    let pinned = HubDataset { revision: Some(commit.clone()), ..data.clone() };
    Ok(ResolvedSource { path, origin: pinned.to_string(), revision: Some(commit), sha256: None, notes })
}

/// Revision of a name, the default branch if it has none.
fn revision(data: &HubDataset) -> &str {
    data.revision.as_deref().unwrap_or(DEFAULT_REVISION)
}

/// Downloads the chosen files; gives the commit and the folder of its files.
fn fetch(
    client: &Client,
    data: &HubDataset,
    choose: &ChooseFiles<'_>,
    caches: &Caches,
    options: &SourceOptions<'_>,
    notes: &mut Vec<String>,
) -> Result<(String, PathBuf), SourceError> {
    let info = match client.info(&data.repo, revision(data)) {
        Ok(info) => info,
        Err(error) => {
            return caches.stand_in(error, &data.to_string(), notes, |cache| find_cached(data, choose, cache));
        }
    };
    let files = choose(&info.files).map_err(|missing| SourceError::NoData {
        repo: data.repo.clone(),
        wanted: missing,
        found: listed(&info.files),
    })?;
    let cached = caches.find(|cache| {
        let lacks = |file: &&String| cache.file(&info.commit, file).is_none();
        if let Some(file) = files.iter().find(lacks) {
            return Err(missing(data, file.clone(), cache));
        }
        // A cache that cannot be written to is used all the same; only offline a moved branch is then the older one.
        let _ = cache.write_ref(revision(data), &info.commit);
        Ok(cache.snapshot(&info.commit))
    });
    let folder = match cached {
        Ok(folder) => folder,
        Err(_) => caches.fill(notes, |cache| download(client, data, &info.commit, &files, cache, options))?,
    };
    Ok((info.commit, folder))
}

/// Downloads the files of a commit that the cache lacks; gives their folder.
fn download(
    client: &Client,
    data: &HubDataset,
    commit: &str,
    files: &[String],
    cache: &RepoCache,
    options: &SourceOptions<'_>,
) -> Result<PathBuf, SourceError> {
    let mut blobs = Vec::with_capacity(files.len());
    for file in files.iter().filter(|file| cache.file(commit, file).is_none()) {
        let remote = client.file(&data.repo, commit, file)?;
        let blob = cache.blob(&remote.etag);
        let report = |done| (options.on_progress)(DownloadProgress { file, done, total: Some(remote.size) });
        client.download(&remote, &blob, &report)?;
        blobs.push((file, blob));
    }
    // Linked only when all are complete, so that offline a pattern never matches some files of a split without the
    // others.
    for (file, blob) in blobs {
        cache.link(commit, file, &blob)?;
    }
    cache.write_ref(revision(data), commit)?;
    Ok(cache.snapshot(commit))
}

/// Commit in the cache that has all chosen files, and their folder.
fn find_cached(
    data: &HubDataset,
    choose: &ChooseFiles<'_>,
    cache: &RepoCache,
) -> Result<(String, PathBuf), SourceError> {
    let Some(commit) = cache.commit_of(revision(data))? else {
        // Nothing is cached; `choose` says which file it misses first in an empty repository.
        return Err(missing(data, choose(&[]).err().unwrap_or_default(), cache));
    };
    let mut files = Vec::new();
    let folder = cache.snapshot(&commit);
    list_files(&folder, "", &mut files)?;
    choose(&files).map_err(|file| missing(data, file, cache))?;
    Ok((commit, folder))
}

/// The error of a repository of which the cache lacks a file.
fn missing(data: &HubDataset, file: String, cache: &RepoCache) -> SourceError {
    SourceError::NotCached { origin: data.to_string(), file, cache: cache.folder().to_owned() }
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
