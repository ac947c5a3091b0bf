//! The MLP of one block: gated or not, or experts.

use candle_core::Tensor;

use super::ForwardPass;
use super::attend::normed;
use crate::error::Result;
use crate::weight_id::WeightId;
use crate::weight_id::WeightKind::{Down, Gate, Up};
use laser_kernels::activation::{activate, gated};

impl ForwardPass<'_> {
    /// `mid + mlp(norm(input))`, each `[copies·kept, d_model]` or fewer copies: the activated hidden state of an MLP
    /// without experts, and the block's output.
    pub(super) fn mlp(&mut self, layer: usize, mid: &Tensor, input: &Tensor) -> Result<(Option<Tensor>, Tensor)> {
        if self.model.config().has_experts(layer) {
            let h = self.mlp_norm(layer, input)?;
            let y = self.experts(layer, &h)?; // [copies·kept, d_model]
            let weights = &self.model.weights().layers[layer];
            let residual = self.carried(mid, weights.mlp_norm.as_ref())?;
            let out = self.add_branch(y, &residual, weights.mlp_post_norm.as_ref())?; // [copies·kept, d_model]
            self.model.meter().add_block(out.dim(0)?);
            return Ok((None, out));
        }
        let hidden = self.activated(layer, input)?; // [copies·kept, d_mlp]
        let out = self.last(layer, &hidden, mid)?; // [copies·kept, d_model]
        Ok((Some(hidden), out))
    }

    /// What the matrices of the MLP read, `[copies·kept, d_model]`.
    pub(super) fn mlp_norm(&self, layer: usize, input: &Tensor) -> Result<Tensor> {
        normed(input, self.model.weights().layers[layer].mlp_norm.as_ref())
    }

    /// `f(gate(norm(input)))·up(norm(input))`, or `f(up(norm(input)))`: `[copies·kept, d_mlp]`.
    pub(super) fn activated(&mut self, layer: usize, input: &Tensor) -> Result<Tensor> {
        let h = self.mlp_norm(layer, input)?; // [copies·kept, d_model]
        let mlp = &self.model.config().mlp;
        if !mlp.gated {
            return Ok(activate(&self.project(WeightId::new(layer, Up), &h)?, mlp.activation)?);
        }
        let gate = self.project(WeightId::new(layer, Gate), &h)?; // [copies·kept, d_mlp]
        let up = self.project(WeightId::new(layer, Up), &h)?; // [copies·kept, d_mlp]
        Ok(gated(&gate, &up, mlp.activation)?)
    }

    /// `mid + down(hidden)`, the end of every block without experts.
    pub(super) fn last(&mut self, layer: usize, hidden: &Tensor, mid: &Tensor) -> Result<Tensor> {
        let weights = &self.model.weights().layers[layer];
        let residual = self.carried(mid, weights.mlp_norm.as_ref())?;
        let norm = weights.mlp_post_norm.as_ref();
        let out = self.join(WeightId::new(layer, Down), hidden, &residual, norm)?; // [copies·kept, d_model]
        self.model.meter().add_block(out.dim(0)?);
        Ok(out)
    }
}
