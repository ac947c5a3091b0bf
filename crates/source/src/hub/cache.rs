//! One repository's place in the Hub cache: `blobs/ETAG`, `snapshots/COMMIT/FILE` links, `refs/REVISION`.
//!
//! The layout is that of Python's `huggingface_hub`, which may read and write the same folders.

use std::path::{Path, PathBuf};

use super::SourceError;
use super::kind::Kind;

/// The folder `models--ORG--NAME` or `datasets--ORG--NAME`.
pub(super) struct RepoCache {
    folder: PathBuf,
}

impl RepoCache {
    pub(super) fn new(hub_cache: &Path, kind: Kind, repo: &str) -> Self {
        Self { folder: hub_cache.join(format!("{}--{}", kind.plural(), repo.replace('/', "--"))) }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the bytes with this entity tag are kept.
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// Where the files of a commit appear under their own names.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// Makes `blob` appear as `file` of `commit`; gives that path.
    pub(super) fn link(&self, commit: &str, file: &str, blob: &Path) -> Result<PathBuf, SourceError> {
        let path = self.snapshot(commit).join(file);
        let parent = path.parent().expect("a file below a snapshot has a parent because it was joined to one");
        std::fs::create_dir_all(parent).map_err(|e| SourceError::io(parent, e))?;
        // A link whose blob is gone makes `exists` false but would still be in the way.
        if !path.exists() {
            if path.is_symlink() {
                std::fs::remove_file(&path).map_err(|e| SourceError::io(&path, e))?;
            }
            link_file(file, blob, &path).map_err(|e| SourceError::io(&path, e))?;
        }
        Ok(path)
    }

    /// The commit that `revision` meant when it was last fetched, or `revision` itself if its files are here.
    pub(super) fn commit_of(&self, revision: &str) -> Result<Option<String>, SourceError> {
        if self.snapshot(revision).is_dir() {
            return Ok(Some(revision.to_owned()));
        }
        let path = self.folder.join("refs").join(revision);
        if !path.is_file() {
            return Ok(None);
        }
        let commit = std::fs::read_to_string(&path).map_err(|e| SourceError::io(&path, e))?;
        Ok(Some(commit.trim().to_owned()).filter(|commit| super::is_plain_path(commit)))
    }

    /// Records that `revision` now means `commit`.
    pub(super) fn write_ref(&self, revision: &str, commit: &str) -> Result<(), SourceError> {
        if revision == commit {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision);
        let parent = path.parent().expect("a reference has a parent because it was joined to one");
        std::fs::create_dir_all(parent).map_err(|e| SourceError::io(parent, e))?;
        std::fs::write(&path, commit).map_err(|e| SourceError::io(&path, e))
    }
}

#[cfg(unix)]
fn link_file(file: &str, blob: &Path, path: &Path) -> std::io::Result<()> {
    // Relative, so that the cache can be moved: up out of FILE's folders, COMMIT and `snapshots`.
    let up = "../".repeat(file.matches('/').count() + 2);
    let name = blob.file_name().expect("a blob has a name because it was joined to its folder");
    std::os::unix::fs::symlink(Path::new(&up).join("blobs").join(name), path)
}

#[cfg(not(unix))]
fn link_file(_file: &str, blob: &Path, path: &Path) -> std::io::Result<()> {
    // Symbolic links need a privilege on Windows; hard links share the bytes without one.
    std::fs::hard_link(blob, path)
}
