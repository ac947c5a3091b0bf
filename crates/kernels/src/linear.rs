//! The linear operation `y = x·Wᵀ + b`, with the addition to the residual stream that may follow it.

mod composed;
mod fused;
mod gradient;
#[cfg(test)]
mod tests;

use candle_core::{Result, Tensor};

use crate::differentiable;
use crate::host::fused_applies;
use crate::weight::Weight;

/// `x·Wᵀ + b + residual` for `x [rows, in]`, `w [out, in]`, `bias [out]`, `residual [n, out]` → `[rows, out]`.
///
/// If the residual has fewer rows, it is repeated: row `i` of the result takes its row `i mod n`.
///
/// # Errors
/// If shapes, devices or data types do not fit.
///
/// # Panics
/// If the weight is packed and shapes do not fit.
pub fn linear(
    x: &Tensor,
    w: &Weight,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
    threads: usize,
) -> Result<Tensor> {
    if let (Weight::Packed(w), true) = (w, fused_applies(x)) {
        return fused::linear(x, w, bias, residual, threads);
    }
    let w = w.to_tensor()?; // [out, in]
    // The kernel with a gradient treats the weight as constant; a weight that needs a gradient itself is left to the
    // tensor library.
    let constant = differentiable::applies(x) && !w.track_op();
    let mut y = if constant { gradient::product(x, &w)? } else { composed::product(x, &w)? }; // [rows, out]
    if let Some(bias) = bias {
        y = y.broadcast_add(bias)?;
    }
    match residual {
        Some(residual) => {
            let rows = x.dim(0)?;
            y + repeat_rows(residual, rows)?
        }
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
