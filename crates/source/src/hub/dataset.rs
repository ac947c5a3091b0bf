//! `hf:ORG/NAME[@REV]` as data: takes a data set's name and the files wanted of it, gives the folder they are in.

use std::path::Path;

use super::cache::RepoCache;
use super::client::Client;
use super::kind::Kind;
use super::{SourceError, SourceOptions, is_plain_path, is_repo_char};
use crate::{Progress, Resolved};

/// Chooses the files to fetch among all of a repository; the error is the name of what is missing.
pub type Choose<'a> = dyn Fn(&[String]) -> Result<Vec<String>, String> + 'a;

/// A repository of data files, at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubDataset {
    /// `ORG/NAME`, or the bare `NAME` of the oldest repositories.
    pub repo: String,
    /// Branch, tag or commit; the default branch `main` if absent.
    pub revision: Option<String>,
}

impl HubDataset {
    /// Reads `hf:ORG/NAME[@REV]`; none where the text does not begin with `hf:`.
    ///
    /// # Errors
    /// [`SourceError::Malformed`] where it does not go on as it must.
    pub fn parse(text: &str) -> Result<Option<Self>, SourceError> {
        let Some(rest) = text.strip_prefix("hf:") else { return Ok(None) };
        let (repo, revision) = match rest.split_once('@') {
            Some((repo, revision)) => (repo, Some(revision)),
            None => (rest, None),
        };
        let sound = is_plain_path(repo) && repo.chars().all(is_repo_char) && repo.matches('/').count() < 2;
        if !sound || revision.is_some_and(|revision| !is_plain_path(revision)) {
            return Err(SourceError::Malformed { text: text.to_owned(), expected: "hf:ORG/NAME[@REV]" });
        }
        Ok(Some(Self { repo: repo.to_owned(), revision: revision.map(str::to_owned) }))
    }

    fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }

    /// Makes some of the repository's files available, and gives their folder and the commit they belong to.
    ///
    /// `choose` takes the names of all files, with slashes, and gives those to fetch, or the name of what is missing.
    ///
    /// # Errors
    /// Any [`SourceError`]: files that `choose` misses, the network, a hash that does not match; offline, files that
    /// are not in the cache.
    pub fn fetch(&self, choose: &Choose<'_>, options: &SourceOptions<'_>) -> Result<Resolved, SourceError> {
        let cache = RepoCache::new(&options.hub_cache, Kind::Dataset, &self.repo);
        let commit = if options.offline { self.find(choose, &cache)? } else { self.download(choose, &cache, options)? };
        let pinned = Self { revision: Some(commit.clone()), ..self.clone() };
        Ok(Resolved { path: cache.snapshot(&commit), origin: pinned.to_string(), revision: Some(commit), sha256: None })
    }

    fn download(
        &self,
        choose: &Choose<'_>,
        cache: &RepoCache,
        options: &SourceOptions<'_>,
    ) -> Result<String, SourceError> {
        let client = Client::new(&options.hub_endpoint, options.hub_token.clone(), Kind::Dataset);
        let info = client.info(&self.repo, self.revision())?;
        let files = choose(&info.files).map_err(|missing| SourceError::NoData {
            repo: self.repo.clone(),
            wanted: missing,
            found: shown(&info.files),
        })?;
        let mut blobs = Vec::with_capacity(files.len());
        for file in &files {
            let remote = client.file(&self.repo, &info.commit, file)?;
            let blob = cache.blob(&remote.etag);
            let report = |done| (options.on_progress)(Progress { file, done, total: Some(remote.size) });
            client.download(&remote, &blob, &report)?;
            blobs.push((file, blob));
        }
        // Last, so that offline users never see some of the files of a split without the others.
        for (file, blob) in blobs {
            cache.link(&info.commit, file, &blob)?;
        }
        cache.write_ref(self.revision(), &info.commit)?;
        Ok(info.commit)
    }

    fn find(&self, choose: &Choose<'_>, cache: &RepoCache) -> Result<String, SourceError> {
        let missing =
            |file: String| SourceError::NotCached { origin: self.to_string(), file, cache: cache.folder().to_owned() };
        let Some(commit) = cache.commit_of(self.revision())? else {
            // Nothing is cached: the error names the first file that `choose` misses in an empty repository.
            return Err(missing(choose(&[]).err().unwrap_or_default()));
        };
        let mut files = Vec::new();
        list(&cache.snapshot(&commit), "", &mut files)?;
        choose(&files).map_err(missing)?;
        Ok(commit)
    }
}

impl std::fmt::Display for HubDataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "hf:{}", self.repo)?;
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

/// Some of the names, for a message.
fn shown(files: &[String]) -> String {
    let names: Vec<&str> = files.iter().take(20).map(String::as_str).collect();
    let more = if files.len() > 20 { format!(" and {} more", files.len() - 20) } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// The files below a snapshot, as the repository names them.
fn list(folder: &Path, from: &str, into: &mut Vec<String>) -> Result<(), SourceError> {
    let io = |e| SourceError::io(folder, e);
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = format!("{from}{}", entry.file_name().to_string_lossy());
        // Not what a link points to: the snapshot has folders of its own and links to files only.
        if entry.file_type().map_err(io)?.is_dir() {
            list(&entry.path(), &format!("{name}/"), into)?;
        } else if entry.path().is_file() {
            into.push(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_from_a_path() {
        let parse = |text: &str| HubDataset::parse(text).map(|data| data.map(|data| data.to_string()));
        for text in ["hf:org/name", "hf:name@v1", "hf:org/name@refs/convert/parquet"] {
            assert_eq!(parse(text).unwrap().as_deref(), Some(text));
        }
        assert_eq!(parse("some/folder").unwrap(), None);
        for text in ["hf:", "hf:../x", "hf:a/b/c", "hf:a/b@", "hf:a b"] {
            assert!(parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
