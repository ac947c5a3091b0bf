//! The linear operation `y = x·Wᵀ + b`, with the addition to the residual stream that may follow it.

mod composed;
mod fused;
mod gradient;
mod parameters;
#[cfg(test)]
mod tests;

use candle_core::{Result, Tensor};

use crate::differentiable::{self, OutputGradient};
use crate::host::fused_applies;
use crate::packed::Factor;
use crate::weight::Weight;

pub use parameters::{add_bias_gradient, add_weight_gradient};

/// `x·Wᵀ + b + residual` for `x [rows, in]`, `w [out, in]`, `bias [out]`, `residual [n, out]` → `[rows, out]`.
///
/// If the residual has fewer rows, it is repeated: row `i` of the result takes its row `i mod n`.
///
/// # Errors
/// If shapes, devices or data types do not fit, or a weight cannot be read from its file.
///
/// # Panics
/// If the weight is not a tensor and shapes do not fit.
pub fn linear(
    x: &Tensor,
    w: &Weight,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
    threads: usize,
) -> Result<Tensor> {
    match w {
        Weight::Packed(w) if fused_applies(x) => fused::linear(x, Factor::Packed(&w.all()), bias, residual, threads),
        Weight::InFile(reader) if fused_applies(x) => {
            reader.read_ahead();
            let y = fused::linear(x, Factor::InFile(&**reader), bias, residual, threads);
            reader.release();
            y
        }
        _ => tracked(x, w, bias, residual, None),
    }
}

/// As [`linear`], for an `x` that needs a gradient; `gradient` receives the gradient of the result in a backward pass.
///
/// # Errors
/// If shapes, devices or data types do not fit.
pub fn observed_linear(
    x: &Tensor,
    w: &Weight,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
    gradient: &OutputGradient,
) -> Result<Tensor> {
    tracked(x, w, bias, residual, Some(gradient))
}

/// The linear operation on tensors that may need gradients.
fn tracked(
    x: &Tensor,
    w: &Weight,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
    gradient: Option<&OutputGradient>,
) -> Result<Tensor> {
    let w = w.to_tensor()?; // [out, in]
    // The kernel with a gradient treats weight and bias as constant; those that need a gradient themselves are left to the
    // tensor library.
    let constant = !w.track_op() && bias.is_none_or(|bias| !bias.track_op());
    if constant && differentiable::applies(x) {
        let rows = x.dim(0)?;
        let residual = residual.map(|residual| repeat_rows(residual, rows)).transpose()?;
        return gradient::product(x, &w, bias, residual.as_ref(), gradient);
    }
    let mut y = composed::product(x, &w)?; // [rows, out]
    if let Some(bias) = bias {
        y = y.broadcast_add(bias)?;
    }
    if let Some(residual) = residual {
        let rows = x.dim(0)?;
        y = (y + repeat_rows(residual, rows)?)?; // [rows, out]
    }
    match gradient {
        Some(gradient) => gradient.observe(y),
        None => Ok(y),
    }
}

/// Repeats all rows of `x [n, width]` until there are `rows` rows → `[rows, width]`; `n` divides `rows`.
///
/// # Errors
/// Those of the tensor library.
pub fn repeat_rows(x: &Tensor, rows: usize) -> Result<Tensor> {
    let n = x.dim(0)?;
    if n == rows { Ok(x.clone()) } else { x.repeat((rows / n.max(1), 1)) }
}
