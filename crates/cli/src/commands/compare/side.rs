//! One side of a comparison: a folder's samples, and what they are of.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use laser::results::{NO_EDIT, SampleRecord};
use laser::run::RunFolder;

/// Samples of one model on some items.
pub(super) struct Side {
    /// Folder of the samples.
    pub(super) folder: PathBuf,
    /// The model and its edit, for people.
    pub(super) label: String,
    /// The samples.
    pub(super) samples: Vec<SampleRecord>,
    /// Names of the tasks, in the order of the samples.
    pub(super) tasks: Vec<String>,
    /// True if a search chose the edit by some of these items.
    pub(super) is_winner: bool,
}

impl Side {
    /// The samples of an evaluation, or those of a search's winner.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let run = RunFolder::new(folder);
        let samples = run.samples()?;
        let is_winner = run.is_search();
        let edit = if is_winner { Some(run.results()?.best.edit) } else { run.evaluated_edit()? };
        let edit = edit.filter(|edit| edit != NO_EDIT);
        Self::of(folder, samples, edit.as_deref(), is_winner)
    }

    /// The samples of a search's unedited model.
    pub(super) fn unedited(folder: &Path) -> Result<Self> {
        let run = RunFolder::new(folder);
        if !run.is_search() {
            bail!("{}: expected the folder of a search, or a second folder to compare with", folder.display());
        }
        Self::of(folder, run.base_samples()?, None, false)
    }

    fn of(folder: &Path, samples: Vec<SampleRecord>, edit: Option<&str>, is_winner: bool) -> Result<Self> {
        let manifest = RunFolder::new(folder).manifest()?;
        let mut tasks: Vec<String> = Vec::new();
        for sample in &samples {
            let task = sample.task.clone().unwrap_or_else(|| manifest.task.name.clone());
            if !tasks.contains(&task) {
                tasks.push(task);
            }
        }
        let label =
            format!("{} {}", manifest.model.path, edit.map_or_else(|| "unedited".to_owned(), |e| format!("with {e}")));
        Ok(Self { folder: folder.to_owned(), label, samples, tasks, is_winner })
    }

    /// Name of a sample's task.
    pub(super) fn task_of<'a>(&'a self, sample: &'a SampleRecord) -> &'a str {
        sample.task.as_deref().unwrap_or_else(|| self.tasks.first().map_or("", String::as_str))
    }
}
