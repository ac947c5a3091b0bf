//! Explains why a folder or file cannot be created: takes the path and the system's error, names the nearest folder that
//! exists and what is wrong with it.

use std::io;
use std::path::Path;

use super::Error;

impl Error {
    /// The error of a setting whose folder or file `path` cannot be created or written. The system's error alone would
    /// mislead: creating a file in `/proc` fails with "no such file or directory".
    pub fn unwritable(setting: &str, path: &Path, source: &io::Error) -> Self {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let above = || whole.ancestors().skip(1).find(|above| above.symlink_metadata().is_ok());
        let problem = match above() {
            // A link that leads nowhere is no folder either.
            Some(above) if !above.is_dir() => format!("{} is not a folder", above.display()),
            _ if whole.is_dir() => format!("nothing can be written in it{}", reason(source)),
            Some(above) => format!("nothing can be created in {}{}", above.display(), reason(source)),
            None => format!("it cannot be created{}", reason(source)),
        };
        Self::setting(setting, format!("{}: {problem}; choose a place that you may write to", path.display()))
    }
}

/// The kind of a system's error, in parentheses; its text could name a temporary file. Not "not found", of a folder that
/// is there.
fn reason(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::NotFound => String::new(),
        kind => format!(" ({kind})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &Path, kind: io::ErrorKind) -> String {
        Error::unwritable("out", path, &kind.into()).to_string()
    }

    #[test]
    fn the_nearest_folder_that_exists_is_named() {
        let place = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(place.path().join("file"), "").expect("writes");
        let shown = place.path().display().to_string();
        let found = message(&place.path().join("a/b"), io::ErrorKind::NotFound);
        assert!(found.contains(&format!("nothing can be created in {shown};")), "{found}");
        let found = message(&place.path().join("a"), io::ErrorKind::PermissionDenied);
        assert!(found.contains("(permission denied)"), "{found}");
        let found = message(&place.path().join("file/b"), io::ErrorKind::NotADirectory);
        assert!(found.contains(&format!("{shown}/file is not a folder")), "{found}");
        let found = message(place.path(), io::ErrorKind::StorageFull);
        assert!(found.contains("nothing can be written in it (no storage space)"), "{found}");
    }
}
