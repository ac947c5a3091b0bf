//! One block with the inputs of its matrices: for activations, which are collected as covariances.

use candle_core::Tensor;

use super::ForwardPass;
use crate::error::Result;

/// Inputs of the matrices of one block, and the block's output.
#[derive(Debug, Clone)]
pub struct BlockInputs {
    /// Input of the query, key and value projections, or of a convolution's input projection, `[rows, d_model]`.
    pub attention: Tensor,
    /// Input of the output projection of attention, `[rows, n_heads·d_value]`, or of a convolution, `[rows, d_model]`.
    pub output: Tensor,
    /// Input of the gate and up projections, and of a router, `[rows, d_model]`.
    pub mlp: Tensor,
    /// Input of the down projection, `[rows, d_mlp]`; `None` for a layer of experts.
    pub hidden: Option<Tensor>,
    /// The block's output, `[rows, d_model]`.
    pub out: Tensor,
}

impl ForwardPass<'_> {
    /// Computes one block of a model without variants, `x [rows, d_model]`, and returns the inputs of its matrices.
    ///
    /// # Errors
    /// Failures of the tensor library.
    pub fn block_inputs(&mut self, layer: usize, x: &Tensor) -> Result<BlockInputs> {
        let _turn = self.model.turn(layer);
        let attention = self.mixer_input(layer, x)?; // [rows, d_model]
        let output = self.mixed(layer, x)?; // [rows, n_heads·d_value], or [rows, d_model]
        let mid = self.add_mixed(layer, &output, x)?; // [rows, d_model]
        let input = self.mlp_input(x, &mid); // [rows, d_model]
        let mlp = self.mlp_norm(layer, &input)?; // [rows, d_model]
        let (hidden, out) = self.mlp(layer, &mid, &input)?; // [rows, d_mlp], [rows, d_model]
        Ok(BlockInputs { attention, output, mlp, hidden, out })
    }
}
