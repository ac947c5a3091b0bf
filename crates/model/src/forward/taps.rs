//! Taps: record the inputs of chosen operations, and the gradients of their outputs that a backward pass leaves.
//!
//! The gradients of an operation's parameters follow from the two: `δᵀ·x` for the weight of a linear operation.

use candle_core::Tensor;

use super::ForwardPass;
use crate::error::Result;
use crate::parameters::ParameterOwner;
use crate::weight_id::WeightId;
use crate::weights::LinearRef;
use laser_kernels::differentiable::OutputGradient;
use laser_kernels::linear::{linear, observed_linear};
use laser_kernels::norm::Norm;

/// Operations to record, and the records of a forward pass.
pub struct Taps {
    /// Stored matrices to record; `None` for every operation with parameters.
    ids: Option<Vec<WeightId>>,
    /// One record for each recorded operation, in the order of the forward pass.
    pub found: Vec<Tap>,
}

/// Record of one operation in one forward pass.
pub struct Tap {
    /// The operation.
    pub owner: ParameterOwner,
    /// The norm, if the operation is one; otherwise it is linear.
    pub norm: Option<Norm>,
    /// Rows of the pass that went through a matrix of an expert, ascending; `None` for all rows.
    pub rows: Option<Vec<u32>>,
    /// Input of the operation, `[rows, in]`.
    pub input: Tensor,
    /// Gradient of the operation's output, `[rows, out]`, after a backward pass.
    pub gradient: OutputGradient,
}

impl Taps {
    /// Taps on the stored matrices `ids`, without records yet.
    pub fn new(ids: Vec<WeightId>) -> Self {
        Self { ids: Some(ids), found: Vec::new() }
    }

    /// Taps on every linear operation and every norm, without records yet.
    pub fn on_everything() -> Self {
        Self { ids: None, found: Vec::new() }
    }

    /// Records an operation with input `x [rows, in]` if it is among the taps; returns where its gradient is to go.
    fn record(
        &mut self,
        owner: ParameterOwner,
        norm: Option<&Norm>,
        x: &Tensor,
        rows: Option<&[u32]>,
    ) -> Option<OutputGradient> {
        let wanted = match (&self.ids, owner) {
            (None, _) => true,
            (Some(ids), ParameterOwner::Matrix(id)) => ids.contains(&id),
            (Some(_), ParameterOwner::Role(..)) => false,
        };
        if !wanted {
            return None;
        }
        let (rows, gradient) = (rows.map(<[u32]>::to_vec), OutputGradient::default());
        self.found.push(Tap { owner, norm: norm.cloned(), rows, input: x.detach(), gradient: gradient.clone() });
        Some(gradient)
    }
}

/// A linear operation on `x [n, in]` → `[n, out]`, recorded if `taps` want it; `rows` as in [`Tap::rows`].
pub(super) fn tapped_linear(
    taps: Option<&mut Taps>,
    owner: ParameterOwner,
    x: &Tensor,
    rows: Option<&[u32]>,
    LinearRef { weight, bias }: LinearRef<'_>,
    residual: Option<&Tensor>,
    threads: usize,
) -> Result<Tensor> {
    Ok(match taps.and_then(|taps| taps.record(owner, None, x, rows)) {
        Some(gradient) => observed_linear(x, weight, bias, residual, &gradient)?,
        None => linear(x, weight, bias, residual, threads)?,
    })
}

/// `norm(x)`, or `x` itself if there is no norm, recorded if `taps` want it; same shape.
pub(super) fn tapped_norm(
    taps: Option<&mut Taps>,
    owner: ParameterOwner,
    x: &Tensor,
    norm: Option<&Norm>,
) -> Result<Tensor> {
    let Some(norm) = norm else { return Ok(x.clone()) };
    Ok(match taps.and_then(|taps| taps.record(owner, Some(norm), x, None)) {
        Some(gradient) => norm.apply_observed(x, &gradient)?,
        None => norm.apply(x)?,
    })
}

impl ForwardPass<'_> {
    /// A stored matrix on `x [n, in]` → `[n, out]`, with `residual [m, out]` added; `rows` as in [`Tap::rows`].
    pub(super) fn linear(
        &mut self,
        id: WeightId,
        x: &Tensor,
        rows: Option<&[u32]>,
        residual: Option<&Tensor>,
    ) -> Result<Tensor> {
        let (owner, operation) = (ParameterOwner::Matrix(id), self.model.dense(id));
        tapped_linear(self.taps.as_deref_mut(), owner, x, rows, operation, residual, self.model.threads())
    }

    /// `norm(x)`, or `x` itself if the family has no norm there; same shape.
    pub(super) fn normed(&mut self, owner: ParameterOwner, x: &Tensor, norm: Option<&Norm>) -> Result<Tensor> {
        tapped_norm(self.taps.as_deref_mut(), owner, x, norm)
    }
}
