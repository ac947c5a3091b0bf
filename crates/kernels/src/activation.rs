//! The activation function of an MLP, alone (`f(x)`) or gated (`f(gate)·up`), also with bounds.

mod composed;
mod fused;
mod gradient;
#[cfg(test)]
mod tests;
mod xielu;

use candle_core::{Result, Tensor};

use crate::differentiable;
use crate::host::{fused_applies, host_rows, with_values};
pub use xielu::Xielu;

/// An activation function of an MLP.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// `x·σ(x)` with `σ(x) = 1/(1 + e⁻ˣ)`.
    Silu,
    /// `x·Φ(x)` with the normal distribution function `Φ` (arXiv 1606.08415).
    Gelu,
    /// `x·½·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`, an approximation of [`Self::Gelu`].
    GeluTanh,
    /// `x·σ(1.702·x)`, a coarser approximation of [`Self::Gelu`].
    GeluQuick,
    /// `max(x, 0)`.
    Relu,
    /// `max(x, 0)²`.
    ReluSquared,
    /// A parabola above zero and an exponential function below it, with learned factors (arXiv 2411.13010).
    Xielu(Xielu),
}

/// Bounds of the two factors of a gated activation, and a number added to the second (gpt-oss):
/// `f(min(gate, limit))·(clamp(up, −limit, limit) + up_offset)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateBounds {
    /// Largest gate, and largest absolute value of `up`; positive.
    pub limit: f32,
    /// Number added to `up` within its bounds.
    pub up_offset: f32,
}

impl GateBounds {
    /// A gate within its bound. NaN stays NaN, which `f32::min` would turn into the limit.
    #[inline(always)]
    fn gate(self, gate: f32) -> f32 {
        if gate > self.limit { self.limit } else { gate }
    }

    /// The second factor.
    #[inline(always)]
    fn up(self, up: f32) -> f32 {
        up.clamp(-self.limit, self.limit) + self.up_offset
    }
}

/// Names in Hugging Face configurations, with their functions. xIELU is none of them, because its parameters are in the
/// model's files.
const BY_NAME: [(&str, Activation); 9] = [
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("gelu", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("quick_gelu", Activation::GeluQuick),
    ("relu", Activation::Relu),
    ("relu2", Activation::ReluSquared),
];

/// Factor inside the sigmoid of [`Activation::GeluQuick`].
const GELU_QUICK_FACTOR: f64 = 1.702;

impl Activation {
    /// All names that [`Self::from_name`] accepts, for error messages.
    pub const NAMES: [&'static str; BY_NAME.len()] = {
        // A loop with an index, because iterators do not run in constants.
        let (mut names, mut i) = ([""; BY_NAME.len()], 0);
        while i < names.len() {
            names[i] = BY_NAME[i].0;
            i += 1;
        }
        names
    };

    /// The function that Hugging Face configurations call `name`; `None` if the name is unknown.
    pub fn from_name(name: &str) -> Option<Self> {
        BY_NAME.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }
}

/// `f(x)` for `x [rows, width]` → the same shape.
///
/// # Errors
/// If `x` is not two-dimensional, or on the CPU not contiguous.
pub fn activate(x: &Tensor, f: Activation) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    if fused_applies(x) {
        let mut y = vec![0f32; rows * width];
        with_values(x, |x| fused::values(&mut y, x, None, f))?;
        return host_rows(y, rows, width);
    }
    if differentiable::applies(x) {
        return gradient::activate(x, f);
    }
    composed::activate(x, f)
}

/// `f(gate)·up`, or with bounds as in [`GateBounds`], for `gate [a, width]`, `up [b, width]` → `[max(a, b), width]`.
///
/// `a` divides `b`, or `b` divides `a`; the tensor with fewer rows is repeated. This combines a
/// matrix that has variants, one copy of the rows for each, with the other matrix, whose output all variants share.
///
/// # Errors
/// If the tensors are not two-dimensional, or on the CPU not contiguous.
pub fn gated(gate: &Tensor, up: &Tensor, f: Activation, bounds: Option<GateBounds>) -> Result<Tensor> {
    let ((a, width), (b, _)) = (gate.dims2()?, up.dims2()?);
    let rows = a.max(b);
    if fused_applies(gate) {
        let mut y = vec![0f32; rows * width];
        with_values(gate, |gate| with_values(up, |up| fused::gated(&mut y, gate, up, f, bounds)))??;
        return host_rows(y, rows, width);
    }
    // The kernel with a gradient repeats no rows: it would have to sum the gradients of all copies.
    if differentiable::applies(gate) && a == b {
        return gradient::gated(gate, up, f, bounds);
    }
    composed::gated(gate, up, f, bounds)
}
