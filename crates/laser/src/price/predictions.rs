//! Paired predictions: two models on the same tokens → losses of both and the divergence of their predictions.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::evaluate::base_states::BaseStates;
use crate::evaluate::batch::Batch;
use crate::evaluate::{Evaluator, ModelPair, RunContext};
use laser_model::Model;
use laser_model::forward::{ForwardPass, RowComparison, compare_rows};
use laser_model::parallel::map;
use laser_model::weight_id::BlockEntry;
use laser_statistics::mean;
use laser_task::score::Score;

/// Rows at which a batch is full: few, so that there is work for all threads.
pub(super) const BATCH_ROWS: usize = 256;

/// Predictions of two models on one item, summed over its scored tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct PairedPredictions {
    /// Number of scored tokens.
    pub tokens: usize,
    /// Log-loss of the unedited and of the edited model, nats.
    pub losses: [f64; 2],
    /// Kullback–Leibler divergence of the edited model's predictions from the unedited model's, nats.
    pub divergence: f64,
}

impl PairedPredictions {
    /// Adds those on other tokens.
    pub(super) fn add(&mut self, more: &Self) {
        self.tokens += more.tokens;
        (0..2).for_each(|model| self.losses[model] += more.losses[model]);
        self.divergence += more.divergence;
    }
}

impl ModelPair<'_> {
    /// Mean Kullback–Leibler divergence of the predictions at the end of the items' prompts, nats; `None` without items.
    ///
    /// # Errors
    /// A forward pass that fails, values that are not finite, or an interruption.
    pub fn divergence_after_prompts(
        self,
        evaluator: &Evaluator<'_>,
        items: &[usize],
        context: RunContext<'_>,
    ) -> Result<Option<f64>> {
        let batches = evaluator.prompt_batches(self.base, items, BATCH_ROWS)?;
        let rows = compare_batches(self, &batches.iter().collect::<Vec<_>>(), context)?;
        let ends = batches.iter().zip(&rows).flat_map(|(batch, rows)| {
            batch.items.iter().filter_map(|item| Some(rows[*item.prediction_rows.last()?].divergence))
        });
        Ok(mean(&ends.collect::<Vec<f64>>()))
    }
}

/// Compares the predictions of both models at the logit rows of each batch.
pub(super) fn compare_batches(
    models: ModelPair<'_>,
    batches: &[&Batch],
    context: RunContext<'_>,
) -> Result<Vec<Vec<RowComparison>>> {
    let ModelPair { base, edited, first_layer } = models;
    let models = [base, edited].map(|model| model.with_threads(1));
    let (done, passes) = (AtomicUsize::new(0), base.passes_side_by_side(context.threads));
    map(batches.to_vec(), passes, context.observer, |batch: &Batch| {
        // Texts are only read, and nothing is generated after prompts, whatever the score of their task.
        let states = BaseStates::at_layer(&models[0], batch, Score::PERPLEXITY, first_layer)?;
        let hidden = |model: &Model| -> Result<_> {
            let start = states.start(model, BlockEntry::Attention, BaseStates::BATCH);
            // Layers below the start have no part in the pass, so that its cache stays empty there.
            let mut cache = model.new_kv_cache();
            let pass = ForwardPass::new(model, &batch.rows, &mut cache, false)?.without_caching();
            Ok(pass.run(start, Some(&batch.logit_rows))?.0) // [logit rows, d_model]
        };
        let (base, edited) = (hidden(&models[0])?, hidden(&models[1])?);
        let [first, second] = &models;
        let compared = compare_rows([first, second], [&base, &edited], |row| &batch.scored_tokens[row])?;
        context.progress(done.fetch_add(1, Ordering::Relaxed) + 1, batches.len());
        Ok::<_, Error>(compared)
    })
}
