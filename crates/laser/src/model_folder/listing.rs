//! The files of a model folder: walks the folder, follows only links that stay in it, and says what it leaves out and
//! why.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// Folders of version control and download tools, which are no part of the model.
const TOOL_FOLDERS: [&str; 2] = [".git", ".cache"];

/// The files of a model folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Paths within the folder with `/` between their parts, sorted.
    pub(crate) files: Vec<String>,
    /// Entries that are left out, sorted.
    pub(crate) left_out: Vec<LeftOut>,
}

/// An entry of a model folder that is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LeftOut {
    /// Path within the folder, fit to be shown.
    pub(crate) name: String,
    /// Why, without a verb: `a link to a folder`.
    pub(crate) reason: &'static str,
}

/// Lists the files below `folder`.
///
/// A link is followed if it leads to a file of the folder, or, in a snapshot of the Hugging Face cache, to a file of the
/// same repository's `blobs`. A link that leads out of the folder is an error: whoever made the folder could name any
/// file of the user's, and a copy of the folder would contain it.
///
/// # Errors
/// Such a link, or a folder that cannot be read.
pub(crate) fn list(folder: &Path) -> Result<Listing> {
    let root = folder.canonicalize().map_err(Error::io(folder))?;
    let mut listing = Listing::default();
    walk(&Walk { blobs: blobs_of(&root), root }, folder, "", &mut listing)?;
    listing.files.sort();
    listing.left_out.sort();
    Ok(listing)
}

/// A name as it is shown: control characters, which could move a terminal's cursor, become `?`.
pub(crate) fn shown(name: &OsStr) -> String {
    name.to_string_lossy().chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// What holds for the whole walk.
struct Walk {
    /// The folder, without links in its path.
    root: PathBuf,
    /// The folder of blobs, if the folder is a snapshot of the Hugging Face cache.
    blobs: Option<PathBuf>,
}

/// `models--ORG--NAME/blobs` for a snapshot `models--ORG--NAME/snapshots/COMMIT`.
fn blobs_of(root: &Path) -> Option<PathBuf> {
    let snapshots = root.parent().filter(|parent| parent.file_name().is_some_and(|name| name == "snapshots"))?;
    snapshots.parent()?.join("blobs").canonicalize().ok()
}

/// Adds the entries of `folder`; their names begin with `prefix`, the path of `folder` in the model folder.
fn walk(walk_of: &Walk, folder: &Path, prefix: &str, listing: &mut Listing) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        let (path, own) = (entry.path(), entry.file_name());
        let Some(name) = own.to_str().map(|own| format!("{prefix}{own}")) else {
            let name = format!("{prefix}{}", shown(&own));
            listing.left_out.push(LeftOut { name, reason: "a name that is not UTF-8" });
            continue;
        };
        let kind = entry.file_type().map_err(Error::io(&path))?;
        let left_out = if kind.is_symlink() {
            walk_of.judge_link(&path)?
        } else if kind.is_dir() {
            if TOOL_FOLDERS.contains(&name.rsplit('/').next().unwrap_or(&name)) {
                Some("a folder of version control or of a download tool")
            } else {
                walk(walk_of, &path, &format!("{name}/"), listing)?;
                continue;
            }
        } else {
            (!kind.is_file()).then_some("no plain file")
        };
        match left_out {
            Some(reason) => listing.left_out.push(LeftOut { name: format!("{prefix}{}", shown(&own)), reason }),
            None => listing.files.push(name),
        }
    }
    Ok(())
}

impl Walk {
    /// Why a link is left out; `None` if it is followed.
    fn judge_link(&self, link: &Path) -> Result<Option<&'static str>> {
        let Ok(target) = link.canonicalize() else {
            return Ok(Some("a link that leads nowhere")); // or in a circle
        };
        let inside = target.strip_prefix(&self.root).ok();
        if inside.is_none() && !self.blobs.as_ref().is_some_and(|blobs| target.starts_with(blobs)) {
            let problem = format!(
                "{}: a link that leads out of the model folder, to {}, is not followed; replace it by a copy of the \
                 file (cp -L), or remove it",
                link.display(),
                shown(target.as_os_str()),
            );
            return Err(Error::setting("source", problem));
        }
        let is_tool = |part: Component<'_>| TOOL_FOLDERS.iter().any(|tool| part.as_os_str() == OsStr::new(tool));
        Ok(if inside.is_some_and(|inside| inside.components().any(is_tool)) {
            Some("a link to a file of version control or of a download tool")
        } else if target.is_dir() {
            Some("a link to a folder") // which may lead in circles
        } else {
            (!target.is_file()).then_some("no plain file")
        })
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A temporary folder with a folder `model`, a file and a folder in it, and a file and a folder beside it.
    fn place() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().expect("a temporary folder");
        let model = place.path().join("model");
        for folder in ["model/sub", "model/.git", "beside"] {
            fs::create_dir_all(place.path().join(folder)).expect("creates");
        }
        for file in ["model/config.json", "model/sub/a.txt", "model/.git/config", "secret", "beside/b.txt"] {
            fs::write(place.path().join(file), "x").expect("writes");
        }
        (place, model)
    }

    fn reason<'a>(listing: &'a Listing, name: &str) -> &'a str {
        listing.left_out.iter().find(|entry| entry.name == name).map_or("not left out", |entry| entry.reason)
    }

    #[test]
    fn links_that_leave_the_folder_are_refused_with_their_target() {
        for (link, target) in [
            ("link", "../secret"),
            ("sub/deep", "../../secret"),
            ("folder", "../beside"),
            ("parent", ".."),
            ("self", "../model/../secret"),
            ("chain", "sub/first"), // through another link
        ] {
            let (place, model) = place();
            symlink("../../secret", model.join("sub/first")).expect("links");
            if link != "chain" {
                fs::remove_file(model.join("sub/first")).expect("removes");
            }
            symlink(target, model.join(link)).expect("links");
            let message = list(&model).expect_err(link).to_string();
            assert!(message.contains("leads out of the model folder") && message.contains("cp -L"), "{message}");
            drop(place);
        }
        let (place, model) = place();
        fs::remove_file(model.join("config.json")).expect("removes");
        symlink(place.path().join("secret"), model.join("config.json")).expect("links");
        let message = list(&model).expect_err("an absolute link").to_string();
        assert!(message.contains("config.json") && message.contains("secret"), "{message}");
    }

    #[test]
    fn links_within_the_folder_are_files_or_left_out() {
        let (_place, model) = place();
        for (link, target) in [
            ("again.json", "config.json"),
            ("sub/up.json", "../config.json"),
            ("loop", "loop"),
            ("nowhere", "missing"),
            ("circle", "."),
            ("sub/circle", "../sub"),
            ("token", ".git/config"),
        ] {
            symlink(target, model.join(link)).expect("links");
        }
        let listing = list(&model).expect("lists");
        assert_eq!(listing.files, ["again.json", "config.json", "sub/a.txt", "sub/up.json"]);
        for link in ["loop", "nowhere"] {
            assert_eq!(reason(&listing, link), "a link that leads nowhere");
        }
        for link in ["circle", "sub/circle"] {
            assert_eq!(reason(&listing, link), "a link to a folder");
        }
        assert!(reason(&listing, "token").contains("version control"));
    }

    #[test]
    fn the_blobs_of_a_snapshot_are_followed_and_those_of_others_are_not() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let repo = |name: &str| place.path().join(format!("models--{name}"));
        for name in ["a", "b"] {
            fs::create_dir_all(repo(name).join("blobs")).expect("creates");
            fs::create_dir_all(repo(name).join("snapshots/1/sub")).expect("creates");
            fs::write(repo(name).join("blobs/ff"), "x").expect("writes");
        }
        let snapshot = repo("a").join("snapshots/1");
        symlink("../../blobs/ff", snapshot.join("config.json")).expect("links");
        symlink("../../../blobs/ff", snapshot.join("sub/x.txt")).expect("links");
        // Also when the snapshot is given by way of a link.
        symlink(&snapshot, place.path().join("model")).expect("links");
        for folder in [&snapshot, &place.path().join("model")] {
            assert_eq!(list(folder).expect("lists").files, ["config.json", "sub/x.txt"]);
        }
        symlink("../../../models--b/blobs/ff", snapshot.join("other")).expect("links");
        list(&snapshot).expect_err("a blob of another repository");
    }

    #[test]
    fn names_that_are_not_utf8_are_left_out_and_shown_without_control_characters() {
        let (_place, model) = place();
        let bad = OsStr::from_bytes(b"w\xff\x1b[1m.txt");
        fs::write(model.join("sub").join(bad), "x").expect("writes");
        fs::create_dir(model.join(OsStr::from_bytes(b"d\xfe"))).expect("creates");
        fs::write(model.join(OsStr::from_bytes(b"d\xfe")).join("in.txt"), "x").expect("writes");
        let listing = list(&model).expect("lists");
        assert_eq!(listing.files, ["config.json", "sub/a.txt"]);
        assert_eq!(reason(&listing, "sub/w\u{fffd}?[1m.txt"), "a name that is not UTF-8");
        assert_eq!(reason(&listing, "d\u{fffd}"), "a name that is not UTF-8");
    }
}
