//! The forward pass: one generic transformer block for all families; takes the rows of a batch, gives hidden states or
//! logits.
//!
//! 1. [`BatchLayout`] lists the rows of a batch, one per token, in segments; each segment lists the cached rows that
//!    its rows attend to.
//! 2. [`Model::new_kv_cache`] makes an empty KV cache. The callers of [`ForwardPass::new`] own it and decide how long
//!    it lives. A forward pass never makes one: it appends keys and values to the cache that it is given, or with
//!    [`ForwardPass::without_caching`] leaves it as it was.
//! 3. [`ForwardPass::run`] computes all blocks from a [`PassStart`]: from the tokens, or from states of an earlier pass
//!    inside a block. [`ForwardPass::step`], [`ForwardPass::block`] and [`ForwardPass::block_inputs`] compute one
//!    block.
//! 4. [`score_rows`] and [`most_likely`] turn hidden states into log-probabilities and tokens.
//!
//! [`Model::trace`], [`Model::next_token_logits`], [`Model::all_logits`], [`Model::greedy`], [`Model::trajectory`] and
//! [`Model::next_actions`] run all steps at once.
//!
//! A matrix of the overlay may be a stack of variants (several truncations side by side). The rows before it are
//! computed once; at this matrix they split into one copy per variant, and stay split up to the last block. Other edits
//! replace a matrix by another matrix, so that the forward pass need not treat them differently.

mod attention;
mod block;
mod block_inputs;
mod comparison;
mod convolution;
mod embedding;
mod experts;
mod greedy;
mod head;
mod latent;
mod logits;
mod mixer;
mod mlp;
mod project;
mod ranks;
mod residual;
mod router;
mod rows;
mod run;
mod scores;
mod sequence;
mod start;
mod taps;
mod trace;
mod trajectories;
mod trajectory;

use candle_core::{Device, Tensor};

use crate::error::Result;
use crate::model::Model;
use laser_kernels::batch_layout::BatchLayout;
use laser_kernels::kv_cache::KvCache;
use laser_kernels::rope::RotaryTables;

pub use block::BlockStates;
pub use block_inputs::BlockInputs;
pub use comparison::{RowComparison, compare_rows};
pub use ranks::{RowRanks, rank_rows};
pub use scores::{RowScore, most_likely, score_rows};
pub use start::{MlpState, PassStart};
pub use taps::{Tap, Taps};
pub use trace::Trace;
pub use trajectory::{Trajectory, TrajectoryTrace};

/// A forward pass in progress: the model, the rows of the batch, and the KV cache that it reads and extends.
pub struct ForwardPass<'a> {
    model: &'a Model,
    layout: &'a BatchLayout,
    /// Cosines and sines of the rows' positions, one pair of tables for each kind of rotary embedding of the model.
    rotary_tables: Vec<RotaryTables>,
    /// Attention temperature of the rows' queries, `[rows, 1]`; `None` if all factors are 1.
    query_factors: Option<Tensor>,
    cache: &'a mut KvCache,
    /// Whether each row belongs to one variant, that of its segment; otherwise all rows run in all variants.
    rows_have_variants: bool,
    /// Number of copies of the rows: 1, or the number of variants after the first stack of variants.
    copies: usize,
    /// Number of rows in one copy: all rows of the batch, or fewer after the last attention ([`ForwardPass::run`]).
    rows_per_copy: usize,
    /// Whether keys and values stay in the cache for later passes.
    keep_in_cache: bool,
    /// Operations whose inputs and output gradients a caller wants.
    taps: Option<&'a mut Taps>,
}

impl Model {
    /// An empty KV cache for this model, which forward passes fill: allocates no memory for keys and values yet.
    pub fn new_kv_cache(&self) -> KvCache {
        KvCache::new(self.config().n_layers)
    }
}

impl<'a> ForwardPass<'a> {
    /// A forward pass over the rows of `layout`. In each layer whose attention it computes, it appends one chunk of
    /// keys and values to `cache`; in place of attention, a convolution appends its input.
    ///
    /// If `rows_have_variants`, each row belongs to the variant of its segment (`Segment::variant`). Otherwise all rows
    /// run in all variants of the model, one copy of the rows for each.
    ///
    /// # Errors
    /// Failures of the tensor library.
    pub fn new(
        model: &'a Model,
        layout: &'a BatchLayout,
        cache: &'a mut KvCache,
        rows_have_variants: bool,
    ) -> Result<Self> {
        let mut rotary_tables = Vec::new();
        for rope in &model.config().attention.ropes {
            // Some families choose the frequencies by the length of the longest sequence.
            let (cos, sin) = rope.tables(&layout.positions, layout.sequence_len());
            let table = |values| -> Result<Tensor> {
                let table = Tensor::from_vec(values, (layout.len(), rope.dim / 2), &Device::Cpu)?; // [rows, dim/2]
                Ok(table.to_device(model.device())?)
            };
            rotary_tables.push(RotaryTables { cos: table(cos)?, sin: table(sin)? });
        }
        let temperature = model.config().attention.temperature;
        let factors = temperature.map(|t| layout.positions.iter().map(|p| t.factor(*p)).collect::<Vec<f32>>());
        let query_factors = match factors.filter(|factors| factors.iter().any(|factor| *factor != 1.0)) {
            Some(factors) => {
                let factors = Tensor::from_vec(factors, (layout.len(), 1), &Device::Cpu)?; // [rows, 1]
                Some(factors.to_device(model.device())?.to_dtype(model.dtype())?)
            }
            None => None,
        };
        Ok(Self {
            model,
            layout,
            rotary_tables,
            query_factors,
            cache,
            rows_have_variants,
            copies: 1,
            rows_per_copy: layout.len(),
            keep_in_cache: true,
            taps: None,
        })
    }

    /// The same pass, but its keys and values are removed from the cache after each attention. For passes that no later
    /// pass continues; saves memory.
    pub fn without_caching(self) -> Self {
        Self { keep_in_cache: false, ..self }
    }

    /// The same pass, but the inputs and output gradients of some operations are recorded in `taps`.
    pub fn with_taps(self, taps: &'a mut Taps) -> Self {
        Self { taps: Some(taps), ..self }
    }

    /// Number of records that the pass has made so far.
    pub fn n_taps(&self) -> usize {
        self.taps.as_ref().map_or(0, |taps| taps.found.len())
    }
}
