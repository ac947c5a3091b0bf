//! Leftovers of an interrupted command: empty folders, and drafts of models. They are removed.

use std::path::{Path, PathBuf};

/// Folders and targets of a command.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    /// Folders that the command created.
    pub(super) folders: Vec<PathBuf>,
    /// Models that it writes.
    pub(super) targets: Vec<PathBuf>,
}

impl Leftovers {
    /// Removes the folders that are empty, and the drafts. What cannot be removed stays: the command ends anyway.
    pub(super) fn remove(&self) {
        for folder in &self.folders {
            let _ = std::fs::remove_dir(folder);
        }
        for target in &self.targets {
            remove_drafts(target);
        }
    }
}

/// Removes the drafts of a model, which the library builds in a folder `.NAME.tmp-…` beside it, or beside the nearest of its
/// parents that exists.
fn remove_drafts(target: &Path) {
    let absolute = std::path::absolute(target).unwrap_or_else(|_| target.to_owned());
    let Some(name) = absolute.file_name() else { return };
    let prefix = format!(".{}.tmp-", name.to_string_lossy());
    let Some(folder) = absolute.ancestors().skip(1).find(|folder| folder.is_dir()) else { return };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_empty_folders_and_drafts_are_removed() {
        let place = tempfile::tempdir().expect("a folder");
        let path = |name: &str| place.path().join(name);
        for folder in ["empty", "full", ".out.tmp-abc", ".other.tmp-abc"] {
            std::fs::create_dir(path(folder)).expect("creates");
        }
        std::fs::write(path("full/x"), "").expect("writes");
        std::fs::write(path(".out.tmp-abc/model.safetensors"), "").expect("writes");
        Leftovers { folders: vec![path("empty"), path("full")], targets: vec![path("new/out")] }.remove();
        assert_eq!(
            ["empty", "full", ".out.tmp-abc", ".other.tmp-abc"].map(|name| path(name).exists()),
            [false, true, false, true]
        );
    }
}
