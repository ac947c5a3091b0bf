//! RMS normalisation: `y = x / √(mean(x²) + ε) · w`.

use candle_core::{D, DType, Tensor};
use multiversion::multiversion;

use super::{differentiable, dot, host_rows, is_fused, with_values};
use crate::error::Result;

/// `x [rows,width]`, `w [width]` → `[rows,width]`.
pub(crate) fn rms_norm(x: &Tensor, w: &Tensor, eps: f64) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    if is_fused(x) {
        let mut y = vec![0f32; rows * width];
        with_values(x, |x| with_values(w, |w| kernel(&mut y, x, w, eps as f32)))??;
        return host_rows(y, rows, width);
    }
    if differentiable::applies(x) {
        return differentiable::rms_norm(x, w, eps);
    }
    composed(x, w, eps)
}

/// The same through the tensor library.
pub(super) fn composed(x: &Tensor, w: &Tensor, eps: f64) -> Result<Tensor> {
    let (_, width) = x.dims2()?;
    // In f32 whatever the dtype, as the reference does.
    let x32 = x.to_dtype(DType::F32)?;
    let mean = (x32.sqr()?.sum_keepdim(D::Minus1)? / width as f64)?;
    let y = x32.broadcast_div(&(mean + eps)?.sqrt()?)?;
    Ok(y.to_dtype(x.dtype())?.broadcast_mul(w)?)
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn kernel(y: &mut [f32], x: &[f32], w: &[f32], eps: f32) {
    let width = w.len();
    for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let scale = 1.0 / (dot(x, x) / width as f32 + eps).sqrt();
        for ((y, x), w) in y.iter_mut().zip(x).zip(w) {
            *y = x * scale * w;
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn equals_the_formula() {
        let x = Tensor::randn(0f32, 3.0, (3, 37), &Device::Cpu).expect("x");
        let w = Tensor::randn(0f32, 1.0, 37, &Device::Cpu).expect("w");
        let y = rms_norm(&x, &w, 1e-5).expect("norm").to_vec2::<f32>().expect("y");
        let (x, w) = (x.to_vec2::<f32>().expect("x"), w.to_vec1::<f32>().expect("w"));
        for (x, y) in x.iter().zip(&y) {
            let mean = x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / 37.0;
            for ((x, w), y) in x.iter().zip(&w).zip(y) {
                let expected = f64::from(*x) / (mean + 1e-5).sqrt() * f64::from(*w);
                assert!((f64::from(*y) - expected).abs() < 1e-5);
            }
        }
    }
}
