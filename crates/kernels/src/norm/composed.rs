//! Normalisation composed of the tensor library's operations.

use candle_core::{D, DType, Result, Tensor};

use super::{Norm, NormKind};

/// Normalises `x [rows, k·width]` → the same shape, in f32 for every data type, as transformers does; only the
/// parameters are applied in the data type of `x`.
pub(super) fn normalise(x: &Tensor, norm: &Norm) -> Result<Tensor> {
    let (shape, dtype, width) = (x.dims2()?, x.dtype(), norm.weight.elem_count());
    let x = x.to_dtype(DType::F32)?.reshape(((), width))?; // [rows·k, width]
    let mean = |x: &Tensor| x.sum_keepdim(D::Minus1)? / width as f64; // [rows·k, 1]
    let centred = match norm.kind {
        NormKind::Rms => x,
        NormKind::Layer => x.broadcast_sub(&mean(&x)?)?,
    };
    let y = centred.broadcast_div(&(mean(&centred.sqr()?)? + norm.eps)?.sqrt()?)?; // [rows·k, width]
    let y = y.to_dtype(dtype)?.broadcast_mul(&norm.weight)?;
    let y = if let Some(bias) = &norm.bias { y.broadcast_add(bias)? } else { y };
    y.reshape(shape) // [rows, k·width]
}
