//! A target that appears whole or not at all: a temporary folder beside it, renamed at the end.

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
pub struct WrittenFile {
    /// Path within the exported folder, parts joined by `/`.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// A target under construction. Dropped without [`Staging::commit`], it leaves nothing behind.
#[derive(Debug)]
pub(super) struct Staging {
    /// In the nearest existing folder above the target, hence on its file system.
    temporary: TempDir,
    /// What stands under the temporary folder as it will under that folder: the target with those of its parents
    /// that do not exist yet.
    tail: PathBuf,
    /// As in the temporary folder, so that one rename brings everything in place.
    build: PathBuf,
    target: PathBuf,
}

impl Staging {
    /// Prepares a folder at `out`: absent or empty, and not in the model folder `source`.
    pub(super) fn folder(out: &Path, source: &Path) -> Result<Self> {
        if out.symlink_metadata().is_ok() {
            let mut entries = fs::read_dir(out).map_err(Error::io(out))?;
            if entries.next().is_some() {
                return Err(refused(out, "expected a new or an empty folder, found one with files in it"));
            }
        }
        let staging = Self::at(out, source)?;
        fs::create_dir(&staging.build).map_err(Error::io(out))?;
        Ok(staging)
    }

    /// Prepares a file at `out`, which must not exist and end in `extension`.
    pub(super) fn file(out: &Path, source: &Path, extension: &str) -> Result<Self> {
        if out.extension().is_none_or(|found| found != extension) {
            return Err(refused(out, &format!("expected a file name that ends in .{extension}")));
        }
        if out.symlink_metadata().is_ok() {
            return Err(refused(out, "expected a new file, found one that exists"));
        }
        Self::at(out, source)
    }

    fn at(out: &Path, source: &Path) -> Result<Self> {
        let whole = if out.exists() { out.canonicalize() } else { std::path::absolute(out) };
        let whole = whole.map_err(Error::io(out))?;
        let mut parts = Vec::new();
        let mut above = whole.as_path();
        // An empty folder at the target itself is replaced, hence the first step in any case.
        while parts.is_empty() || above.symlink_metadata().is_err() {
            let (Some(name), Some(parent)) = (above.file_name(), above.parent()) else {
                return Err(refused(out, "expected the name of a new file or folder at the end"));
            };
            parts.push(name.to_owned());
            above = parent;
        }
        let above = above.canonicalize().map_err(Error::io(above))?;
        let tail: PathBuf = parts.iter().rev().collect();
        let target = above.join(&tail);
        let source = source.canonicalize().map_err(Error::io(source))?;
        if target.starts_with(&source) {
            return Err(refused(out, "expected a place outside the source model, found one inside it"));
        }
        let mut prefix = OsString::from(".");
        prefix.push(target.file_name().unwrap_or_default());
        prefix.push(".tmp-");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix);
        // By kind: the error's own text names the temporary folder.
        let unwritable = |e: io::Error| Error::io(out)(e.kind().into());
        let temporary = builder.tempdir_in(&above).map_err(unwritable)?;
        let build = temporary.path().join(&tail);
        if let Some(parent) = build.parent() {
            fs::create_dir_all(parent).map_err(Error::io(out))?;
        }
        Ok(Self { temporary, tail, build, target })
    }

    /// Where to build: an empty folder, or the path of a file that does not exist yet.
    pub(super) fn path(&self) -> &Path {
        &self.build
    }

    /// Syncs what was built and gives it the target's name. Returns the target and its files.
    pub(super) fn commit(self) -> Result<(PathBuf, Vec<WrittenFile>)> {
        let mut files = Vec::new();
        finish(&self.build, String::new(), &mut files).map_err(|e| self.in_target(e))?;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let first = self.tail.iter().next().expect("the tail has a part because a target has a name");
        let above = self.temporary.path().parent().expect("a temporary folder lies in a folder");
        let (from, to) = (self.temporary.path().join(first), above.join(first));
        if cfg!(windows) && to.is_dir() {
            // Other systems replace an empty folder themselves.
            fs::remove_dir(&to).map_err(Error::io(&to))?;
        }
        fs::rename(from, &to).map_err(Error::io(&to))?;
        sync_folder(above).map_err(Error::io(above))?;
        Ok((self.target, files))
    }

    /// `error` with the target's name in the place of the temporary one.
    pub(super) fn in_target(&self, error: Error) -> Error {
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

/// Lists and syncs the file `path`, or all files below the folder `path`.
fn finish(path: &Path, name: String, files: &mut Vec<WrittenFile>) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(Error::io(path))? {
            let entry = entry.map_err(Error::io(path))?;
            let own = entry.file_name().to_string_lossy().into_owned();
            let name = if name.is_empty() { own } else { format!("{name}/{own}") };
            finish(&entry.path(), name, files)?;
        }
        return sync_folder(path).map_err(Error::io(path));
    }
    let own = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = File::options().append(true).open(path).map_err(Error::io(path))?;
    file.sync_all().map_err(Error::io(path))?;
    let bytes = file.metadata().map_err(Error::io(path))?.len();
    files.push(WrittenFile { name: if name.is_empty() { own() } else { name }, bytes });
    Ok(())
}

/// Makes a folder's entries durable, where the system can.
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

    /// A place with a model folder `source` in it.
    fn place() -> (TempDir, PathBuf) {
        let place = tempfile::tempdir().expect("a temporary folder");
        let source = place.path().join("source");
        fs::create_dir(&source).expect("creates");
        (place, source)
    }

    #[test]
    fn a_committed_folder_stands_with_its_missing_parents_and_nothing_else() {
        let (place, source) = place();
        let out = place.path().join("a/b");
        let staging = Staging::folder(&out, &source).expect("prepares");
        fs::write(staging.path().join("x"), "12").expect("writes");
        assert!(!place.path().join("a").exists());
        let (path, files) = staging.commit().expect("commits");
        assert!(path.ends_with("a/b"));
        assert_eq!(files, [WrittenFile { name: "x".into(), bytes: 2 }]);
        assert_eq!(fs::read(out.join("x")).expect("reads"), b"12");
        assert_eq!(names(place.path()), ["a", "source"]);
    }

    #[test]
    fn an_abandoned_folder_leaves_nothing_not_even_parents() {
        let (place, source) = place();
        let staging = Staging::folder(&place.path().join("a/b"), &source).expect("prepares");
        fs::write(staging.path().join("x"), "12").expect("writes");
        drop(staging);
        assert_eq!(names(place.path()), ["source"]);
    }

    #[test]
    fn an_empty_folder_is_filled_and_others_are_refused() {
        let (place, source) = place();
        let out = place.path().join("out");
        fs::create_dir(&out).expect("creates");
        let staging = Staging::folder(&out, &source).expect("prepares");
        fs::write(staging.path().join("x"), "").expect("writes");
        staging.commit().expect("commits");
        assert_eq!(names(&out), ["x"]);

        let file = out.join("x");
        for bad in [&out, &source, &source.join("inside"), &file, &file.join("below"), &place.path().join("q/..")] {
            Staging::folder(bad, &source).expect_err(&bad.display().to_string());
        }
        for bad in [&out.join("y"), &out.join("x/y.gguf")] {
            Staging::file(bad, &source, "gguf").expect_err(&bad.display().to_string());
        }
        assert_eq!(names(place.path()), ["out", "source"]);
        assert_eq!(names(&out), ["x"]);
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_the_folder_as_the_mask_allows() {
        use std::os::unix::fs::PermissionsExt;
        let (place, source) = place();
        let staging = Staging::folder(&place.path().join("out"), &source).expect("prepares");
        let (path, _) = staging.commit().expect("commits");
        let mode = |path: &Path| fs::metadata(path).expect("is there").permissions().mode();
        assert_eq!(mode(&path), mode(&source));
    }

    #[test]
    fn errors_name_the_target() {
        let (place, source) = place();
        let staging = Staging::folder(&place.path().join("out"), &source).expect("prepares");
        let inside = Error::io(staging.path().join("x"))(io::Error::other("no"));
        let message = staging.in_target(inside).to_string();
        assert!(message.contains("out/x") && !message.contains("tmp-"), "{message}");
    }
}
