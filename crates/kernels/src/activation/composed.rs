//! Activation functions composed of the tensor library's operations.

use candle_core::{DType, Result, Tensor};

use super::{Activation, GELU_QUICK_FACTOR, GateBounds, Xielu};

/// `f(x)` for `x [rows, width]` → the same shape.
pub(super) fn activate(x: &Tensor, f: Activation) -> Result<Tensor> {
    match f {
        Activation::Silu => x.silu(),
        Activation::Gelu => x.gelu_erf(),
        Activation::GeluTanh => x.gelu(),
        Activation::GeluQuick => (x * GELU_QUICK_FACTOR)?.silu()? / GELU_QUICK_FACTOR,
        Activation::Relu => x.relu(),
        Activation::ReluSquared => x.relu()?.sqr(),
        Activation::Xielu(parameters) => xielu(x, parameters),
    }
}

/// xIELU of `x [rows, width]` → the same shape, computed in f32 for every data type, because `eˣ − 1 − x` cancels.
fn xielu(x: &Tensor, parameters: Xielu) -> Result<Tensor> {
    let ((p, n), Xielu { beta, eps, .. }) = (parameters.factors(), parameters);
    let (dtype, x) = (x.dtype(), x.to_dtype(DType::F32)?); // [rows, width]
    let above = (x.sqr()? * f64::from(p))?; // [rows, width]
    // eˣ − 1 = 2t/(1 − t) with t = tanh(x/2), which is accurate near zero. Above zero the value is not used, but a
    // gradient that is no number would count even so.
    let t = (x.minimum(eps)? * 0.5)?.tanh()?; // [rows, width]
    let exp_m1 = ((&t * 2.0)? / (1.0 - &t)?)?; // [rows, width]
    let below = ((exp_m1 - &x)? * f64::from(n))?; // [rows, width]
    let curved = x.gt(0f32)?.where_cond(&above, &below)?; // [rows, width]
    (curved + (x * f64::from(beta))?)?.to_dtype(dtype)
}

/// `f(gate)·up`, perhaps with bounds, for `gate [a, width]`, `up [b, width]` → `[max(a, b), width]`; the one with fewer rows is
/// repeated.
pub(super) fn gated(gate: &Tensor, up: &Tensor, f: Activation, bounds: Option<GateBounds>) -> Result<Tensor> {
    let (gate, up) = match bounds {
        None => (gate.clone(), up.clone()),
        Some(GateBounds { limit, up_offset }) => {
            let limit = f64::from(limit);
            (gate.minimum(limit)?, (up.clamp(-limit, limit)? + f64::from(up_offset))?)
        }
    };
    let (a, b) = (gate.dim(0)?, up.dim(0)?);
    let rows = a.max(b);
    let repeated = |t: &Tensor, n: usize| if n == rows { Ok(t.clone()) } else { t.repeat((rows / n, 1)) };
    activate(&repeated(&gate, a)?, f)? * repeated(&up, b)?
}
