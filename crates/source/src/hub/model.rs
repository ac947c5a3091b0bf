//! `hf:ORG/NAME[/FILE.gguf][@REV]` as a model: takes the parsed name, gives its model files in the Hub's cache.

use std::path::PathBuf;

use super::DEFAULT_REVISION;
use super::cache::RepoCache;
use super::client::Client;
use super::model_files::{self, ModelFileNames};
use super::repo_kind::RepoKind;
use crate::error::SourceError;
use crate::gguf_file::part_names;
use crate::hub_name::HubModel;
use crate::options::{DownloadProgress, SourceOptions};
use crate::resolved::ResolvedSource;

/// Downloads the files that the cache lacks; offline, checks that the cache has all of them.
pub(crate) fn resolve_model(model: &HubModel, options: &SourceOptions<'_>) -> Result<ResolvedSource, SourceError> {
    let cache = RepoCache::new(&options.hub_cache, RepoKind::Model, &model.repo);
    let (commit, path) = if options.offline { find_cached(model, &cache)? } else { fetch(model, &cache, options)? };
    let pinned = HubModel { revision: Some(commit.clone()), ..model.clone() };
    Ok(ResolvedSource { path, origin: format!("hf:{pinned}"), revision: Some(commit), sha256: None })
}

/// Revision of a name, the default branch if it has none.
fn revision(model: &HubModel) -> &str {
    model.revision.as_deref().unwrap_or(DEFAULT_REVISION)
}

/// Downloads the files that the cache lacks; gives the commit and the path of the model.
fn fetch(model: &HubModel, cache: &RepoCache, options: &SourceOptions<'_>) -> Result<(String, PathBuf), SourceError> {
    let client = Client::new(&options.hub_endpoint, options.hub_token.clone(), RepoKind::Model);
    let info = client.info(&model.repo, revision(model))?;
    let get = |file: &str| -> Result<PathBuf, SourceError> {
        let remote = client.file(&model.repo, &info.commit, file)?;
        let blob = cache.blob(&remote.etag);
        let report = |done| {
            (options.on_progress)(DownloadProgress { file, done, total: Some(remote.size) });
        };
        client.download(&remote, &blob, &report)?;
        cache.link(&info.commit, file, &blob)
    };
    let path = match &model.file {
        Some(file) if !info.files.contains(file) => {
            return Err(SourceError::Http {
                url: client.file_url(&model.repo, &info.commit, file),
                status: 404,
                hint: format!("no such file; the repository has {}", model_files::ggufs(&info.files)),
            });
        }
        Some(file) => {
            // Any part of a split model stands for the whole. A part that the repository lacks is named on opening.
            for part in part_names(file).unwrap_or_default() {
                if info.files.contains(&part) {
                    get(&part)?;
                }
            }
            get(file)?
        }
        None => {
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
            cache.snapshot(&info.commit)
        }
    };
    // Last, so that offline a branch name never leads to an incomplete commit.
    cache.write_ref(revision(model), &info.commit)?;
    Ok((info.commit, path))
}

/// Commit and path of a model in the cache.
fn find_cached(model: &HubModel, cache: &RepoCache) -> Result<(String, PathBuf), SourceError> {
    let missing = |file: &str| SourceError::NotCached {
        origin: format!("hf:{model}"),
        file: file.to_owned(),
        cache: cache.folder().to_owned(),
    };
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
