//! Gradients of the parameters of a linear operation, from its input and the gradient of its output.

use candle_core::Result;
use candle_core::Tensor;

use crate::host::with_values;
use crate::matmul::{OutputMode, matmul_left_transposed};
use crate::matrix_view::MatrixView;

/// Adds `δᵀ·x` to the gradient of the weight, `sum [out, in]`, for the input `x [rows, in]` and the gradient
/// `delta [rows, out]` of the output.
///
/// # Errors
/// If a tensor is not contiguous f32 in host memory.
///
/// # Panics
/// If shapes do not fit.
pub fn add_weight_gradient(sum: &mut [f32], x: &Tensor, delta: &Tensor) -> Result<()> {
    let ((rows, width), (_, out)) = (x.dims2()?, delta.dims2()?);
    with_values(x, |x| {
        with_values(delta, |delta| {
            let (delta, x) = (MatrixView::new(delta, rows, out), MatrixView::new(x, rows, width));
            matmul_left_transposed(sum, width, delta, x, OutputMode::Accumulate, 1);
        })
    })?
}

/// Adds the column sums of the gradient `delta [rows, out]` of the output to the gradient of the bias, `sum [out]`.
///
/// # Errors
/// If the tensor is not contiguous f32 in host memory.
pub fn add_bias_gradient(sum: &mut [f32], delta: &Tensor) -> Result<()> {
    with_values(delta, |delta| {
        let rows = delta.chunks_exact(sum.len().max(1));
        rows.for_each(|row| sum.iter_mut().zip(row).for_each(|(sum, d)| *sum += d));
    })
}
