//! Items + model → outcomes, in the order of the items: the batches of an evaluation, run on several threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Evaluator;
use super::base_states::BaseStates;
use super::batch::Batch;
use super::context::RunContext;
use super::outcome::Outcome;
use super::scorer::ScoredItem;
use crate::error::{Error, Result};
use laser_model::Model;
use laser_model::parallel::{Unobserved, map};
use laser_model::weight_id::BlockEntry;

/// Rows at which a batch is full: enough for the matrix products to run near their peak, few enough to stay in cache.
pub(super) const BATCH_ROWS: usize = 512;

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
        let RunContext { threads, observer, .. } = context;
        if let Some(levels) = self.levels() {
            return Ok([levels.evaluate(base, indices, context)?, levels.evaluate(edited, indices, context)?]);
        }
        let batches = self.batches(indices, |_| BATCH_ROWS);
        let models = [base.with_threads(1), edited.with_threads(1)];
        let done = AtomicUsize::new(0);
        let passes = base.passes_side_by_side(threads);
        let results = map(batches.iter().collect(), passes, observer, |batch: &Batch| {
            let scorer = self.scorer(batch, false);
            let states = BaseStates::at_layer(&models[0], batch, scorer.score, first_layer)?;
            let score = |model: &Model| {
                let scored = scorer.run(model, batch, Some((&states, BlockEntry::Attention)))?;
                Ok::<_, Error>(scored.into_iter().next().unwrap_or_default())
            };
            let scored = [score(&models[0])?, score(&models[1])?];
            let before = done.fetch_add(batch.items.len(), Ordering::Relaxed);
            context.progress(before + batch.items.len(), indices.len());
            Ok::<_, Error>(scored)
        })?;
        let [mut base, mut edited] = [0, 1].map(|_| BTreeMap::new());
        for (batch, [of_base, of_edited]) in batches.iter().zip(results) {
            let items = || batch.items.iter().map(|item| item.index);
            base.extend(items().zip(of_base));
            edited.extend(items().zip(of_edited));
        }
        let in_order = |of_model: BTreeMap<usize, ScoredItem>| {
            indices.iter().map(|index| of_model[index].outcome.clone()).collect::<Vec<Outcome>>()
        };
        Ok([in_order(base), in_order(edited)])
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
            let scored = self.scorer(batch, false).run(&model, batch, None)?;
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
