//! Paired predictions: two models on the same tokens → losses of both and the divergence of their predictions.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::evaluate::base_states::BaseStates;
use crate::evaluate::batch::Batch;
use crate::evaluate::{Evaluator, RunContext};
use laser_model::Model;
use laser_model::forward::{ForwardPass, RowComparison, compare_rows};
use laser_model::parallel::map;
use laser_model::weight_id::BlockEntry;
use laser_task::score::Score;

/// Rows at which a batch is full: few, so that there is work for all threads.
const BATCH_ROWS: usize = 256;

/// Predictions of two models on one item, summed over its scored tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PairedPredictions {
    /// Number of scored tokens.
    pub tokens: usize,
    /// Log-loss of the unedited and of the edited model, nats.
    pub losses: [f64; 2],
    /// Kullback–Leibler divergence of the edited model's predictions from the unedited model's, nats.
    pub divergence: f64,
}

/// The two models that are compared.
#[derive(Clone, Copy)]
struct Pair<'a> {
    base: &'a Model,
    edited: &'a Model,
    /// First layer in which they differ; the layers below are computed once.
    first_layer: usize,
}

/// Compares two models on the texts of items under a perplexity score: one result for each item, in the order of `items`.
/// `first_layer`: the first layer with an edited matrix.
///
/// # Errors
/// A forward pass that fails, values that are not finite, or an interruption.
pub fn compare_predictions(
    base: &Model,
    edited: &Model,
    first_layer: usize,
    evaluator: &Evaluator<'_>,
    items: &[usize],
    context: RunContext<'_>,
) -> Result<Vec<PairedPredictions>> {
    let pair = Pair { base: &base.with_threads(1), edited: &edited.with_threads(1), first_layer };
    let batches = evaluator.batches(items, |_| BATCH_ROWS);
    let compared = map(batches.iter().collect(), context.threads, context.observer, |batch: &Batch| {
        let rows = pair.compare(batch)?;
        // Texts share no rows that count: each item has one candidate, whose tokens name their rows.
        let of_item = |candidates: &Vec<Vec<(usize, usize)>>| {
            let mut sum = PairedPredictions::default();
            for (row, token) in candidates.iter().flatten() {
                let RowComparison { logprobs, divergence } = &rows[*row];
                sum.tokens += 1;
                (0..2).for_each(|model| sum.losses[model] -= logprobs[*token][model]);
                sum.divergence += divergence;
            }
            sum
        };
        Ok::<_, Error>(batch.items.iter().map(|item| (item.index, of_item(&item.candidates))).collect::<Vec<_>>())
    })?;
    let by_index: BTreeMap<usize, PairedPredictions> = compared.into_iter().flatten().collect();
    Ok(items.iter().map(|item| by_index[item]).collect())
}

/// Mean Kullback–Leibler divergence of the predictions of two models at the end of the items' prompts, nats; `None`
/// without items. `first_layer` as in [`compare_predictions`].
///
/// # Errors
/// As [`compare_predictions`].
pub fn compare_prompts(
    base: &Model,
    edited: &Model,
    first_layer: usize,
    evaluator: &Evaluator<'_>,
    items: &[usize],
    context: RunContext<'_>,
) -> Result<Option<f64>> {
    let pair = Pair { base: &base.with_threads(1), edited: &edited.with_threads(1), first_layer };
    let batches = evaluator.prompt_batches(items, BATCH_ROWS);
    let compared = map(batches.iter().collect(), context.threads, context.observer, |batch: &Batch| {
        let rows = pair.compare(batch)?;
        let end = |rows_of_prompt: &[usize]| rows_of_prompt.last().map(|row| rows[*row].divergence);
        Ok::<_, Error>(batch.items.iter().filter_map(|item| end(&item.prediction_rows)).collect::<Vec<f64>>())
    })?;
    let divergences: Vec<f64> = compared.into_iter().flatten().collect();
    Ok((!divergences.is_empty()).then(|| divergences.iter().sum::<f64>() / divergences.len() as f64))
}

impl Pair<'_> {
    /// Compares the predictions at the logit rows of a batch.
    fn compare(&self, batch: &Batch) -> Result<Vec<RowComparison>> {
        // Texts are only read, and nothing is generated after prompts, whatever the score of their task.
        let mut states = BaseStates::new(self.base, batch, vec![Vec::new(); batch.items.len()], Score::PERPLEXITY)?;
        for _ in 0..self.first_layer {
            states.enter(self.base, batch)?;
            states.advance();
        }
        let hidden = |model: &Model| -> Result<_> {
            let start = states.start(model, BlockEntry::Attention, BaseStates::BATCH);
            // Layers below the start have no part in the pass, so that its cache stays empty there.
            let mut cache = model.new_kv_cache();
            let pass = ForwardPass::new(model, &batch.rows, &mut cache, false)?.without_caching();
            Ok(pass.run(start, Some(&batch.logit_rows))?.0) // [logit rows, d_model]
        };
        let (base, edited) = (hidden(self.base)?, hidden(self.edited)?);
        Ok(compare_rows([self.base, self.edited], [&base, &edited], |row| &batch.scored_tokens[row])?)
    }
}
