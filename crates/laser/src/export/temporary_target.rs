//! Writes a folder or file that appears complete or not at all: it is built in a temporary folder beside the target and
//! renamed at the end.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use laser_checkpoint::CheckpointError;
use serde::Serialize;
use tempfile::TempDir;

use crate::error::{Error, Result};

/// A file of an exported model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedFile {
    /// Path within the exported folder, parts joined by `/`.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// A folder or file under construction. Dropped without [`TemporaryTarget::commit`], it leaves nothing on disk.
///
/// For the target `/models/new/out` where only `/models` exists, `temporary` is `/models/.out.tmp-x`, `new_part` is
/// `new/out`, and the model is built at `/models/.out.tmp-x/new/out`. Renaming `/models/.out.tmp-x/new` to
/// `/models/new` then puts everything in place in one step.
#[derive(Debug)]
pub(super) struct TemporaryTarget {
    /// Lies in the nearest existing folder above the target, so that both are on one file system and a rename is
    /// enough.
    temporary: TempDir,
    /// The target's path below that existing folder.
    new_part: PathBuf,
    /// Where the target is built: `new_part` below the temporary folder.
    build: PathBuf,
    target: PathBuf,
}

impl TemporaryTarget {
    /// Prepares a folder at `out`.
    ///
    /// # Errors
    /// `out` has files in it, is no folder, lies in the model folder `source`, or cannot be created.
    pub(super) fn folder(out: &Path, source: &Path) -> Result<Self> {
        if out.symlink_metadata().is_ok() {
            if !out.is_dir() {
                return Err(refused(out, "expected a new or an empty folder, found a file"));
            }
            let mut entries = fs::read_dir(out).map_err(Error::io(out))?;
            if entries.next().is_some() {
                return Err(refused(out, "expected a new or an empty folder, found one with files in it"));
            }
        }
        let target = Self::at(out, source)?;
        fs::create_dir(&target.build).map_err(|e| Error::unwritable("out", out, &e))?;
        Ok(target)
    }

    /// Prepares a file at `out`.
    ///
    /// # Errors
    /// `out` exists, has another extension than `extension`, or its folder cannot be created.
    pub(super) fn file(out: &Path, source: &Path, extension: &str) -> Result<Self> {
        if out.extension().is_none_or(|found| !found.eq_ignore_ascii_case(extension)) {
            return Err(refused(out, &format!("expected a file name that ends in .{extension}")));
        }
        if out.symlink_metadata().is_ok() {
            return Err(refused(out, "expected a new file, found one that exists"));
        }
        Self::at(out, source)
    }

    /// Makes the temporary folder and the parents of `build`.
    fn at(out: &Path, source: &Path) -> Result<Self> {
        let (existing, new_part) = split_existing(out)?;
        let target = existing.join(&new_part);
        let source = source.canonicalize().map_err(Error::io(source))?;
        if target.starts_with(&source) {
            return Err(refused(out, "expected a place outside the source model, found one inside it"));
        }
        let mut prefix = OsString::from(".");
        prefix.push(target.file_name().unwrap_or_default());
        prefix.push(".tmp-");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix);
        let unwritable = |e: io::Error| Error::unwritable("out", out, &e);
        let temporary = builder.tempdir_in(&existing).map_err(unwritable)?;
        let build = temporary.path().join(&new_part);
        if let Some(parent) = build.parent() {
            fs::create_dir_all(parent).map_err(unwritable)?;
        }
        Ok(Self { temporary, new_part, build, target })
    }

    /// Where to build the model: an empty folder, or the path of a file that does not exist yet.
    pub(super) fn path(&self) -> &Path {
        &self.build
    }

    /// Syncs all files to disk, then renames the model to the target. Returns the target and its files, sorted by name.
    pub(super) fn commit(self) -> Result<(PathBuf, Vec<ExportedFile>)> {
        let mut files = Vec::new();
        sync_and_list(&self.build, String::new(), &mut files).map_err(|e| self.rename_in_error(e))?;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let first = self.new_part.iter().next().expect("there is a new part because a target has a name");
        let existing = self.temporary.path().parent().expect("a temporary folder lies in a folder");
        let (from, to) = (self.temporary.path().join(first), existing.join(first));
        // On Windows a rename does not replace an empty folder.
        if cfg!(windows) && to.is_dir() {
            fs::remove_dir(&to).map_err(Error::io(&to))?;
        }
        fs::rename(from, &to).map_err(Error::io(&to))?;
        sync_folder(existing).map_err(Error::io(existing))?;
        Ok((self.target, files))
    }

    /// Replaces the temporary path in an error by the target's path, which the user knows.
    pub(super) fn rename_in_error(&self, error: Error) -> Error {
        let renamed = |path: PathBuf| match path.strip_prefix(&self.build) {
            Ok(rest) if rest.as_os_str().is_empty() => self.target.clone(),
            Ok(rest) => self.target.join(rest),
            Err(_) => path,
        };
        match error {
            Error::Checkpoint(CheckpointError::InFile { file, problem }) => {
                Error::Checkpoint(CheckpointError::InFile { file: renamed(file), problem })
            }
            Error::Io { path, source } => Error::Io { path: renamed(path), source },
            Error::Run { path, problem } => Error::Run { path: renamed(path), problem },
            other => other,
        }
    }
}

fn refused(out: &Path, problem: &str) -> Error {
    Error::setting("out", format!("{}: {problem}", out.display()))
}

/// The existing folder nearest to `out`, and the path of `out` below it.
fn split_existing(out: &Path) -> Result<(PathBuf, PathBuf)> {
    let whole = if out.exists() { out.canonicalize() } else { std::path::absolute(out) };
    let whole = whole.map_err(Error::io(out))?;
    let mut parts = Vec::new();
    let mut existing = whole.as_path();
    // At least one step up, because an empty folder at the target itself is replaced.
    while parts.is_empty() || existing.symlink_metadata().is_err() {
        let (Some(name), Some(parent)) = (existing.file_name(), existing.parent()) else {
            return Err(refused(out, "expected the name of a new file or folder at the end"));
        };
        parts.push(name.to_owned());
        existing = parent;
    }
    let existing = existing.canonicalize().map_err(Error::io(existing))?;
    Ok((existing, parts.iter().rev().collect()))
}

/// Syncs the file `path`, or all files and folders below the folder `path`, and adds the files to `files`. `name`: path
/// of `path` within the exported folder, empty for that folder itself.
fn sync_and_list(path: &Path, name: String, files: &mut Vec<ExportedFile>) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(Error::io(path))? {
            let entry = entry.map_err(Error::io(path))?;
            let own = entry.file_name().to_string_lossy().into_owned();
            let name = if name.is_empty() { own } else { format!("{name}/{own}") };
            sync_and_list(&entry.path(), name, files)?;
        }
        return sync_folder(path).map_err(Error::io(path));
    }
    let own = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = File::options().append(true).open(path).map_err(Error::io(path))?;
    file.sync_all().map_err(Error::io(path))?;
    let bytes = file.metadata().map_err(Error::io(path))?.len();
    files.push(ExportedFile { name: if name.is_empty() { own() } else { name }, bytes });
    Ok(())
}

/// Makes the entries of a folder durable; only Unix can.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("lists");
        let name = |e: io::Result<fs::DirEntry>| e.expect("an entry").file_name().to_string_lossy().into_owned();
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    /// A temporary folder with a model folder `source` in it.
    fn place() -> (TempDir, PathBuf) {
        let place = tempfile::tempdir().expect("a temporary folder");
        let source = place.path().join("source");
        fs::create_dir(&source).expect("creates");
        (place, source)
    }

    #[test]
    fn a_committed_folder_appears_with_its_missing_parents_and_nothing_else() {
        let (place, source) = place();
        let out = place.path().join("a/b");
        let target = TemporaryTarget::folder(&out, &source).expect("prepares");
        fs::write(target.path().join("x"), "12").expect("writes");
        assert!(!place.path().join("a").exists());
        let (path, files) = target.commit().expect("commits");
        assert!(path.ends_with("a/b"));
        assert_eq!(files, [ExportedFile { name: "x".into(), bytes: 2 }]);
        assert_eq!(fs::read(out.join("x")).expect("reads"), b"12");
        assert_eq!(names(place.path()), ["a", "source"]);
    }

    #[test]
    fn an_abandoned_folder_leaves_nothing_not_even_parents() {
        let (place, source) = place();
        let target = TemporaryTarget::folder(&place.path().join("a/b"), &source).expect("prepares");
        fs::write(target.path().join("x"), "12").expect("writes");
        drop(target);
        assert_eq!(names(place.path()), ["source"]);
    }

    #[test]
    fn empty_folders_are_accepted_and_other_targets_refused() {
        let (place, source) = place();
        let out = place.path().join("out");
        fs::create_dir(&out).expect("creates");
        let target = TemporaryTarget::folder(&out, &source).expect("prepares");
        fs::write(target.path().join("x"), "").expect("writes");
        target.commit().expect("commits");
        assert_eq!(names(&out), ["x"]);

        let file = out.join("x");
        for bad in [&out, &source, &source.join("inside"), &file, &file.join("below"), &place.path().join("q/..")] {
            TemporaryTarget::folder(bad, &source).expect_err(&bad.display().to_string());
        }
        for bad in [&out.join("y"), &out.join("x/y.gguf")] {
            TemporaryTarget::file(bad, &source, "gguf").expect_err(&bad.display().to_string());
        }
        assert_eq!(names(place.path()), ["out", "source"]);
        assert_eq!(names(&out), ["x"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_committed_folder_has_the_usual_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let (place, source) = place();
        let target = TemporaryTarget::folder(&place.path().join("out"), &source).expect("prepares");
        let (path, _) = target.commit().expect("commits");
        let mode = |path: &Path| fs::metadata(path).expect("is there").permissions().mode();
        assert_eq!(mode(&path), mode(&source));
    }

    #[test]
    fn errors_name_the_target() {
        let (place, source) = place();
        let target = TemporaryTarget::folder(&place.path().join("out"), &source).expect("prepares");
        let inside = Error::io(target.path().join("x"))(io::Error::other("no"));
        let message = target.rename_in_error(inside).to_string();
        assert!(message.contains("out/x") && !message.contains("tmp-"), "{message}");
    }
}
