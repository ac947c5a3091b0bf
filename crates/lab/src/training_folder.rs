//! The folder of a training: its state while it runs, the finished model at the end.

use std::fs;
use std::path::{Path, PathBuf};

use laser::Observer;
use laser::checkpoint::write_atomically;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::training::{Examples, JournalLine, ParameterSet, Trainer, TrainingSettings, read_config, write_model};

/// Folder within the target that a training in progress uses.
const PROGRESS: &str = "training";
/// File of the settings and of the journal's last line, in a finished folder.
const SUMMARY: &str = "training.json";
/// File of the journal.
const JOURNAL: &str = "train.jsonl";

/// The folder of a training.
#[derive(Debug)]
pub(crate) struct TrainingFolder {
    out: PathBuf,
    progress: PathBuf,
}

/// A model to train, and everything that the result depends on besides the examples' content.
pub(crate) struct Training<'a, E> {
    /// Configuration in the form of `config.json`.
    pub(crate) config_json: &'a Value,
    /// Where the examples come from.
    pub(crate) examples: &'a E,
    /// Steps, learning rate, optimiser.
    pub(crate) settings: TrainingSettings,
    /// Seed of the initial weights.
    pub(crate) seed: u64,
    /// Everything that the result depends on, for the summary and to recognise a training that goes on.
    pub(crate) description: Value,
}

impl TrainingFolder {
    /// The folder `out`, made if it is new. It must not exist, be empty, or with `resume` hold a training that was stopped.
    ///
    /// # Errors
    /// A folder that is not free or cannot be made, or with `resume` has no training in progress.
    pub(crate) fn open(out: &Path, resume: bool) -> Result<Self> {
        let progress = out.join(PROGRESS);
        let problem = |problem: &str| Err(Error::File { path: out.display().to_string(), problem: problem.to_owned() });
        if resume && !progress.exists() {
            return problem("expected a training that was stopped, found none");
        }
        if !resume && out.exists() {
            let mut entries = fs::read_dir(out).map_err(Error::io(out))?;
            if progress.exists() {
                return problem("expected a new or an empty folder, found a training that was stopped (resume it?)");
            }
            if entries.next().is_some() {
                return problem("expected a new or an empty folder, found one with files in it");
            }
        }
        fs::create_dir_all(&progress).map_err(Error::io(&progress))?;
        Ok(Self { out: out.to_owned(), progress })
    }

    /// Trains a model, writes it, calls `write_rest` with the folder for its other files, and removes the state of the
    /// training. `config.json` comes last, so that a folder with one is complete. Returns the journal's last line.
    ///
    /// # Errors
    /// Sizes that do not fit together, those of [`Trainer::run`], and files that cannot be written.
    pub(crate) fn run<E: Examples>(
        &self,
        training: &Training<'_, E>,
        threads: usize,
        observer: &dyn Observer,
        on_step: impl FnMut(&JournalLine),
        write_rest: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<JournalLine> {
        let parameters = ParameterSet::initial(read_config(training.config_json)?, training.seed)?;
        let trainer = Trainer::new(parameters, training.examples, training.settings);
        let mut trainer = trainer.in_folder(&self.progress, &training.description.to_string())?;
        trainer.run(threads, observer, on_step)?;
        let last = trainer.last_line()?;
        let summary = json!({"training": training.description, "last_step": last});
        let summary = serde_json::to_string_pretty(&summary).expect("JSON values can be written");
        write_atomically(&self.out.join(SUMMARY), format!("{summary}\n").as_bytes())?;
        let journal = self.progress.join(JOURNAL);
        fs::copy(&journal, self.out.join(JOURNAL)).map_err(Error::io(&journal))?;
        write_rest(&self.out)?;
        write_model(&self.out, training.config_json, &trainer.into_parameters())?;
        fs::remove_dir_all(&self.progress).map_err(Error::io(&self.progress))?;
        Ok(last)
    }
}
