//! `hf:ORG/NAME[/FILE.gguf][@REV]`: takes a repository name, gives its model files in the Hub's cache; and
//! [`HubDataset`], the files of a data set.
//!
//! Speaks the Hub's HTTP protocol directly over `ureq` rather than through the `hf-hub` crate, which does not
//! verify what it fetched, appends to a partial file even where the server ignored the range it asked for, and
//! has no offline mode. The cache has the layout of Python's `huggingface_hub`, so both share one copy.

mod cache;
mod client;
mod dataset;
mod kind;
mod select;

use std::path::PathBuf;

use super::{Progress, Resolved, SourceError, SourceOptions};
use cache::RepoCache;
use client::Client;
use kind::Kind;
use select::Wanted;

pub use dataset::{Choose, HubDataset};

/// A repository of model files, at a revision, or one GGUF file in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubModel {
    /// `ORG/NAME`, or the bare `NAME` of the oldest repositories.
    pub repo: String,
    /// The one `.gguf` file wanted, as a path inside the repository.
    pub file: Option<String>,
    /// Branch, tag or commit; the default branch `main` if absent.
    pub revision: Option<String>,
}

impl HubModel {
    /// Reads what stands behind `hf:`.
    pub(super) fn parse(text: &str) -> Result<Self, SourceError> {
        let malformed = || SourceError::Malformed {
            text: format!("hf:{text}"),
            expected: "hf:ORG/NAME[@REV] or hf:ORG/NAME/FILE.gguf[@REV]",
        };
        let (name, revision) = match text.split_once('@') {
            Some((name, revision)) => (name, Some(revision)),
            None => (text, None),
        };
        if !is_plain_path(name) || revision.is_some_and(|revision| !is_plain_path(revision)) {
            return Err(malformed());
        }
        let repo_end = name.match_indices('/').nth(1).map_or(name.len(), |(at, _)| at);
        let file = name.get(repo_end + 1..);
        if file.is_some_and(|file| !file.ends_with(".gguf")) || !name[..repo_end].chars().all(is_repo_char) {
            return Err(malformed());
        }
        Ok(Self {
            repo: name[..repo_end].to_owned(),
            file: file.map(str::to_owned),
            revision: revision.map(str::to_owned),
        })
    }

    fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }
}

impl std::fmt::Display for HubModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.repo)?;
        if let Some(file) = &self.file {
            write!(f, "/{file}")?;
        }
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

/// The characters the Hub allows in `ORG/NAME`.
fn is_repo_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-/".contains(c)
}

/// Whether `text` is a relative path of plain names: safe below a folder and in an address.
///
/// File names come from a server and end up joined to a cache folder, so `..`, empty names, backslashes and
/// drive letters must not pass.
fn is_plain_path(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "._-+=() ,".contains(c);
    text.split('/')
        .all(|name| !name.starts_with(' ') && name.chars().all(plain) && name.chars().any(|c| c != '.' && c != ' '))
        && !text.chars().any(char::is_control)
}

/// Fetches what is missing of the model's files; offline, checks that the cache holds them.
pub(super) fn resolve(model: &HubModel, options: &SourceOptions<'_>) -> Result<Resolved, SourceError> {
    let cache = RepoCache::new(&options.hub_cache, Kind::Model, &model.repo);
    let (commit, path) = if options.offline { find_cached(model, &cache)? } else { fetch(model, &cache, options)? };
    let pinned = HubModel { revision: Some(commit.clone()), ..model.clone() };
    Ok(Resolved { path, origin: format!("hf:{pinned}"), revision: Some(commit), sha256: None })
}

fn fetch(model: &HubModel, cache: &RepoCache, options: &SourceOptions<'_>) -> Result<(String, PathBuf), SourceError> {
    let client = Client::new(&options.hub_endpoint, options.hub_token.clone(), Kind::Model);
    let info = client.info(&model.repo, model.revision())?;
    let snapshot = cache.snapshot(&info.commit);
    let get = |file: &str| -> Result<PathBuf, SourceError> {
        let remote = client.file(&model.repo, &info.commit, file)?;
        let blob = cache.blob(&remote.etag);
        let report = |done| {
            (options.on_progress)(Progress { file, done, total: Some(remote.size) });
        };
        client.download(&remote, &blob, &report)?;
        cache.link(&info.commit, file, &blob)
    };
    let path = match &model.file {
        Some(file) if !info.files.contains(file) => {
            return Err(SourceError::Http {
                url: client.file_url(&model.repo, &info.commit, file),
                status: 404,
                hint: format!("no such file; the repository has {}", select::ggufs(&info.files)),
            });
        }
        Some(file) => get(file)?,
        None => {
            let wanted = Wanted::among(&model.repo, &info.files)?;
            for file in &wanted.beside_weights {
                get(file)?;
            }
            let shards = match &wanted.index {
                Some(index) => select::shards(&get(index)?)?,
                None => wanted.weights,
            };
            for file in &shards {
                get(file)?;
            }
            snapshot
        }
    };
    // Last, so that a branch name never leads offline users to an incomplete commit.
    cache.write_ref(model.revision(), &info.commit)?;
    Ok((info.commit, path))
}

fn find_cached(model: &HubModel, cache: &RepoCache) -> Result<(String, PathBuf), SourceError> {
    let missing = |file: &str| SourceError::NotCached {
        origin: format!("hf:{model}"),
        file: file.to_owned(),
        cache: cache.folder().to_owned(),
    };
    let commit =
        cache.commit_of(model.revision())?.ok_or_else(|| missing(model.file.as_deref().unwrap_or("config.json")))?;
    let snapshot = cache.snapshot(&commit);
    if let Some(file) = &model.file {
        let path = snapshot.join(file);
        return if path.is_file() { Ok((commit, path)) } else { Err(missing(file)) };
    }
    let mut needed = vec!["config.json".to_owned()];
    let index = snapshot.join(select::INDEX);
    if index.is_file() {
        needed.extend(select::shards(&index)?);
    } else {
        needed.push(select::SINGLE.to_owned());
    }
    match needed.iter().find(|file| !snapshot.join(file).is_file()) {
        Some(file) => Err(missing(file)),
        None => Ok((commit, snapshot)),
    }
}
