//! `hf:ORG/NAME[@REV]` as data: takes a data set's name and the files wanted of it, gives the folder they are in.

use std::path::Path;

use super::cache::RepoCache;
use super::client::Client;
use super::kind::Kind;
use super::{SourceError, SourceOptions, is_plain_path, is_repo_char};
use crate::dataset::{Layout, is_readable};
use crate::source::{Progress, Resolved};

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

    /// Makes the files with these names available (each may stand for several, as in a [`Layout`]; no names: every file
    /// in a format that [`crate::dataset`] reads), and gives their folder and the commit they belong to.
    ///
    /// # Errors
    /// Any [`SourceError`]: a name that no file has, the network, a hash that does not match; offline, a name that no
    /// file in the cache has.
    pub fn fetch(&self, names: &[&str], options: &SourceOptions<'_>) -> Result<Resolved, SourceError> {
        let cache = RepoCache::new(&options.hub_cache, Kind::Dataset, &self.repo);
        let commit = if options.offline { self.find(names, &cache)? } else { self.download(names, &cache, options)? };
        let pinned = Self { revision: Some(commit.clone()), ..self.clone() };
        Ok(Resolved { path: cache.snapshot(&commit), origin: pinned.to_string(), revision: Some(commit), sha256: None })
    }

    fn download(&self, names: &[&str], cache: &RepoCache, options: &SourceOptions<'_>) -> Result<String, SourceError> {
        let client = Client::new(&options.hub_endpoint, options.hub_token.clone(), Kind::Dataset);
        let info = client.info(&self.repo, self.revision())?;
        let files = wanted(&info.files, names).map_err(|missing| SourceError::NoData {
            repo: self.repo.clone(),
            wanted: missing.to_owned(),
            found: shown(&info.files),
        })?;
        let mut blobs = Vec::with_capacity(files.len());
        for file in files {
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

    fn find(&self, names: &[&str], cache: &RepoCache) -> Result<String, SourceError> {
        let missing = |file: &str| SourceError::NotCached {
            origin: self.to_string(),
            file: file.to_owned(),
            cache: cache.folder().to_owned(),
        };
        let commit = cache.commit_of(self.revision())?;
        let commit = commit.ok_or_else(|| missing(names.first().copied().unwrap_or(ANY)))?;
        let mut files = Vec::new();
        list(&cache.snapshot(&commit), "", &mut files)?;
        wanted(&files, names).map_err(missing)?;
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

/// What is missing where no file in a known format is there.
const ANY: &str = "a file of rows";

/// The files that `names` stand for, or the first name that stands for none.
fn wanted<'f, 'n>(files: &'f [String], names: &[&'n str]) -> Result<Vec<&'f str>, &'n str> {
    let files = || files.iter().map(String::as_str);
    if names.is_empty() {
        let readable: Vec<&str> = files().filter(|file| is_readable(Path::new(file))).collect();
        return if readable.is_empty() { Err(ANY) } else { Ok(readable) };
    }
    if let Some(missing) = names.iter().find(|name| !files().any(|file| Layout::fits(name, file))) {
        return Err(missing);
    }
    Ok(files().filter(|file| names.iter().any(|name| Layout::fits(name, file))).collect())
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

    #[test]
    fn names_stand_for_files_and_no_names_for_all_rows() {
        let files = ["README.md", "data/test-0.parquet", "data/test-1.parquet", "dev.jsonl"].map(str::to_owned);
        assert_eq!(wanted(&files, &["data/test-*.parquet"]), Ok(vec!["data/test-0.parquet", "data/test-1.parquet"]));
        assert_eq!(wanted(&files, &["dev.jsonl", "test-*.parquet"]), Err("test-*.parquet"));
        assert_eq!(wanted(&files, &[]).unwrap().len(), 3);
        assert_eq!(wanted(&files[..1], &[]), Err(ANY));
    }
}
