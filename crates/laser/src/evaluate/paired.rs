//! Paired evaluation: items → outcomes of the unedited model and of an edit of it. The layers below the first edited one are
//! computed once, and the members of a team may divide the batches among themselves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Evaluator;
use super::base_states::BaseStates;
use super::batch::{BATCH_ROWS, Batch};
use super::context::RunContext;
use super::outcome::Outcome;
use super::scorer::Detail;
use crate::error::{Error, Result};
use crate::team::{GatheredWork, Team};
use laser_model::Model;
use laser_model::parallel::map;
use laser_model::weight_id::BlockEntry;

/// An unedited model and an edit of it, to be compared on the same tokens.
#[derive(Clone, Copy)]
pub struct ModelPair<'a> {
    /// The unedited model.
    pub base: &'a Model,
    /// The edited model.
    pub edited: &'a Model,
    /// First layer with an edited matrix; the layers below are computed once.
    pub first_layer: usize,
}

/// One evaluation of both models; a part is a batch.
pub(crate) struct PairedEvaluation<'a> {
    evaluator: &'a Evaluator<'a>,
    models: ModelPair<'a>,
    /// The edit in short form.
    edit: String,
    /// Indices of the items.
    indices: &'a [usize],
    /// Batches of texts; none for levels, which are one part.
    batches: Vec<Batch>,
    context: RunContext<'a>,
}

impl<'a> PairedEvaluation<'a> {
    /// The evaluation of the items `indices`, nothing of it done. `edit`: the edit in short form.
    pub(crate) fn new(
        evaluator: &'a Evaluator<'a>,
        models: ModelPair<'a>,
        edit: String,
        indices: &'a [usize],
        context: RunContext<'a>,
    ) -> Self {
        let batches = match evaluator.levels() {
            Some(_) => Vec::new(),
            None => evaluator.batches(indices, |_| BATCH_ROWS),
        };
        Self { evaluator, models, edit, indices, batches, context }
    }

    /// Outcomes of the unedited model and of the edit, in the order of the indices, computed by the members of a team.
    ///
    /// # Errors
    /// A forward pass that fails, values that are not finite, or an interruption.
    pub(crate) fn run(self, team: &Team) -> Result<[Vec<Outcome>; 2]> {
        let found = team.gather(&self, self.context.observer)?;
        if self.evaluator.levels().is_some() {
            return Ok(found.into_iter().next().unwrap_or_default());
        }
        let mut by_index: BTreeMap<usize, [Outcome; 2]> = BTreeMap::new();
        for (batch, [base, edited]) in self.batches.iter().zip(found) {
            let pairs = base.into_iter().zip(edited).map(|(base, edited)| [base, edited]);
            by_index.extend(batch.items.iter().map(|item| item.index).zip(pairs));
        }
        Ok([0, 1].map(|model| self.indices.iter().map(|index| by_index[index][model].clone()).collect()))
    }
}

impl GatheredWork for PairedEvaluation<'_> {
    /// Outcomes of both models, in the order of the batch's items.
    type Part = [Vec<Outcome>; 2];

    fn name(&self) -> String {
        let tasks: Vec<&str> = self.evaluator.tasks().iter().map(|task| task.task.name.as_str()).collect();
        format!("{} of {tasks:?} by {} on {} items", self.context.stage, self.edit, self.indices.len())
    }

    fn parts(&self) -> usize {
        if self.evaluator.levels().is_some() { 1 } else { self.batches.len() }
    }

    fn parts_at_once(&self, open: usize, members: usize) -> usize {
        // Each thread works on a batch of its own.
        (open / (2 * members)).max(self.context.threads)
    }

    fn compute(&self, parts: &[usize]) -> Result<Vec<Self::Part>> {
        let (evaluator, context) = (self.evaluator, self.context);
        let ModelPair { base, edited, first_layer } = self.models;
        if let Some(levels) = evaluator.levels() {
            let play = |model| levels.evaluate(model, self.indices, context);
            return Ok(vec![[play(base)?, play(edited)?]]);
        }
        let models = [base.with_threads(1), edited.with_threads(1)];
        let done = AtomicUsize::new(0);
        let passes = base.passes_side_by_side(context.threads);
        let batches = parts.iter().map(|part| &self.batches[*part]).collect();
        map(batches, passes, context.observer, |batch: &Batch| {
            let scorer = evaluator.scorer(batch, Detail::Full);
            let states = BaseStates::at_layer(&models[0], batch, scorer.score, first_layer)?;
            let score = |model: &Model| {
                let scored = scorer.run(model, batch, Some((&states, BlockEntry::Attention)))?;
                let scored = scored.into_iter().next().unwrap_or_default();
                Ok::<_, Error>(scored.into_iter().map(|scored| scored.outcome).collect::<Vec<Outcome>>())
            };
            let scored = [score(&models[0])?, score(&models[1])?];
            let before = done.fetch_add(batch.items.len(), Ordering::Relaxed);
            context.progress(before + batch.items.len(), self.indices.len());
            Ok(scored)
        })
    }
}
