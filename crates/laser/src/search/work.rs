//! Work: items and candidates → batches, and how they are scored: by a layer walk, or by whole runs.

use super::candidate::Candidate;
use super::context::SearchContext;
use super::layer_walk::{LayerWalk, OutcomeReceiver};
use super::whole_runs::{self, WholeRuns};
use crate::edit::Edit;
use crate::error::Result;
use crate::evaluate::batch::Batch;
use laser_model::Model;

/// Rows of one forward pass over all variants of a matrix: enough for matrix products near their peak speed, few enough
/// for batches on all threads.
const PASS_ROWS: usize = 1024;
/// [`PASS_ROWS`] for scores that generate text. Only few rows of the prompts go on to decoding, which is slow on very
/// few rows.
const GENERATING_PASS_ROWS: usize = 2048;
/// Number of batches into which even few items are divided, so that several threads have work; it must not depend on the
/// number of threads, because outcomes must not.
const LEAST_BATCHES: usize = 8;
/// Rows of a batch below which matrix products become slow.
const LEAST_BATCH_ROWS: usize = 48;

/// Batches of consecutive items, ready to be scored.
pub(super) enum Work {
    /// Texts, which a pass can enter at the layer of an edit.
    Walk(Vec<Batch>),
    /// Items that need whole runs.
    Runs(Vec<Vec<usize>>),
}

impl Work {
    /// Divides items, sorted by their tokens, into batches.
    pub(super) fn plan(context: SearchContext<'_>, items: &[usize], candidates: &[Candidate]) -> Self {
        let evaluator = context.evaluator;
        if evaluator.levels().is_some() {
            return Self::Runs(whole_runs::batches(items));
        }
        // The number of rows depends on all candidates, not only the open ones, so that a resumed search has the same
        // batches and finds its stored ones again.
        let most_variants = LayerWalk::most_variants(candidates);
        let tokens: usize = items.iter().map(|item| evaluator.longest(*item)).sum();
        let divided = (tokens / LEAST_BATCHES).max(LEAST_BATCH_ROWS);
        Self::Walk(evaluator.batches(items, |score| {
            let most = if score.generates() { GENERATING_PASS_ROWS } else { PASS_ROWS.min(divided * most_variants) };
            (most / most_variants).max(1)
        }))
    }

    /// Some of the batches.
    pub(super) fn some(&self, parts: &[usize]) -> Self {
        match self {
            Self::Walk(batches) => Self::Walk(parts.iter().map(|part| batches[*part].clone()).collect()),
            Self::Runs(batches) => Self::Runs(parts.iter().map(|part| batches[*part].clone()).collect()),
        }
    }

    /// Number of items of each batch.
    pub(super) fn sizes(&self) -> Vec<usize> {
        match self {
            Self::Walk(batches) => batches.iter().map(|batch| batch.items.len()).collect(),
            Self::Runs(batches) => batches.iter().map(Vec::len).collect(),
        }
    }

    /// Scores `model`, and the model of each candidate, on all batches that the receiver still needs. `edits`: the edit
    /// of each candidate, with the one that made `model`.
    ///
    /// # Errors
    /// If an edit cannot be made or scored, or the receiver fails; if the observer stops the work.
    pub(super) fn run(
        &self,
        context: SearchContext<'_>,
        model: &Model,
        candidates: &[Candidate],
        edits: &[Edit],
        receiver: &dyn OutcomeReceiver,
    ) -> Result<()> {
        match self {
            Self::Walk(batches) => LayerWalk::new(context, model, batches, candidates, receiver).run(),
            Self::Runs(batches) => WholeRuns::new(context, model, batches, edits, receiver).run(),
        }
    }
}
