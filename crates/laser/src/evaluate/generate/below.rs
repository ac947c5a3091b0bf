//! Continuations in the layers below an edited matrix, where its variants do not differ: each distinct text of an
//! item is run once, and the unedited model's own text not at all, because the search holds its states.

use std::collections::HashMap;

use super::Sequence;
use crate::error::Result;
use crate::evaluate::scorer::Base;
use laser_kernels::batch_layout::{BatchLayout, CacheRange, KvCache};
use laser_model::Model;
use laser_model::forward::{ForwardPass, Start};
use laser_model::weight_id::Stage;

/// What has been run below an edited matrix.
pub(super) struct Below<'a> {
    base: &'a Base,
    stage: Stage,
    /// The base's two chunks, then one a step; only layers whose attention is below the matrix have any.
    cache: KvCache,
}

impl<'a> Below<'a> {
    pub(super) fn new(base: &'a Base, stage: Stage) -> Self {
        Self { base, stage, cache: base.cache_below(stage) }
    }

    /// States of the last tokens of `open` at the edited matrix, one row a sequence.
    pub(super) fn run(&mut self, model: &Model, open: &mut [&mut Sequence]) -> Result<Start> {
        let known = self.base.known_rows();
        let mut rows = BatchLayout::default();
        let mut fresh = HashMap::new();
        let mut source = Vec::with_capacity(open.len()); // rows of the base's continuations, then those of this pass
        for sequence in open.iter() {
            let row = self.base.row_of(sequence.item, &sequence.tokens);
            source.push(row.unwrap_or_else(|| {
                let text = (sequence.item, sequence.tokens.as_slice());
                *fresh.entry(text).or_insert_with(|| {
                    rows.push(&[sequence.last()], 0, sequence.below.clone());
                    known + rows.len() - 1
                })
            }));
        }
        let chunk = self.cache.passes();
        for (sequence, &row) in open.iter_mut().zip(&source) {
            let (chunk, row) = if row < known { (Base::CONTINUATIONS, row) } else { (chunk, row - known) };
            sequence.below.push(CacheRange { chunk, rows: row..row + 1 });
        }
        let mut states = self.base.start(model, self.stage, Base::CONTINUATIONS);
        if rows.len() > 0 {
            let pass = ForwardPass::new(model, &rows, &mut self.cache, false)?;
            states = states.followed_by(pass.reach(self.base.layer(), self.stage)?)?;
        }
        Ok(states.gather(&source)?)
    }
}
