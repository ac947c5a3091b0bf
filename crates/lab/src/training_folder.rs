//! The folder of a training: its state while it runs, the finished model at the end.

use std::fs;
use std::path::{Path, PathBuf};

use laser::Observer;
use laser::checkpoint::write_atomically;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::training::{Examples, JOURNAL, JournalLine, Trainable, Trainer, TrainingSettings};

/// Folder within the target that a training in progress uses.
const PROGRESS: &str = "training";
/// File of the settings and of the journal's last line, in a finished folder.
const SUMMARY: &str = "training.json";

/// The folder of a training.
#[derive(Debug)]
pub(crate) struct TrainingFolder {
    out: PathBuf,
    progress: PathBuf,
}

/// Parameters to train, and everything that the result depends on.
pub(crate) struct Training<'a, E, P> {
    /// The parameters before the first step.
    pub(crate) parameters: P,
    /// Examples.
    pub(crate) examples: &'a E,
    /// Steps, learning rate, optimiser.
    pub(crate) settings: TrainingSettings,
    /// Everything that the result depends on, for the summary and to recognise a training that goes on.
    pub(crate) description: Value,
}

impl TrainingFolder {
    /// The folder `out`, made if it is new. It must not exist, be empty, or with `resume` hold a training that was stopped;
    /// with `resume` and nothing to resume, a training begins, so that one command serves both.
    ///
    /// # Errors
    /// A folder that is not free or cannot be made.
    pub(crate) fn open(out: &Path, resume: bool) -> Result<Self> {
        let progress = out.join(PROGRESS);
        let problem = |problem: &str| Err(Error::File { path: out.display().to_string(), problem: problem.to_owned() });
        if out.exists() && !(resume && progress.exists()) {
            let mut entries = fs::read_dir(out).map_err(Error::io(out))?;
            if progress.exists() {
                return problem("expected a new or an empty folder, found a training that was stopped (resume it?)");
            }
            if out.join(SUMMARY).exists() {
                return problem("expected a new or an empty folder, found a training that is finished");
            }
            if entries.next().is_some() {
                return problem("expected a new or an empty folder, found one with files in it");
            }
        }
        fs::create_dir_all(&progress).map_err(Error::io(&progress))?;
        Ok(Self { out: out.to_owned(), progress })
    }

    /// Trains the parameters, calls `write` with the folder and the result, and removes the state of the training. Returns
    /// the journal's last line. `write` writes the file without which the folder is not complete last.
    ///
    /// # Errors
    /// Those of [`Trainer::run`], and files that cannot be written.
    pub(crate) fn run<E: Examples, P: Trainable>(
        &self,
        training: Training<'_, E, P>,
        threads: usize,
        observer: &dyn Observer,
        on_step: impl FnMut(&JournalLine),
        write: impl FnOnce(&Path, &P) -> Result<()>,
    ) -> Result<JournalLine> {
        let Training { parameters, examples, settings, description } = training;
        let mut trainer = Trainer::new(parameters, examples, settings).in_folder(&self.progress, &description)?;
        trainer.run(threads, observer, on_step)?;
        let last = trainer.last_line()?;
        let summary = json!({"training": description, "last_step": last});
        let summary = serde_json::to_string_pretty(&summary).expect("JSON values can be written");
        write_atomically(&self.out.join(SUMMARY), format!("{summary}\n").as_bytes())?;
        let journal = self.progress.join(JOURNAL);
        fs::copy(&journal, self.out.join(JOURNAL)).map_err(Error::io(&journal))?;
        write(&self.out, &trainer.into_parameters())?;
        fs::remove_dir_all(&self.progress).map_err(Error::io(&self.progress))?;
        Ok(last)
    }
}
