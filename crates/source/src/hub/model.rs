//! `hf:ORG/NAME[/FILE.gguf][@REV]` as a model: takes the parsed name, gives its model files in the Hub's cache.

use std::path::PathBuf;

use super::DEFAULT_REVISION;
use super::cache::RepoCache;
use super::caches::Caches;
use super::client::{Client, RepoInfo};
use super::model_files::{self, ModelFileNames};
use super::repo_kind::RepoKind;
use crate::error::SourceError;
use crate::gguf_file::part_names;
use crate::hub_name::HubModel;
use crate::options::{DownloadProgress, SourceOptions};
use crate::resolved::ResolvedSource;

/// Downloads the files that the caches lack; offline, checks that a cache has all of them.
pub(crate) fn resolve_model(model: &HubModel, options: &SourceOptions<'_>) -> Result<ResolvedSource, SourceError> {
    let caches = Caches::new(options, RepoKind::Model, &model.repo);
    let mut notes = Vec::new();
    let (commit, path) = if options.offline {
        caches.find(|cache| find_cached(model, cache))?
    } else {
        fetch(model, &caches, options, &mut notes)?
    };
    let pinned = HubModel { revision: Some(commit.clone()), ..model.clone() };
    Ok(ResolvedSource { path, origin: format!("hf:{pinned}"), revision: Some(commit), sha256: None, notes })
}

/// Revision of a name, the default branch if it has none.
fn revision(model: &HubModel) -> &str {
    model.revision.as_deref().unwrap_or(DEFAULT_REVISION)
}

/// Downloads the files that the caches lack; gives the commit and the path of the model.
fn fetch(
    model: &HubModel,
    caches: &Caches,
    options: &SourceOptions<'_>,
    notes: &mut Vec<String>,
) -> Result<(String, PathBuf), SourceError> {
    let client = Client::new(options, RepoKind::Model)?;
    let info = match client.info(&model.repo, revision(model)) {
        Ok(info) => info,
        Err(error) => return caches.stand_in(error, &format!("hf:{model}"), notes, |cache| find_cached(model, cache)),
    };
    if let Some(file) = model.file.as_ref().filter(|file| !info.files.contains(file)) {
        return Err(SourceError::Http {
            url: client.file_url(&model.repo, &info.commit, file),
            status: 404,
            hint: format!("no such file; the repository has {}", model_files::ggufs(&info.files)),
        });
    }
    // Whoever filled the cache, and with links or whole files: what belongs to a commit never changes.
    let cached = caches.find(|cache| {
        let get = |file: &str| cache.file(&info.commit, file).ok_or_else(|| missing(model, file, cache));
        let path = collect(model, &info, cache, &get)?;
        // A cache that cannot be written to is used all the same; only offline a moved branch is then the older one.
        let _ = cache.write_ref(revision(model), &info.commit);
        Ok(path)
    });
    let path = match cached {
        Ok(path) => path,
        Err(_) => caches.fill(notes, |cache| {
            let get = |file: &str| download(&client, model, &info.commit, file, cache, options);
            let path = collect(model, &info, cache, &get)?;
            // Last, so that offline a branch name never leads to an incomplete commit.
            cache.write_ref(revision(model), &info.commit)?;
            Ok(path)
        })?,
    };
    Ok((info.commit, path))
}

/// Downloads a file, unless the cache has its contents; gives its path.
fn download(
    client: &Client,
    model: &HubModel,
    commit: &str,
    file: &str,
    cache: &RepoCache,
    options: &SourceOptions<'_>,
) -> Result<PathBuf, SourceError> {
    if let Some(path) = cache.file(commit, file) {
        return Ok(path);
    }
    let remote = client.file(&model.repo, commit, file)?;
    let blob = cache.blob(&remote.etag);
    let report = |done| (options.on_progress)(DownloadProgress { file, done, total: Some(remote.size) });
    client.download(&remote, &blob, &report)?;
    cache.link(commit, file, &blob)
}

/// Gets all files of the model with `get`, which takes a name and gives a path; gives the path of the model.
fn collect(
    model: &HubModel,
    info: &RepoInfo,
    cache: &RepoCache,
    get: &dyn Fn(&str) -> Result<PathBuf, SourceError>,
) -> Result<PathBuf, SourceError> {
    if let Some(file) = &model.file {
        // Any part of a split model stands for the whole. A part that the repository lacks is named on opening.
        for part in part_names(file).unwrap_or_default() {
            if info.files.contains(&part) {
                get(&part)?;
            }
        }
        return get(file);
    }
    let names = ModelFileNames::choose(&model.repo, &info.files)?;
    for file in &names.beside_weights {
        get(file)?;
    }
    // Only the index says which safetensors files belong to the model, so it is fetched first.
    let shards = match &names.index {
        Some(index) => model_files::shards(&get(index)?)?,
        None => names.weights,
    };
    for file in &shards {
        get(file)?;
    }
    Ok(cache.snapshot(&info.commit))
}

/// Commit and path of a model in the cache.
fn find_cached(model: &HubModel, cache: &RepoCache) -> Result<(String, PathBuf), SourceError> {
    let missing = |file: &str| missing(model, file, cache);
    let commit =
        cache.commit_of(revision(model))?.ok_or_else(|| missing(model.file.as_deref().unwrap_or("config.json")))?;
    let snapshot = cache.snapshot(&commit);
    if let Some(file) = &model.file {
        let path = snapshot.join(file);
        return if path.is_file() { Ok((commit, path)) } else { Err(missing(file)) };
    }
    let mut needed = vec!["config.json".to_owned()];
    let index = snapshot.join(model_files::INDEX);
    if index.is_file() {
        needed.extend(model_files::shards(&index)?);
    } else {
        needed.push(model_files::SINGLE.to_owned());
    }
    match needed.iter().find(|file| !snapshot.join(file).is_file()) {
        Some(file) => Err(missing(file)),
        None => Ok((commit, snapshot)),
    }
}

/// The error of a model of which the cache lacks a file.
fn missing(model: &HubModel, file: &str, cache: &RepoCache) -> SourceError {
    SourceError::NotCached { origin: format!("hf:{model}"), file: file.to_owned(), cache: cache.folder().to_owned() }
}
