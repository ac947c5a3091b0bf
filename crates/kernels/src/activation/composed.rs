//! Activation functions composed of the tensor library's operations.

use candle_core::{Result, Tensor};

use super::{Activation, GELU_QUICK_FACTOR, GateBounds};

/// `f(x)` for `x [rows, width]` → the same shape.
pub(super) fn activate(x: &Tensor, f: Activation) -> Result<Tensor> {
    match f {
        Activation::Silu => x.silu(),
        Activation::Gelu => x.gelu_erf(),
        Activation::GeluTanh => x.gelu(),
        Activation::GeluQuick => (x * GELU_QUICK_FACTOR)?.silu()? / GELU_QUICK_FACTOR,
        Activation::Relu => x.relu(),
        Activation::ReluSquared => x.relu()?.sqr(),
    }
}

/// `f(gate)·up` for `gate [a, width]`, `up [b, width]` → `[max(a, b), width]`; the one with fewer rows is repeated.
pub(super) fn gated(gate: &Tensor, up: &Tensor, f: Activation) -> Result<Tensor> {
    let (a, b) = (gate.dim(0)?, up.dim(0)?);
    let rows = a.max(b);
    let repeated = |t: &Tensor, n: usize| if n == rows { Ok(t.clone()) } else { t.repeat((rows / n, 1)) };
    activate(&repeated(gate, a)?, f)? * repeated(up, b)?
}

/// As [`gated`], with bounds.
pub(super) fn gated_within(gate: &Tensor, up: &Tensor, f: Activation, bounds: GateBounds) -> Result<Tensor> {
    let limit = f64::from(bounds.limit);
    let up = (up.clamp(-limit, limit)? + f64::from(bounds.up_offset))?;
    gated(&gate.minimum(limit)?, &up, f)
}
