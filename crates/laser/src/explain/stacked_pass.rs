//! The stacked pass: one matrix in many reductions, side by side, over the same batches.
//!
//! The layers below the matrix run once, and all reductions above it are one batch, as in a search (`docs/method.md`,
//! "Savings"). Batches whose states together would not fit into memory run in rounds, one after the other.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use laser_model::Model;
use laser_model::forward::{ForwardPass, RowRanks, rank_rows};
use laser_model::parallel::map;
use laser_model::weight_id::WeightId;
use laser_task::score::Score;

use crate::edit::reduction::Reduction;
use crate::edit::truncation::Truncation;
use crate::error::{Error, Result};
use crate::evaluate::RunContext;
use crate::evaluate::base_states::BaseStates;
use crate::evaluate::batch::Batch;
use crate::evaluate::state_memory::rounds;

/// Most reductions that run side by side.
const SIDE_BY_SIDE: usize = 16;
/// Most bytes of dense reduced matrices at a time.
const DENSE_BYTES: usize = 1 << 30;

/// The rows of each batch under one model.
pub(crate) type Rows = Vec<Vec<RowRanks>>;

/// Batches that run up to a matrix, and from there in each of its reductions.
pub(crate) struct StackedPass<'a> {
    /// The model in which the matrix is reduced; each forward pass runs in one thread.
    model: Model,
    batches: &'a [Batch],
    id: WeightId,
    /// Consecutive batches whose states are in memory together.
    rounds: Vec<Range<usize>>,
    truncation: &'a Truncation,
    context: RunContext<'a>,
}

impl<'a> StackedPass<'a> {
    /// Prepares a pass of `model` over the batches with reductions of the matrix `id`. `memory`: a bound of the states in
    /// memory, in bytes.
    pub(crate) fn new(
        model: &Model,
        batches: &'a [Batch],
        id: WeightId,
        truncation: &'a Truncation,
        context: RunContext<'a>,
        memory: Option<usize>,
    ) -> Self {
        // Nothing is generated, whatever the score of the task.
        let rounds = rounds(model.config(), batches, |_| 0, memory);
        Self { model: model.with_threads(1), batches, id, rounds, truncation, context }
    }

    /// The rows of all batches under each reduction, in the order of `reductions`.
    ///
    /// # Errors
    /// A reduction that cannot be computed, a forward pass that fails, values that are not finite, or an interruption.
    pub(crate) fn read(&self, reductions: &[Reduction]) -> Result<Vec<Rows>> {
        let config = self.model.config();
        let max_rank = config.max_rank(self.id);
        let bytes = config.shape(self.id).iter().product::<usize>() * size_of::<f32>();
        // Nested truncations come first and share one decomposition; ranks that were asked for twice are computed twice.
        let nested = |i: &usize| reductions[*i].leading_rank(max_rank).filter(|rank| *rank < max_rank);
        let mut order: Vec<usize> = (0..reductions.len()).collect();
        order.sort_by_key(|i| nested(i).unwrap_or(usize::MAX));
        let side_by_side = SIDE_BY_SIDE.min((DENSE_BYTES / bytes.max(1)).max(1));
        let done = AtomicUsize::new(0);
        let total = order.chunks(side_by_side).len() * self.batches.len();
        let mut found: Vec<Rows> = vec![Rows::default(); reductions.len()];
        for round in &self.rounds {
            let batches = &self.batches[round.clone()];
            let states = self.states(batches)?;
            for places in order.chunks(side_by_side) {
                let chunk: Vec<Reduction> = places.iter().map(|place| reductions[*place]).collect();
                let model = self.model.with_replacements(self.truncation.variants(&self.model, self.id, &chunk)?);
                let jobs: Vec<(&Batch, &BaseStates)> = batches.iter().zip(&states).collect();
                let passes = model.passes_side_by_side(self.context.threads);
                let by_batch = map(jobs, passes, self.context.observer, |(batch, states)| {
                    let rows = self.rows(&model, batch, states)?;
                    self.context.progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
                    Ok::<_, Error>(rows)
                })?;
                for rows_of_batch in by_batch {
                    let n = rows_of_batch.len() / chunk.len();
                    for (rows, place) in rows_of_batch.chunks(n.max(1)).zip(places) {
                        found[*place].push(rows.to_vec());
                    }
                }
            }
        }
        Ok(found)
    }

    /// The states of the batches at the layer of the matrix.
    fn states(&self, batches: &[Batch]) -> Result<Vec<BaseStates>> {
        let passes = self.model.passes_side_by_side(self.context.threads);
        map(batches.iter().collect(), passes, self.context.observer, |batch: &Batch| {
            let mut states = BaseStates::at_layer(&self.model, batch, Score::PERPLEXITY, self.id.layer)?;
            states.enter(&self.model, batch)?;
            Ok::<_, Error>(states)
        })
    }

    /// The logit rows of one batch, of all variants of the model one after the other.
    fn rows(&self, model: &Model, batch: &Batch, states: &BaseStates) -> Result<Vec<RowRanks>> {
        let start = states.start(model, self.id.block_entry(), BaseStates::BATCH);
        let mut cache = model.new_kv_cache();
        let pass = ForwardPass::new(model, &batch.rows, &mut cache, false)?.without_caching();
        let (hidden, _) = pass.run(start, Some(&batch.logit_rows))?; // [variants·logit rows, d_model]
        let n = batch.logit_rows.len();
        Ok(rank_rows(model, &hidden, |row| &batch.scored_tokens[row % n])?)
    }
}
