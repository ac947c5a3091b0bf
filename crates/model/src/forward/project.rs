//! One linear layer of a pass, whatever stands in its place, and how a branch joins the stream.

use std::ops::Range;

use candle_core::Tensor;

use super::ForwardPass;
use super::attend::normed;
use crate::config::Residual;
use crate::error::Result;
use crate::model::LinearRef;
use crate::weight_id::WeightId;
use laser_kernels::linear::{linear, repeated};
use laser_kernels::norm::Norm;

impl ForwardPass<'_> {
    /// A branch's last matrix and what joins its output to the stream: `x [n, in]`, `residual [m, d_model]` →
    /// `[max(n, m), d_model]`, the one with fewer rows repeated.
    pub(super) fn join(&mut self, id: WeightId, x: &Tensor, residual: &Tensor, norm: Option<&Norm>) -> Result<Tensor> {
        let c = self.model.config();
        let plain = !matches!(c.residual, Residual::BranchNorm | Residual::Sandwich);
        let together = plain && c.residual_scale == 1.0 && residual.dim(0)? <= x.dim(0)?;
        if together && self.model.variants(id).is_none() {
            // The residual is what the product's sums start from.
            let LinearRef { weight, bias } = self.model.dense(id);
            let y = linear(x, weight, bias, Some(residual), self.model.threads())?;
            let y = self.tap(id, x, None, y)?;
            return match norm {
                Some(norm) => Ok(norm.apply(&y)?),
                None => Ok(y),
            };
        }
        let y = self.project(id, x)?;
        self.add_branch(y, residual, norm)
    }

    /// What a branch's output is added to: the stream `x [n, d_model]`, or what the branch's first norm made of it.
    pub(super) fn carried(&self, x: &Tensor, norm: Option<&Norm>) -> Result<Tensor> {
        normed(x, norm.filter(|_| self.model.config().residual == Residual::FromNorm))
    }

    /// Adds a branch's output to the stream, with the norm where the family has it.
    pub(super) fn add_branch(&self, y: Tensor, residual: &Tensor, norm: Option<&Norm>) -> Result<Tensor> {
        let c = self.model.config();
        let of_branch = norm.filter(|_| matches!(c.residual, Residual::BranchNorm | Residual::Sandwich));
        let mut y = match of_branch {
            Some(norm) => norm.apply(&y)?,
            None => y,
        };
        if c.residual_scale != 1.0 {
            y = (y * c.residual_scale)?;
        }
        let n = y.dim(0)?.max(residual.dim(0)?);
        let sum = (repeated(residual, n)? + repeated(&y, n)?)?; // [copies·kept, d_model]
        match norm.filter(|_| c.residual == Residual::PostNorm) {
            Some(norm) => Ok(norm.apply(&sum)?),
            None => Ok(sum),
        }
    }

    /// One linear layer, `[n, in]` → `[n, out]`; rows that are not split yet split at a stack of variants.
    pub(super) fn project(&mut self, id: WeightId, x: &Tensor) -> Result<Tensor> {
        let n = x.dim(0)?;
        let split = self.copies > 1 && n == self.copies * self.kept;
        self.project_some(id, x, None, split)
    }

    /// The same for some rows of the pass: `x [rows, in]`. `split`: they are rows of copies.
    pub(super) fn project_some(
        &mut self,
        id: WeightId,
        x: &Tensor,
        rows: Option<&[u32]>,
        split: bool,
    ) -> Result<Tensor> {
        let (model, threads) = (self.model, self.model.threads());
        let LinearRef { weight, bias } = model.dense(id);
        let Some(variants) = model.variants(id) else {
            let y = linear(x, weight, bias, None, threads)?;
            return self.tap(id, x, rows, y);
        };
        let blocks = match (self.assigned, split) {
            (true, _) => Some(self.rows.variant_blocks(variants.len())),
            (_, true) => Some((0..self.copies).map(|v| v * self.kept..(v + 1) * self.kept).collect()),
            _ => None,
        };
        let Some(mut blocks): Option<Vec<Range<usize>>> = blocks else {
            self.copies = variants.len();
            return Ok(variants.apply(x, bias, None, threads)?);
        };
        if let Some(rows) = rows {
            let before = |end: usize| rows.partition_point(|row| (*row as usize) < end);
            blocks.iter_mut().for_each(|block| *block = before(block.start)..before(block.end));
        }
        Ok(variants.apply(x, bias, Some(&blocks), threads)?)
    }

    /// The output `y` of a matrix with input `x`, through its tap where there is one.
    fn tap(&mut self, id: WeightId, x: &Tensor, rows: Option<&[u32]>, y: Tensor) -> Result<Tensor> {
        match &mut self.taps {
            Some(taps) => taps.tap(id, x, rows, y),
            None => Ok(y),
        }
    }
}
