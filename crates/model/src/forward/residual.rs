//! Residual connections: how the output of attention or an MLP (a branch) is added to the residual stream.

use candle_core::Tensor;

use super::ForwardPass;
use super::attention::normed;
use crate::config::Residual;
use crate::error::Result;
use crate::weight_id::WeightId;
use crate::weights::LinearRef;
use laser_kernels::linear::{linear, repeat_rows};
use laser_kernels::norm::Norm;

impl ForwardPass<'_> {
    /// Applies the last matrix of a branch and adds its output to the stream: `x [n, in]`, `residual [m, d_model]` →
    /// `[max(n, m), d_model]`; the tensor with fewer rows is repeated. `norm` is the branch's post-norm.
    pub(super) fn project_and_add(
        &mut self,
        id: WeightId,
        x: &Tensor,
        residual: &Tensor,
        norm: Option<&Norm>,
    ) -> Result<Tensor> {
        let c = self.model.config();
        let plain = !matches!(c.residual, Residual::BranchNorm | Residual::Sandwich);
        let fused = plain && c.residual_scale == 1.0 && residual.dim(0)? <= x.dim(0)?;
        if fused && self.model.variants(id).is_none() {
            // The kernel starts its sums with the residual, which saves one pass over memory.
            let LinearRef { weight, bias } = self.model.dense(id);
            let y = linear(x, weight, bias, Some(residual), self.model.threads())?; // [n, d_model]
            let y = self.tap(id, x, None, y)?; // [n, d_model]
            return match norm {
                Some(norm) => Ok(norm.apply(&y)?),
                None => Ok(y),
            };
        }
        let y = self.project(id, x)?; // [n, d_model], or more copies
        self.add_branch(y, residual, norm)
    }

    /// The tensor to which a branch's output is added: the stream `x [n, d_model]`, or in families of
    /// [`Residual::FromNorm`] the stream after the branch's first norm.
    pub(super) fn residual_input(&self, x: &Tensor, norm: Option<&Norm>) -> Result<Tensor> {
        normed(x, norm.filter(|_| self.model.config().residual == Residual::FromNorm))
    }

    /// Adds a branch's output `y [n, d_model]` to `residual [m, d_model]`: `[max(n, m), d_model]`. The post-norm `norm`
    /// is applied to `y` or to the sum, depending on the family.
    pub(super) fn add_branch(&self, y: Tensor, residual: &Tensor, norm: Option<&Norm>) -> Result<Tensor> {
        let c = self.model.config();
        let branch_norm = norm.filter(|_| matches!(c.residual, Residual::BranchNorm | Residual::Sandwich));
        let mut y = match branch_norm {
            Some(norm) => norm.apply(&y)?, // [n, d_model]
            None => y,
        };
        if c.residual_scale != 1.0 {
            y = (y * c.residual_scale)?; // [n, d_model]
        }
        let n = y.dim(0)?.max(residual.dim(0)?);
        let sum = (repeat_rows(residual, n)? + repeat_rows(&y, n)?)?; // [copies·kept, d_model]
        match norm.filter(|_| c.residual == Residual::PostNorm) {
            Some(norm) => Ok(norm.apply(&sum)?),
            None => Ok(sum),
        }
    }
}
