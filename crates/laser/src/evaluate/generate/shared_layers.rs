//! Continuations in the layers below an edited matrix, where the variants do not differ: equal tokens of an item are
//! computed once, and tokens of the unedited model's continuation not at all, because [`BaseStates`] holds their states.

use std::collections::HashMap;

use super::Sequence;
use crate::error::Result;
use crate::evaluate::base_states::BaseStates;
use laser_kernels::batch_layout::{BatchLayout, CacheRange};
use laser_kernels::kv_cache::KvCache;
use laser_model::Model;
use laser_model::forward::{ForwardPass, PassStart};
use laser_model::weight_id::BlockEntry;

/// The layers below an edited matrix, with the keys and values computed there.
pub(super) struct SharedLayers<'a> {
    base: &'a BaseStates,
    /// Stage of the edited matrix in its layer.
    stage: BlockEntry,
    /// The two chunks of the base states, then one for each step; only for layers whose attention is below the matrix.
    cache: KvCache,
}

impl<'a> SharedLayers<'a> {
    pub(super) fn new(base: &'a BaseStates, stage: BlockEntry) -> Self {
        Self { base, stage, cache: base.cache_below(stage) }
    }

    /// Computes the states of the last tokens of `open` at the edited matrix, one row for each sequence.
    pub(super) fn run(&mut self, model: &Model, open: &mut [&mut Sequence]) -> Result<PassStart> {
        // Rows are numbered through: first those of the base's continuations, then those that this step computes.
        let known = self.base.continuation_rows();
        let mut rows = BatchLayout::default();
        let mut new_rows = HashMap::new();
        let mut row_of_sequence = Vec::with_capacity(open.len());
        for sequence in open.iter() {
            let row = self.base.row_of(sequence.item, &sequence.tokens);
            row_of_sequence.push(row.unwrap_or_else(|| {
                let text = (sequence.item, sequence.tokens.as_slice());
                *new_rows.entry(text).or_insert_with(|| {
                    rows.push(&[sequence.last()], 0, sequence.context_below.clone());
                    known + rows.len() - 1
                })
            }));
        }
        let chunk = self.cache.passes();
        for (sequence, &row) in open.iter_mut().zip(&row_of_sequence) {
            let (chunk, row) = if row < known { (BaseStates::CONTINUATIONS, row) } else { (chunk, row - known) };
            sequence.context_below.push(CacheRange { chunk, rows: row..row + 1 });
        }
        let mut states = self.base.start(model, self.stage, BaseStates::CONTINUATIONS);
        if !rows.is_empty() {
            let pass = ForwardPass::new(model, &rows, &mut self.cache, false)?;
            states = states.followed_by(pass.run_up_to(self.base.layer(), self.stage)?)?;
        }
        Ok(states.gather(&row_of_sequence)?)
    }
}
