//! The training loop: steps, journal, and a state on disk from which it goes on.

use std::path::{Path, PathBuf};

use laser::Observer;
use laser::model::parallel::map;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::adamw::{AdamW, AdamWSettings};
use super::backward::SliceGradient;
use super::journal::{JOURNAL, Journal, JournalLine};
use super::parameter_set::ParameterSet;
use super::schedule::Schedule;
use super::slice::{Examples, Slice};
use super::state::TrainingState;
use super::trainable::Trainable;
use crate::error::{Error, Result};

/// Settings of a training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrainingSettings {
    /// Number of steps.
    pub steps: usize,
    /// The learning rate of each step.
    pub schedule: Schedule,
    /// Constants of the optimiser.
    pub optimizer: AdamWSettings,
    /// Largest norm of a gradient; a longer one is shortened to it.
    pub clip: f64,
    /// Number of steps after which the state is written.
    pub save_every: usize,
}

/// Name of the state's file.
const STATE: &str = "state.safetensors";

/// A training: parameters, and where it stands. `P` is what is trained: all parameters of a model, or an adapter.
pub struct Trainer<'a, E, P = ParameterSet> {
    parameters: P,
    examples: &'a E,
    settings: TrainingSettings,
    optimizer: AdamW,
    decays: Vec<bool>,
    /// Rows computed so far.
    rows: usize,
    /// Folder of state and journal; `None` if neither is written.
    folder: Option<PathBuf>,
    /// Everything that the result depends on, as the state keeps it.
    description: String,
    saved: usize,
}

impl<'a, E: Examples, P: Trainable> Trainer<'a, E, P> {
    /// A training that starts from `parameters`, and writes nothing.
    pub fn new(parameters: P, examples: &'a E, settings: TrainingSettings) -> Self {
        let (optimizer, decays) = (AdamW::new(settings.optimizer, parameters.values().len()), parameters.decays());
        let description = String::new();
        Self { parameters, examples, settings, optimizer, decays, rows: 0, folder: None, description, saved: 0 }
    }

    /// The same training with its state and its journal in `folder`, which exists. If the folder has a state already, the
    /// training goes on from there. `description` says what else the result depends on, such as the data and its seed.
    ///
    /// # Errors
    /// A state of another training, or a folder that cannot be read.
    pub fn in_folder(mut self, folder: &Path, description: &Value) -> Result<Self> {
        self.description = json!({"settings": self.settings, "of": description}).to_string();
        self.folder = Some(folder.to_owned());
        let path = folder.join(STATE);
        if path.exists() {
            let mut state = self.state();
            state.read(&path, &self.description)?;
            self.set_state(state);
            self.saved = self.optimizer.steps;
        }
        Ok(self)
    }

    /// Number of steps done.
    pub fn steps_done(&self) -> usize {
        self.optimizer.steps
    }

    /// Runs all remaining steps with `threads` threads, which do not change the result. `on_step` is told of every step.
    ///
    /// # Errors
    /// [`Error::Diverged`] for a loss or a gradient that is not finite; [`laser::Error::Interrupted`] if `observer` stops
    /// the training, whose state is then written; examples that do not fit the model; files that cannot be written.
    pub fn run(
        &mut self,
        threads: usize,
        observer: &dyn Observer,
        mut on_step: impl FnMut(&JournalLine),
    ) -> Result<()> {
        let after = self.steps_done();
        let mut journal = match &self.folder {
            Some(folder) => Some(Journal::open_after(&folder.join(JOURNAL), after)?),
            None => None,
        };
        while self.steps_done() < self.settings.steps {
            if observer.stopped() {
                self.save(&mut journal)?;
                return Err(laser::Error::Interrupted.into());
            }
            let line = self.step(threads)?;
            if let Some(journal) = &mut journal {
                journal.append(&line)?;
            }
            on_step(&line);
            let last = line.step == self.settings.steps;
            if last || line.step % self.settings.save_every.max(1) == 0 {
                self.save(&mut journal)?;
            }
        }
        Ok(())
    }

    /// The journal's line of the last step.
    ///
    /// # Errors
    /// A training without a folder, or before its first step.
    pub fn last_line(&self) -> Result<JournalLine> {
        let step = self.steps_done();
        let missing = || Error::setting("steps", format!("expected a journal with step {step}, found none"));
        let path = self.folder.as_ref().ok_or_else(missing)?.join(JOURNAL);
        JournalLine::read(&path, step)?.ok_or_else(missing)
    }

    /// The parameters as they are now.
    pub fn into_parameters(self) -> P {
        self.parameters
    }

    /// One step.
    fn step(&mut self, threads: usize) -> Result<JournalLine> {
        let step = self.steps_done() + 1;
        let slices = self.examples.batch(step)?;
        let rows = slices.iter().map(|slice| slice.layout.len()).sum::<usize>();
        let weights = slices.iter().flat_map(|slice| &slice.targets).map(|target| f64::from(target.weight));
        let total: f64 = weights.sum();
        let SliceGradient { loss, gradient } = self.gradient(&slices, threads)?;
        let not_finite = |what| Error::Diverged { step, what, kept: self.saved };
        let loss = loss / total;
        if !loss.is_finite() {
            return Err(not_finite("loss"));
        }
        let norm = gradient.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>().sqrt() / total;
        if !norm.is_finite() {
            return Err(not_finite("gradient"));
        }
        let clipped = if norm > self.settings.clip { self.settings.clip / norm } else { 1.0 };
        let rate = self.settings.schedule.rate(step, self.settings.steps);
        let factor = (clipped / total) as f32;
        self.optimizer.step(self.parameters.values_mut(), &gradient, factor, rate, &self.decays);
        self.rows += rows;
        Ok(JournalLine { step, rows: self.rows, loss, learning_rate: rate, gradient_norm: norm })
    }

    /// Loss and gradient of all slices: the sums in their order.
    fn gradient(&self, slices: &[Slice], threads: usize) -> Result<SliceGradient> {
        let prepared = self.parameters.prepare()?;
        let parts = map(slices.iter().collect(), threads, &laser::Unobserved, |slice: &Slice| {
            self.parameters.gradient(&prepared, slice)
        })?;
        let mut parts = parts.into_iter();
        let mut sum = parts.next().ok_or_else(|| Error::setting("examples", "expected slices, found none"))?;
        for part in parts {
            sum.loss += part.loss;
            sum.gradient.iter_mut().zip(part.gradient).for_each(|(sum, value)| *sum += value);
        }
        Ok(sum)
    }

    /// Writes state and journal, if the training has a folder.
    fn save(&mut self, journal: &mut Option<Journal>) -> Result<()> {
        let (Some(folder), Some(journal)) = (&self.folder, journal) else { return Ok(()) };
        // The journal first: lines beyond the state are dropped later, but missing ones could not be made up.
        journal.flush()?;
        self.state().write(&folder.join(STATE), &self.description)?;
        self.saved = self.steps_done();
        Ok(())
    }

    fn state(&self) -> TrainingState {
        TrainingState { values: self.parameters.values().to_vec(), optimizer: self.optimizer.clone(), rows: self.rows }
    }

    fn set_state(&mut self, state: TrainingState) {
        (*self.parameters.values_mut(), self.optimizer, self.rows) = (state.values, state.optimizer, state.rows);
    }
}
