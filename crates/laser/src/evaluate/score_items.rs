//! Items + model → outcomes, in the order of the items: the batches of an evaluation, run on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Evaluator;
use super::batch::{BATCH_ROWS, Batch};
use super::context::RunContext;
use super::outcome::Outcome;
use super::paired::{ModelPair, PairedEvaluation};
use super::scorer::{Detail, ScoredItem};
use crate::error::{Error, Result};
use crate::team::Team;
use laser_model::Model;
use laser_model::parallel::{Unobserved, map};

impl Evaluator<'_> {
    /// Scores the items `indices` on a model. The outcomes are in the order of `indices` and do not depend on the number
    /// of threads.
    ///
    /// # Errors
    /// A forward pass that fails, values that are not finite, or [`Error::Interrupted`].
    pub fn evaluate(&self, model: &Model, indices: &[usize], context: RunContext<'_>) -> Result<Vec<Outcome>> {
        if let Some(levels) = self.levels() {
            return levels.evaluate(model, indices, context);
        }
        let scored = self.score_items(model, indices, BATCH_ROWS, context)?;
        Ok(scored.into_iter().map(|s| s.outcome).collect())
    }

    /// Scores the items `indices` on a model and on an edit of it whose first edited layer is `first_layer`, computing the
    /// layers below once: both lists of outcomes are those of [`Evaluator::evaluate`].
    ///
    /// # Errors
    /// Those of [`Evaluator::evaluate`].
    pub fn evaluate_both(
        &self,
        [base, edited]: [&Model; 2],
        first_layer: usize,
        indices: &[usize],
        context: RunContext<'_>,
    ) -> Result<[Vec<Outcome>; 2]> {
        let models = ModelPair { base, edited, first_layer };
        PairedEvaluation::new(self, models, String::new(), indices, context).run(&Team::ALONE)
    }

    /// Scores items one at a time and without sharing rows. This is the definition that [`Evaluator::evaluate`] is tested
    /// against.
    ///
    /// # Errors
    /// Those of [`Evaluator::evaluate`].
    pub fn evaluate_one_by_one(&self, model: &Model, indices: &[usize]) -> Result<Vec<Outcome>> {
        let context = RunContext { threads: 1, stage: "", observer: &Unobserved };
        if let Some(levels) = self.levels() {
            let one = |index: &usize| levels.evaluate(model, &[*index], context);
            return Ok(indices.iter().map(one).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect());
        }
        let mut outcomes = Vec::with_capacity(indices.len());
        for index in indices {
            let scored = self.score_items(model, &[*index], 1, context)?;
            outcomes.extend(scored.into_iter().map(|s| s.outcome));
        }
        Ok(outcomes)
    }

    /// Scores items in batches of about `batch_rows` rows.
    fn score_items(
        &self,
        model: &Model,
        indices: &[usize],
        batch_rows: usize,
        context: RunContext<'_>,
    ) -> Result<Vec<ScoredItem>> {
        let RunContext { threads, observer, .. } = context;
        let batches = self.batches(indices, |_| batch_rows);
        // Few batches: the threads work inside each forward pass. Many batches: one forward pass for each thread.
        let threads_inside = if batches.len() < threads { threads } else { 1 };
        let model = model.with_threads(threads_inside);
        let passes = if threads_inside == 1 { model.passes_side_by_side(threads) } else { 1 };
        let done = AtomicUsize::new(0);
        let results = map(batches.iter().collect(), passes, observer, |batch: &Batch| {
            let scored = self.scorer(batch, Detail::Full).run(&model, batch, None)?;
            let before = done.fetch_add(batch.items.len(), Ordering::Relaxed);
            context.progress(before + batch.items.len(), indices.len());
            Ok::<_, Error>(scored.into_iter().next().unwrap_or_default())
        })?;
        let mut by_index: Vec<Option<ScoredItem>> = (0..self.items.len()).map(|_| None).collect();
        for (batch, scored) in batches.iter().zip(results) {
            for (item, scored) in batch.items.iter().zip(scored) {
                by_index[item.index] = Some(scored);
            }
        }
        let missing = "every index was in one batch because the batches contain all indices";
        // `clone`, because an index may appear twice.
        Ok(indices.iter().map(|i| by_index[*i].clone().expect(missing)).collect())
    }
}
