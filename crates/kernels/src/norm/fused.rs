//! Normalisation as CPU kernels: takes and gives plain values.

use candle_core::Result;
use multiversion::multiversion;

use super::{Norm, NormKind};
use crate::host::with_values;
use crate::sums::{dot, sum};

/// Writes the normalised `x` to `y`; both have whole runs of `width` values.
///
/// # Errors
/// If the parameters are not f32 in host memory.
pub(super) fn normalise(y: &mut [f32], x: &[f32], norm: &Norm) -> Result<()> {
    let eps = norm.eps as f32;
    with_values(&norm.weight, |w| match norm.kind {
        NormKind::Rms => rms(y, x, w, eps),
        NormKind::Layer => layer(y, x, w, eps),
    })?;
    match &norm.bias {
        Some(bias) => with_values(bias, |b| add(y, b)),
        None => Ok(()),
    }
}

/// `y = x / √(mean(x²) + ε) · w` for each run of `w.len()` values.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn rms(y: &mut [f32], x: &[f32], w: &[f32], eps: f32) {
    let width = w.len();
    for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let scale = 1.0 / (dot(x, x) / width as f32 + eps).sqrt();
        for ((y, x), w) in y.iter_mut().zip(x).zip(w) {
            *y = x * scale * w;
        }
    }
}

/// `y = (x − mean(x)) / √(var(x) + ε) · w` for each run of `w.len()` values.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn layer(y: &mut [f32], x: &[f32], w: &[f32], eps: f32) {
    let width = w.len();
    for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let mean = sum(x) / width as f32;
        // The variance is computed of the centred values: mean(x²) − mean(x)² would cancel.
        for (y, x) in y.iter_mut().zip(x) {
            *y = x - mean;
        }
        let scale = 1.0 / (dot(y, y) / width as f32 + eps).sqrt();
        for (y, w) in y.iter_mut().zip(w) {
            *y = *y * scale * w;
        }
    }
}

/// Adds `bias` to each run of `bias.len()` values.
fn add(y: &mut [f32], bias: &[f32]) {
    for y in y.chunks_exact_mut(bias.len()) {
        y.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
    }
}
