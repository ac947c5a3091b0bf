//! The folder of a training in progress, inside the folder of its result.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Its name.
const PROGRESS: &str = "training";

/// The folder of a training in progress within `out`, made if it is new.
pub(crate) fn progress_folder(out: &Path, resume: bool) -> Result<PathBuf> {
    let progress = out.join(PROGRESS);
    if out.exists() {
        let mut entries = fs::read_dir(out).map_err(Error::io(out))?;
        let problem = |problem: &str| Err(Error::File { path: out.display().to_string(), problem: problem.to_owned() });
        if resume && !progress.exists() {
            return problem("expected a training that was stopped, found none");
        }
        if !resume && entries.next().is_some() {
            return problem(
                "expected a new or an empty folder, found one with files in it; a training that was stopped can be resumed",
            );
        }
    } else if resume {
        return Err(Error::io(out)(std::io::ErrorKind::NotFound.into()));
    }
    fs::create_dir_all(&progress).map_err(Error::io(&progress))?;
    Ok(progress)
}
