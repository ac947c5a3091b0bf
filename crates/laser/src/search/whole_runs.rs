//! Whole runs: scores edits on batches of items by running each edited model from its first layer on.
//!
//! For items that no pass can enter in the middle, such as levels that a model plays step by step: what it reads next
//! depends on what it did.

use std::sync::{Mutex, MutexGuard};

use super::context::SearchContext;
use super::layer_walk::OutcomeReceiver;
use super::trial::Outcomes;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::evaluate::RunContext;
use laser_model::Model;
use laser_model::parallel::{Unobserved, map};

/// Number of items of a batch; it must not depend on the number of threads, because a resumed search has to have the same
/// batches.
const BATCH_ITEMS: usize = 64;

/// Divides items into batches of consecutive ones.
pub(super) fn batches(items: &[usize]) -> Vec<Vec<usize>> {
    items.chunks(BATCH_ITEMS).map(<[usize]>::to_vec).collect()
}

/// Runs of a model, and of the models of some edits, over batches of items.
pub(super) struct WholeRuns<'a> {
    context: SearchContext<'a>,
    /// The model without a candidate; each run is on one thread.
    model: Model,
    batches: &'a [Vec<usize>],
    /// The edit of each candidate.
    edits: &'a [Edit],
    receiver: &'a dyn OutcomeReceiver,
}

impl<'a> WholeRuns<'a> {
    /// Runs of `model` and of all `edits` over `batches`.
    pub(super) fn new(
        context: SearchContext<'a>,
        model: &Model,
        batches: &'a [Vec<usize>],
        edits: &'a [Edit],
        receiver: &'a dyn OutcomeReceiver,
    ) -> Self {
        Self { context, model: model.with_threads(1), batches, edits, receiver }
    }

    /// Scores the model and all candidates on the batches that they still need.
    ///
    /// # Errors
    /// If an edit cannot be made or scored, or the receiver fails; if the observer stops the work.
    pub(super) fn run(&self) -> Result<()> {
        let SearchContext { settings, observer, .. } = self.context;
        let all: Vec<usize> = (0..self.batches.len()).collect();
        let of_base = if self.receiver.needs_base() { all.clone() } else { Vec::new() };
        map(of_base, settings.threads, observer, |batch| {
            self.receiver.receive(batch, vec![(None, self.score(&self.model, batch)?)])
        })?;
        let models: Vec<CandidateModel> = self.edits.iter().map(|_| CandidateModel::default()).collect();
        let needed = |candidate: &usize| {
            let batches = all.iter().filter(|batch| self.receiver.needs(*candidate, **batch));
            batches.map(|batch| (*candidate, *batch)).collect::<Vec<_>>()
        };
        let jobs: Vec<(usize, usize)> = (0..self.edits.len()).flat_map(|candidate| needed(&candidate)).collect();
        for (candidate, _) in &jobs {
            models[*candidate].lock().jobs_left += 1;
        }
        map(jobs, settings.threads, observer, |(candidate, batch)| {
            if !self.receiver.expired() {
                let model = models[candidate].get(|| self.edited(candidate))?;
                let outcomes = self.score(&model, batch)?;
                self.receiver.receive(batch, vec![(Some(candidate), outcomes)])?;
            }
            models[candidate].job_done();
            Ok::<_, Error>(())
        })?;
        Ok(())
    }

    /// The model of a candidate; a reduction starts from the matrix as loaded.
    fn edited(&self, candidate: usize) -> Result<Model> {
        let (model, _) = self.context.truncation.apply(self.context.model, &self.edits[candidate])?;
        Ok(model.with_threads(1))
    }

    fn score(&self, model: &Model, batch: usize) -> Result<Outcomes> {
        let run = RunContext { threads: 1, stage: "", observer: &Unobserved };
        Ok(Outcomes::of(&self.context.evaluator.evaluate(model, &self.batches[batch], run)?))
    }
}

/// The model of a candidate, shared by its jobs: the first job makes it, the last one frees it.
#[derive(Default)]
struct CandidateModel(Mutex<State>);

#[derive(Default)]
struct State {
    model: Option<Model>,
    /// Number of jobs that have not ended.
    jobs_left: usize,
}

impl CandidateModel {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no thread panics while it holds the model")
    }

    fn get(&self, make: impl FnOnce() -> Result<Model>) -> Result<Model> {
        // The lock is held while the model is made: the candidate's other jobs need it anyway.
        let mut state = self.lock();
        if state.model.is_none() {
            state.model = Some(make()?);
        }
        Ok(state.model.clone().expect("made above"))
    }

    fn job_done(&self) {
        let mut state = self.lock();
        state.jobs_left -= 1;
        if state.jobs_left == 0 {
            state.model = None;
        }
    }
}
