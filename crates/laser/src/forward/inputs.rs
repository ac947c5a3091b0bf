//! What the matrices of one block are given.

use candle_core::Tensor;

use super::{Pass, rms};
use crate::error::Result;
use crate::weight::WeightKind::O;

/// The inputs of a block's matrices, and the block's output.
#[derive(Debug, Clone)]
pub(crate) struct BlockInputs {
    /// Of q, k and v: `[rows, d_model]`.
    pub(crate) attention: Tensor,
    /// Of o: `[rows, n_heads·d_head]`.
    pub(crate) output: Tensor,
    /// Of gate and up: `[rows, d_model]`.
    pub(crate) mlp: Tensor,
    /// Of down: `[rows, d_mlp]`.
    pub(crate) hidden: Tensor,
    /// The block's output, `[rows, d_model]`.
    pub(crate) out: Tensor,
}

impl Pass<'_> {
    /// One block of a model without variants: `x [rows, d_model]`.
    pub(crate) fn block_inputs(&mut self, layer: usize, x: &Tensor) -> Result<BlockInputs> {
        let (weights, eps) = (&self.model.weights().layers[layer], self.model.config().norm_eps);
        let attention = rms(&weights.attention_norm, eps).apply(x)?; // [rows, d_model]
        let output = self.attend(layer, x)?; // [rows, n_heads·d_head]
        let mid = self.project_onto(layer, O, &output, x)?; // [rows, d_model]
        let mlp = rms(&weights.mlp_norm, eps).apply(&mid)?; // [rows, d_model]
        let (hidden, out) = self.mlp(layer, &mid)?; // [rows, d_mlp], [rows, d_model]
        Ok(BlockInputs { attention, output, mlp, hidden, out })
    }
}
