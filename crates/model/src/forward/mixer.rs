//! The mixer of one block, which combines the rows of a sequence: attention, or another one in its place.

use candle_core::Tensor;

use super::ForwardPass;
use super::residual::BranchNorm;
use crate::config::Mixer;
use crate::error::Result;
use crate::parameters::{ParameterOwner, TensorRole};
use crate::weight_id::WeightId;
use crate::weight_id::WeightKind::{ConvOut, O};

impl ForwardPass<'_> {
    /// The residual stream after the mixer: `x [copies·rows, d_model]` → the same shape, or more copies.
    pub(super) fn mixer(&mut self, layer: usize, x: &Tensor) -> Result<Tensor> {
        let mixed = self.mixed(layer, x)?; // [copies·rows, width]
        self.add_mixed(layer, &mixed, x)
    }

    /// Input of the mixer's first matrices: `norm(x)`, `[copies·rows, d_model]`.
    pub(super) fn mixer_input(&mut self, layer: usize, x: &Tensor) -> Result<Tensor> {
        let model = self.model;
        let norm = model.weights().layers[layer].attention_norm.as_ref();
        self.normed(ParameterOwner::Role(TensorRole::AttentionNorm, layer), x, norm)
    }

    /// Input of the mixer's last matrix: `x [copies·rows, d_model]` → `[copies·rows, width]`, or more copies. The width
    /// is `n_heads·d_value` for attention, `d_model` for a convolution.
    pub(super) fn mixed(&mut self, layer: usize, x: &Tensor) -> Result<Tensor> {
        match self.model.config().mixer(layer) {
            Mixer::Attention => self.attention_heads(layer, x),
            Mixer::Convolution(_) => self.gated_convolution(layer, x),
        }
    }

    /// Applies the mixer's last matrix to its input, `mixed [m, width]`, and adds the result to the stream
    /// `x [n, d_model]`: `[max(m, n), d_model]`.
    pub(super) fn add_mixed(&mut self, layer: usize, mixed: &Tensor, x: &Tensor) -> Result<Tensor> {
        let model = self.model;
        let weights = &model.weights().layers[layer];
        let first = BranchNorm::new(TensorRole::AttentionNorm, layer, weights.attention_norm.as_ref());
        let post = BranchNorm::new(TensorRole::AttentionPostNorm, layer, weights.attention_post_norm.as_ref());
        let residual = self.residual_input(x, first)?; // [n, d_model]
        let last = match model.config().mixer(layer) {
            Mixer::Attention => O,
            Mixer::Convolution(_) => ConvOut,
        };
        self.project_and_add(WeightId::new(layer, last), mixed, &residual, post)
    }
}
