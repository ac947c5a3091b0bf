//! The unedited model's states of one batch at one layer. Forward passes of edits to this layer start from them, so that
//! the layers below are computed once for all edits.

use std::ops::Range;

use candle_core::Tensor;

use super::batch::{Batch, BatchItem};
use super::score_rules::ScoreRules;
use crate::error::Result;
use laser_kernels::batch_layout::{BatchLayout, CacheRange};
use laser_kernels::kv_cache::KvCache;
use laser_model::Model;
use laser_model::forward::{BlockStates, ForwardPass, MlpState, PassStart};
use laser_model::weight_id::BlockEntry;
use laser_task::score::Score;

/// States of one batch, and of the unedited model's continuations of its items, at one layer.
pub(crate) struct BaseStates {
    /// The unedited model's continuation of each item; empty if the score needs none.
    continuations: Vec<Vec<u32>>,
    /// Rows of the continuations' inputs, one segment for each item that has any.
    rows: BatchLayout,
    /// Rows of each item's continuation.
    spans: Vec<Range<usize>>,
    /// Keys and values of the layers computed so far: chunk 0 for the batch, chunk 1 for the continuations.
    cache: KvCache,
    /// Whether later passes read the cache: they extend continuations, even if the unedited model's are all empty.
    keeps_cache: bool,
    layer: usize,
    /// Residual stream at the layer's input, `[rows, d_model]`, of the batch and of the continuations.
    inputs: [Tensor; 2],
    /// States inside the layer, of the batch and of the continuations; `None` until [`BaseStates::enter`].
    states: Option<[BlockStates; 2]>,
}

impl BaseStates {
    /// The part with the rows of the batch: prompts and candidates.
    pub(crate) const BATCH: usize = 0;
    /// The part with the rows of the unedited model's continuations.
    pub(crate) const CONTINUATIONS: usize = 1;

    /// Computes the states at the input of layer 0.
    pub(crate) fn new(model: &Model, batch: &Batch, continuations: Vec<Vec<u32>>, score: Score) -> Result<Self> {
        let max_new_tokens = ScoreRules::of(score).max_new_tokens;
        let mut rows = BatchLayout::default();
        let mut spans = Vec::with_capacity(continuations.len());
        for (item, tokens) in batch.items.iter().zip(&continuations) {
            let start = rows.len();
            // The last token of a continuation of full length is never an input.
            let inputs = &tokens[..tokens.len().min(max_new_tokens.unwrap_or(0).saturating_sub(1))];
            if !inputs.is_empty() {
                rows.push(inputs, 0, prompt_context(item));
            }
            spans.push(start..rows.len());
        }
        let mut cache = model.new_kv_cache();
        let embed = |rows: &BatchLayout, cache: &mut KvCache| ForwardPass::new(model, rows, cache, false)?.embed();
        let inputs = [embed(&batch.rows, &mut cache)?, embed(&rows, &mut cache)?];
        let keeps_cache = max_new_tokens.is_some();
        Ok(Self { continuations, rows, spans, cache, keeps_cache, layer: 0, inputs, states: None })
    }

    /// Computes the states at the input of `layer`, without continuations: for passes of two models that are equal below it.
    pub(crate) fn at_layer(model: &Model, batch: &Batch, score: Score, layer: usize) -> Result<Self> {
        let mut states = Self::new(model, batch, vec![Vec::new(); batch.items.len()], score)?;
        for _ in 0..layer {
            states.enter(model, batch)?;
            states.advance();
        }
        Ok(states)
    }

    /// Computes the states inside the current layer.
    pub(crate) fn enter(&mut self, model: &Model, batch: &Batch) -> Result<()> {
        let layer = self.layer;
        let run = |rows: &BatchLayout, x: &Tensor, cache: &mut KvCache| {
            ForwardPass::new(model, rows, cache, false)?.block(layer, x)
        };
        let batch_states = run(&batch.rows, &self.inputs[Self::BATCH], &mut self.cache)?;
        let continuation_states = if self.rows.is_empty() {
            batch_states.empty()?
        } else {
            run(&self.rows, &self.inputs[Self::CONTINUATIONS], &mut self.cache)?
        };
        if !self.keeps_cache {
            self.cache.layers[layer].clear();
        }
        self.states = Some([batch_states, continuation_states]);
        Ok(())
    }

    /// Moves to the input of the next layer.
    pub(crate) fn advance(&mut self) {
        if let Some([batch, continuations]) = self.states.take() {
            self.inputs = [batch.out, continuations.out];
            self.layer += 1;
        }
    }

    /// The start of a forward pass over the rows of a part, for an edit of a matrix at `stage` of the current layer.
    pub(crate) fn start(&self, model: &Model, stage: BlockEntry, part: usize) -> PassStart {
        let states = || {
            let states = self.states.as_ref().expect("the states exist because `enter` was called for this layer");
            &states[part]
        };
        if stage == BlockEntry::Attention {
            return PassStart::Block(self.layer, self.inputs[part].clone());
        }
        match (stage, states().hidden.clone()) {
            (BlockEntry::Down, Some(hidden)) => PassStart::Down(self.layer, states().mid.clone(), hidden),
            _ => {
                let input = model.config().is_parallel().then(|| self.inputs[part].clone());
                PassStart::Mlp(self.layer, MlpState { mid: states().mid.clone(), input })
            }
        }
    }

    /// The current layer.
    pub(crate) fn layer(&self) -> usize {
        self.layer
    }

    /// Number of rows of the continuations.
    pub(crate) fn continuation_rows(&self) -> usize {
        self.rows.len()
    }

    /// The unedited model's continuation of an item.
    #[cfg(test)]
    pub(crate) fn continuation(&self, item: usize) -> &Vec<u32> {
        &self.continuations[item]
    }

    /// The continuation row of the last of `tokens`, if the unedited model's continuation of the item begins with them;
    /// `None` also if that token has no row because it is the last of a full-length continuation.
    pub(crate) fn row_of(&self, item: usize, tokens: &[u32]) -> Option<usize> {
        let span = &self.spans[item];
        let agrees = tokens.len() <= span.len() && self.continuations[item].starts_with(tokens);
        agrees.then(|| span.start + tokens.len() - 1)
    }

    /// Keys and values of the layers whose attention is computed before `stage` of the current layer; all other layers
    /// are empty.
    pub(crate) fn cache_below(&self, stage: BlockEntry) -> KvCache {
        let attentions = if stage == BlockEntry::Attention { self.layer } else { self.layer + 1 };
        let mut cache = self.cache.clone();
        cache.layers[attentions..].iter_mut().for_each(Vec::clear);
        cache
    }
}

/// The rows of the prompt as context of a continuation; the batch is chunk 0 of the cache.
pub(super) fn prompt_context(item: &BatchItem) -> Vec<CacheRange> {
    item.prompt_rows.iter().map(|rows| CacheRange { chunk: 0, rows: rows.clone() }).collect()
}
