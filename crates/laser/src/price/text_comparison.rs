//! Comparison of two models on texts, in parts: batches, which the members of a team divide among themselves.

use std::collections::BTreeMap;

use super::predictions::{BATCH_ROWS, PairedPredictions, compare_batches};
use crate::error::Result;
use crate::evaluate::batch::{Batch, BatchItem};
use crate::evaluate::{Evaluator, ModelPair, RunContext};
use crate::team::{GatheredWork, Team};
use laser_model::forward::RowComparison;

impl ModelPair<'_> {
    /// Compares the models on the texts of items under a perplexity score: one result for each item, in the order of
    /// `items`.
    ///
    /// # Errors
    /// A forward pass that fails, values that are not finite, or an interruption.
    pub fn compare_texts(
        self,
        evaluator: &Evaluator<'_>,
        items: &[usize],
        context: RunContext<'_>,
    ) -> Result<Vec<PairedPredictions>> {
        self.compare_texts_in_team(evaluator, items, context, &Team::ALONE)
    }

    /// The same, divided among the members of a team.
    pub(crate) fn compare_texts_in_team(
        self,
        evaluator: &Evaluator<'_>,
        items: &[usize],
        context: RunContext<'_>,
        team: &Team,
    ) -> Result<Vec<PairedPredictions>> {
        let batches = evaluator.batches(items, |_| BATCH_ROWS);
        let tasks: Vec<&str> = evaluator.tasks().iter().map(|task| task.task.name.as_str()).collect();
        let comparison = TextComparison { models: self, context, batches, tasks: tasks.join(",") };
        let mut by_item: BTreeMap<usize, PairedPredictions> = BTreeMap::new();
        for (item, predictions) in team.gather(&comparison, context.observer)?.into_iter().flatten() {
            by_item.entry(item).or_default().add(&predictions);
        }
        Ok(items.iter().map(|item| by_item[item]).collect())
    }
}

/// The predictions of two models on the texts of items; a part is a batch.
struct TextComparison<'a> {
    models: ModelPair<'a>,
    context: RunContext<'a>,
    batches: Vec<Batch>,
    /// Names of the texts' tasks.
    tasks: String,
}

impl GatheredWork for TextComparison<'_> {
    /// Predictions on the items of the batch, by index.
    type Part = Vec<(usize, PairedPredictions)>;

    fn name(&self) -> String {
        format!("{} of {}, {} batches", self.context.stage, self.tasks, self.batches.len())
    }

    fn parts(&self) -> usize {
        self.batches.len()
    }

    fn parts_at_once(&self, open: usize, members: usize) -> usize {
        // Each thread works on a batch of its own.
        (open / (2 * members)).max(self.context.threads)
    }

    fn compute(&self, parts: &[usize]) -> Result<Vec<Self::Part>> {
        let batches: Vec<&Batch> = parts.iter().map(|part| &self.batches[*part]).collect();
        let rows = compare_batches(self.models, &batches, self.context)?;
        let of_batch = |(batch, rows): (&Batch, Vec<RowComparison>)| {
            let of_item = |item: &BatchItem| {
                let mut sum = PairedPredictions::default();
                // Each text is its only candidate, whose tokens name their rows.
                for (row, token) in item.candidates.iter().flatten() {
                    let losses = rows[*row].logprobs[*token].map(|logprob| -logprob);
                    sum.add(&PairedPredictions { tokens: 1, losses, divergence: rows[*row].divergence });
                }
                (item.index, sum)
            };
            batch.items.iter().map(of_item).collect()
        };
        Ok(batches.into_iter().zip(rows).map(of_batch).collect())
    }
}
