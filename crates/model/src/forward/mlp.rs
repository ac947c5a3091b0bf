//! The MLP of one block: with or without a gate, or experts.

use candle_core::Tensor;

use super::ForwardPass;
use super::residual::BranchNorm;
use crate::config::Residual;
use crate::error::Result;
use crate::parameters::TensorRole;
use crate::weight_id::WeightId;
use crate::weight_id::WeightKind::{Down, Gate, Up};
use laser_kernels::activation::{activate, gated};

impl<'a> ForwardPass<'a> {
    /// `mid + mlp(norm(input))`: the activated hidden state `[copies·kept, d_mlp]` (`None` for experts) and the block's
    /// output `[copies·kept, d_model]`. `mid` and `input` are `[copies·kept, d_model]`, or have fewer copies.
    pub(super) fn mlp(&mut self, layer: usize, mid: &Tensor, input: &Tensor) -> Result<(Option<Tensor>, Tensor)> {
        if self.model.config().has_experts(layer) {
            let h = self.mlp_norm(layer, input)?; // [copies·kept, d_model]
            let y = self.experts(layer, &h)?; // [copies·kept, d_model]
            let (first, post) = self.mlp_norms(layer);
            let residual = self.residual_input(mid, first)?; // [copies·kept, d_model]
            let out = self.add_branch(y, &residual, post)?; // [copies·kept, d_model]
            self.model.meter().add_block(out.dim(0)?);
            return Ok((None, out));
        }
        let hidden = self.mlp_hidden(layer, input)?; // [copies·kept, d_mlp]
        let out = self.down(layer, &hidden, mid)?; // [copies·kept, d_model]
        Ok((Some(hidden), out))
    }

    /// Input of the MLP's first matrices: `norm(input)`, `[copies·kept, d_model]`.
    pub(super) fn mlp_norm(&mut self, layer: usize, input: &Tensor) -> Result<Tensor> {
        let first = self.mlp_norms(layer).0;
        self.normed(first.owner, input, first.norm)
    }

    /// The activated hidden state `[copies·kept, d_mlp]`: `f(gate(h))·up(h)`, or without a gate `f(up(h))`, for
    /// `h = norm(input)`.
    pub(super) fn mlp_hidden(&mut self, layer: usize, input: &Tensor) -> Result<Tensor> {
        let h = self.mlp_norm(layer, input)?; // [copies·kept, d_model]
        let c = self.model.config();
        if !c.mlp.gated {
            let up = self.project(WeightId::new(layer, Up), &h)?; // [copies·kept, d_mlp]
            return Ok(activate(&up, c.activation(layer))?);
        }
        let gate = self.project(WeightId::new(layer, Gate), &h)?; // [copies·kept, d_mlp]
        let up = self.project(WeightId::new(layer, Up), &h)?; // [copies·kept, d_mlp]
        self.gated(layer, &gate, &up)
    }

    /// `f(gate)·up`, with the bounds of the family: `gate [a, width]`, `up [b, width]` → `[max(a, b), width]`.
    pub(super) fn gated(&self, layer: usize, gate: &Tensor, up: &Tensor) -> Result<Tensor> {
        let c = self.model.config();
        Ok(gated(gate, up, c.activation(layer), c.mlp.bounds)?)
    }

    /// `mid + down(hidden)`, the end of every block without experts: `[copies·kept, d_model]`.
    pub(super) fn down(&mut self, layer: usize, hidden: &Tensor, mid: &Tensor) -> Result<Tensor> {
        let (first, post) = self.mlp_norms(layer);
        let residual = self.residual_input(mid, first)?; // [copies·kept, d_model]
        let out = self.project_and_add(WeightId::new(layer, Down), hidden, &residual, post)?; // [copies·kept, d_model]
        self.model.meter().add_block(out.dim(0)?);
        Ok(out)
    }

    /// The norms of the MLP's input and output, as far as the family has them.
    fn mlp_norms(&self, layer: usize) -> (BranchNorm<'a>, BranchNorm<'a>) {
        let (model, c) = (self.model, self.model.config());
        let weights = &model.weights().layers[layer];
        // With one norm for both branches, its parameters are those of attention's.
        let one_norm = c.residual == Residual::Parallel { one_norm: true };
        let role = if one_norm { TensorRole::AttentionNorm } else { TensorRole::MlpNorm };
        (
            BranchNorm::new(role, layer, weights.mlp_norm.as_ref()),
            BranchNorm::new(TensorRole::MlpPostNorm, layer, weights.mlp_post_norm.as_ref()),
        )
    }
}
