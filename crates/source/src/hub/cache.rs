//! The cache folder of one repository: `blobs/ETAG` (contents), `snapshots/COMMIT/FILE` (links to blobs) and
//! `refs/REVISION` (commit of a branch or tag).
//!
//! The layout is that of Python's `huggingface_hub`, which may read and write the same folders.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::repo_kind::RepoKind;
use crate::error::SourceError;
use crate::hub_name::is_plain_path;

/// The folder `models--ORG--NAME` or `datasets--ORG--NAME`.
pub(super) struct RepoCache {
    folder: PathBuf,
}

impl RepoCache {
    /// The folder of `repo` (`ORG/NAME`) in the Hub's cache; creates nothing.
    pub(super) fn new(hub_cache: &Path, kind: RepoKind, repo: &str) -> Self {
        Self { folder: hub_cache.join(format!("{}--{}", kind.plural(), repo.replace('/', "--"))) }
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Path of the contents with this entity tag.
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// Folder in which the files of a commit have their own names.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// Path of a file of a commit, which never changes, if it is there.
    pub(super) fn file(&self, commit: &str, file: &str) -> Option<PathBuf> {
        Some(self.snapshot(commit).join(file)).filter(|path| path.is_file())
    }

    /// Links `blob` as `file` of `commit`, and gives the path of the link.
    pub(super) fn link(&self, commit: &str, file: &str, blob: &Path) -> Result<PathBuf, SourceError> {
        let path = self.snapshot(commit).join(file);
        let parent = path.parent().expect("a file below a snapshot has a parent because it was joined to one");
        std::fs::create_dir_all(parent).map_err(|e| SourceError::io(parent, e))?;
        // `exists` follows links: a link to a deleted blob does not exist, but a new link cannot be made over it.
        if !path.exists() {
            if path.is_symlink() {
                // Another process may have removed it as well.
                std::fs::remove_file(&path)
                    .or_else(ignore(ErrorKind::NotFound))
                    .map_err(|e| SourceError::io(&path, e))?;
            }
            // Another process may have made it as well.
            let made = link_file(file, blob, &path).or_else(ignore(ErrorKind::AlreadyExists));
            made.map_err(|e| SourceError::io(&path, e))?;
        }
        Ok(path)
    }

    /// Commit of `revision` when it was last fetched, or `revision` itself if it is a commit in the cache.
    pub(super) fn commit_of(&self, revision: &str) -> Result<Option<String>, SourceError> {
        if self.snapshot(revision).is_dir() {
            return Ok(Some(revision.to_owned()));
        }
        let path = self.folder.join("refs").join(revision);
        if !path.is_file() {
            return Ok(None);
        }
        let commit = std::fs::read_to_string(&path).map_err(|e| SourceError::io(&path, e))?;
        // The commit is joined to a folder, and another program may have written the file.
        Ok(Some(commit.trim().to_owned()).filter(|commit| is_plain_path(commit)))
    }

    /// Records `commit` as the commit of `revision`.
    pub(super) fn write_ref(&self, revision: &str, commit: &str) -> Result<(), SourceError> {
        if revision == commit {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision);
        // The usual case, which must not need a folder that can be written to.
        if std::fs::read_to_string(&path).is_ok_and(|known| known.trim() == commit) {
            return Ok(());
        }
        let parent = path.parent().expect("a reference has a parent because it was joined to one");
        std::fs::create_dir_all(parent).map_err(|e| SourceError::io(parent, e))?;
        // Under another name first: a kill must not leave an empty reference. It lies beside `refs`, because every file
        // in there is a reference.
        let io = |e| SourceError::io(&path, e);
        let mut draft = public_temporary_files().tempfile_in(&self.folder).map_err(io)?;
        draft.write_all(commit.as_bytes()).map_err(io)?;
        draft.persist(&path).map(drop).map_err(|failed| io(failed.error))
    }
}

/// Temporary files with the usual permissions of a new file, because a cache may be shared; they are private by default.
fn public_temporary_files() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

/// Turns an error of this kind into success.
fn ignore(kind: ErrorKind) -> impl FnOnce(std::io::Error) -> std::io::Result<()> {
    move |error| if error.kind() == kind { Ok(()) } else { Err(error) }
}

#[cfg(unix)]
fn link_file(file: &str, blob: &Path, path: &Path) -> std::io::Result<()> {
    // A relative link, so that the cache folder can be moved: up out of the folders of FILE, COMMIT and `snapshots`.
    let up = "../".repeat(file.matches('/').count() + 2);
    let name = blob.file_name().expect("a blob has a name because it was joined to its folder");
    std::os::unix::fs::symlink(Path::new(&up).join("blobs").join(name), path)
}

#[cfg(not(unix))]
fn link_file(_file: &str, blob: &Path, path: &Path) -> std::io::Result<()> {
    // Symbolic links need a privilege on Windows; hard links share the bytes without one.
    std::fs::hard_link(blob, path)
}
