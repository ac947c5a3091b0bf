//! Residual connections: how the output of attention or an MLP (a branch) is added to the residual stream.

use candle_core::Tensor;

use super::ForwardPass;
use crate::config::Residual;
use crate::error::Result;
use crate::parameters::{ParameterOwner, TensorRole};
use crate::weight_id::WeightId;
use laser_kernels::linear::repeat_rows;
use laser_kernels::norm::Norm;

/// A norm of a branch, and the operation that it is.
#[derive(Clone, Copy)]
pub(super) struct BranchNorm<'a> {
    /// The operation.
    pub(super) owner: ParameterOwner,
    /// The norm; `None` if the family has none there.
    pub(super) norm: Option<&'a Norm>,
}

impl<'a> BranchNorm<'a> {
    /// The norm of a layer with this role.
    pub(super) fn new(role: TensorRole, layer: usize, norm: Option<&'a Norm>) -> Self {
        Self { owner: ParameterOwner::Role(role, layer), norm }
    }
}

impl ForwardPass<'_> {
    /// Applies the last matrix of a branch and adds its output to the stream: `x [n, in]`, `residual [m, d_model]` →
    /// `[max(n, m), d_model]`; the tensor with fewer rows is repeated. `norm` is the branch's post-norm.
    pub(super) fn project_and_add(
        &mut self,
        id: WeightId,
        x: &Tensor,
        residual: &Tensor,
        norm: BranchNorm<'_>,
    ) -> Result<Tensor> {
        let c = self.model.config();
        let plain = !matches!(c.residual, Residual::BranchNorm | Residual::Sandwich);
        let fused = plain && c.residual_scale == 1.0 && residual.dim(0)? <= x.dim(0)?;
        if fused && self.model.variants(id).is_none() {
            // The kernel starts its sums with the residual, which saves one pass over memory.
            let y = self.linear(id, x, None, Some(residual))?; // [n, d_model]
            return self.normed(norm.owner, &y, norm.norm);
        }
        let y = self.project(id, x)?; // [n, d_model], or more copies
        self.add_branch(y, residual, norm)
    }

    /// The tensor to which a branch's output is added: the stream `x [n, d_model]`, or in families of
    /// [`Residual::FromNorm`] the stream after the branch's first norm.
    pub(super) fn residual_input(&mut self, x: &Tensor, norm: BranchNorm<'_>) -> Result<Tensor> {
        let from_norm = self.model.config().residual == Residual::FromNorm;
        self.normed(norm.owner, x, norm.norm.filter(|_| from_norm))
    }

    /// Adds a branch's output `y [n, d_model]` to `residual [m, d_model]`: `[max(n, m), d_model]`. The post-norm `norm`
    /// is applied to `y` or to the sum, depending on the family.
    pub(super) fn add_branch(&mut self, y: Tensor, residual: &Tensor, norm: BranchNorm<'_>) -> Result<Tensor> {
        let c = self.model.config();
        let of_branch = matches!(c.residual, Residual::BranchNorm | Residual::Sandwich);
        let mut y = self.normed(norm.owner, &y, norm.norm.filter(|_| of_branch))?; // [n, d_model]
        if c.residual_scale != 1.0 {
            y = (y * c.residual_scale)?; // [n, d_model]
        }
        let n = y.dim(0)?.max(residual.dim(0)?);
        let sum = (repeat_rows(residual, n)? + repeat_rows(&y, n)?)?; // [copies·kept, d_model]
        self.normed(norm.owner, &sum, norm.norm.filter(|_| c.residual == Residual::PostNorm))
    }
}
