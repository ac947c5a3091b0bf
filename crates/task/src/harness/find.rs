//! Finds task files by the name of their task.

use std::path::{Path, PathBuf};

use super::yaml;
use crate::error::{Error, Result};

/// Deepest folder below a given one in which task files are looked for.
const MAX_DEPTH: usize = 8;

/// The YAML file in or below `folders` whose `task` is `name`, if there is one.
///
/// # Errors
/// A folder that cannot be read, or two files of a task with this name.
pub(crate) fn find(name: &str, folders: &[PathBuf]) -> Result<Option<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders {
        collect(name, folder, 0, &mut found)?;
    }
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        [one, other, ..] => {
            let problem =
                format!("expected one file of the task `{name}`, found {} and {}", one.display(), other.display());
            Err(Error::setting("include-path", problem))
        }
    }
}

/// Adds the files of the task `name` in `folder`, which is `depth` folders below a given one, to `found`.
fn collect(name: &str, folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
        .map_err(Error::io(folder))?;
    entries.sort();
    for path in entries {
        if path.is_dir() && depth < MAX_DEPTH {
            collect(name, &path, depth + 1, found)?;
        // A file that cannot be read belongs to another task, or gives its error when it is opened by its path.
        } else if is_yaml(&path) && yaml::is_task(&path, name) {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether the name of a file ends like that of a task file.
pub(crate) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml")
}
