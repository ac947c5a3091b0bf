//! Comparison of two models on texts, in parts: batches, which the members of a team divide among themselves.

use std::collections::BTreeMap;

use super::predictions::{BATCH_ROWS, PairedPredictions, compare_batches};
use crate::error::Result;
use crate::evaluate::batch::{Batch, BatchItem};
use crate::evaluate::{Evaluator, ModelPair, RunContext};
use crate::team::{SharedWork, Team};

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
        let mut comparison = TextComparison::new(self, evaluator, batches, context);
        team.share(&mut comparison, context.observer)?;
        let by_item = comparison.by_item();
        Ok(items.iter().map(|item| by_item[item]).collect())
    }
}

/// The predictions of two models on the texts of items.
pub(super) struct TextComparison<'a> {
    models: ModelPair<'a>,
    context: RunContext<'a>,
    batches: Vec<Batch>,
    /// Names of the texts' tasks.
    tasks: String,
    /// By batch: the predictions on its items, by index; `None` until they are known.
    found: Vec<Option<Vec<(usize, PairedPredictions)>>>,
}

impl<'a> TextComparison<'a> {
    /// The comparison on `batches` of the evaluator's items, nothing of it done.
    pub(super) fn new(
        models: ModelPair<'a>,
        evaluator: &Evaluator<'_>,
        batches: Vec<Batch>,
        context: RunContext<'a>,
    ) -> Self {
        let tasks: Vec<&str> = evaluator.tasks().iter().map(|task| task.task.name.as_str()).collect();
        Self { models, context, tasks: tasks.join(","), found: vec![None; batches.len()], batches }
    }

    /// The predictions by item, once all parts are done.
    pub(super) fn by_item(self) -> BTreeMap<usize, PairedPredictions> {
        let mut by_index: BTreeMap<usize, PairedPredictions> = BTreeMap::new();
        for (item, predictions) in self.found.into_iter().flatten().flatten() {
            by_index.entry(item).or_default().add(&predictions);
        }
        by_index
    }
}

impl SharedWork for TextComparison<'_> {
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

    fn compute(&mut self, parts: &[usize]) -> Result<()> {
        let batches: Vec<&Batch> = parts.iter().map(|part| &self.batches[*part]).collect();
        let rows = compare_batches(self.models, &batches, self.context)?;
        for ((part, batch), rows) in parts.iter().zip(batches).zip(rows) {
            let of_item = |item: &BatchItem| {
                let mut sum = PairedPredictions::default();
                // Each text is its only candidate, whose tokens name their rows.
                for (row, token) in item.candidates.iter().flatten() {
                    let logprobs = rows[*row].logprobs[*token];
                    let losses = logprobs.map(|logprob| -logprob);
                    sum.add(&PairedPredictions { tokens: 1, losses, divergence: rows[*row].divergence });
                }
                (item.index, sum)
            };
            self.found[*part] = Some(batch.items.iter().map(of_item).collect());
        }
        Ok(())
    }

    fn result(&self, part: usize) -> Result<Self::Part> {
        Ok(self.found[part].clone().expect("this process computed the part"))
    }

    fn receive(&mut self, part: usize, result: Self::Part) -> Result<()> {
        self.found[part] = Some(result);
        Ok(())
    }
}
