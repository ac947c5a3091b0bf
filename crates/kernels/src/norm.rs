//! Normalisation of rows: `y = x / √(mean(x²) + ε) · w` (RMSNorm, arXiv 1910.07467), or
//! `y = (x − mean(x)) / √(var(x) + ε) · w + b` (LayerNorm, arXiv 1607.06450).

mod composed;
mod fused;
mod gradient;
#[cfg(test)]
mod tests;

use candle_core::{Result, Tensor};

use crate::differentiable::{self, OutputGradient};
use crate::host::{fused_applies, host_rows, with_values};

/// The two kinds of normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// RMSNorm: divides by the root of the mean square.
    Rms,
    /// LayerNorm: subtracts the mean and divides by the standard deviation (with divisor `width`, not `width − 1`).
    Layer,
}

/// A normalisation with its parameters.
#[derive(Debug, Clone)]
pub struct Norm {
    /// RMSNorm or LayerNorm.
    pub kind: NormKind,
    /// Factor of each value, `w [width]`.
    pub weight: Tensor,
    /// Summand of each value, `b [width]`.
    pub bias: Option<Tensor>,
    /// `ε`, added to the mean square or the variance.
    pub eps: f64,
}

impl Norm {
    /// Normalises `x [rows, k·width]` → the same shape. Each `width` consecutive values are normalised on their own:
    /// `k` is 1 for the residual stream, and the number of heads for queries and keys.
    ///
    /// # Errors
    /// If `x` is not two-dimensional, or its device or data type differs from that of the parameters.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let (rows, width) = x.dims2()?;
        if fused_applies(x) {
            let mut y = vec![0f32; rows * width];
            with_values(x, |x| fused::normalise(&mut y, x, self))??;
            return host_rows(y, rows, width);
        }
        if differentiable::applies(x) {
            return gradient::normalise(x, self, None);
        }
        composed::normalise(x, self)
    }

    /// As [`Norm::apply`], for an `x` that needs a gradient; `gradient` receives the gradient of the result in a backward
    /// pass.
    ///
    /// # Errors
    /// As [`Norm::apply`].
    pub fn apply_observed(&self, x: &Tensor, gradient: &OutputGradient) -> Result<Tensor> {
        if differentiable::applies(x) {
            return gradient::normalise(x, self, Some(gradient));
        }
        gradient.observe(composed::normalise(x, self)?)
    }

    /// Adds the gradients of weight and bias to `d_weight [width]` and `d_bias [width]` (empty without a bias), for the
    /// input `x [rows, k·width]` and the gradient `delta` of the output, of the same shape.
    ///
    /// # Errors
    /// If a tensor is not contiguous f32 in host memory.
    pub fn add_parameter_gradients(
        &self,
        d_weight: &mut [f32],
        d_bias: &mut [f32],
        x: &Tensor,
        delta: &Tensor,
    ) -> Result<()> {
        with_values(x, |x| {
            let add = |delta: &[f32]| {
                gradient::add_parameter_gradients(d_weight, d_bias, x, delta, self.kind, self.eps as f32);
            };
            with_values(delta, add)
        })?
    }
}
