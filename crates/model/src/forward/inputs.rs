//! What the matrices of one block are given.

use candle_core::Tensor;

use super::ForwardPass;
use crate::error::Result;

/// The inputs of a block's matrices, and the block's output.
#[derive(Debug, Clone)]
pub struct BlockInputs {
    /// Of q, k and v: `[rows, d_model]`.
    pub attention: Tensor,
    /// Of o: `[rows, n_heads·d_head]`.
    pub output: Tensor,
    /// Of gate and up: `[rows, d_model]`.
    pub mlp: Tensor,
    /// Of down: `[rows, d_mlp]`; `None` where there are experts.
    pub hidden: Option<Tensor>,
    /// The block's output, `[rows, d_model]`.
    pub out: Tensor,
}

impl ForwardPass<'_> {
    /// One block of a model without variants: `x [rows, d_model]`.
    pub fn block_inputs(&mut self, layer: usize, x: &Tensor) -> Result<BlockInputs> {
        let attention = self.attention_input(layer, x)?; // [rows, d_model]
        let output = self.attend(layer, x)?; // [rows, n_heads·d_head]
        let mid = self.add_attention(layer, &output, x)?; // [rows, d_model]
        let input = self.mlp_input(x, &mid); // [rows, d_model]
        let mlp = self.mlp_norm(layer, &input)?; // [rows, d_model]
        let (hidden, out) = self.mlp(layer, &mid, &input)?; // [rows, d_mlp], [rows, d_model]
        Ok(BlockInputs { attention, output, mlp, hidden, out })
    }
}
