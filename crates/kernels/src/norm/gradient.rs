//! Normalisation as a CPU kernel with a gradient.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use multiversion::multiversion;

use super::{Norm, NormKind, fused};
use crate::differentiable::{OutputGradient, tensor_like};
use crate::host::values_of_cpu_storage;
use crate::sums::{dot, sum};

/// Normalises an `x [rows, k·width]` that needs a gradient; the parameters of `norm` are constant. `observer` receives the
/// gradient of the result.
pub(super) fn normalise(x: &Tensor, norm: &Norm, observer: Option<&OutputGradient>) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Normalise { norm: norm.clone(), observer: observer.cloned() })
}

struct Normalise {
    norm: Norm,
    observer: Option<OutputGradient>,
}

impl CustomOp1 for Normalise {
    fn name(&self) -> &'static str {
        "normalisation"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values_of_cpu_storage(x, layout)?;
        let mut y = vec![0f32; x.len()];
        fused::normalise(&mut y, x, &self.norm)?;
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        if let Some(observer) = &self.observer {
            observer.write(gradient);
        }
        let Norm { kind, weight, eps, .. } = &self.norm;
        let dx = tensor_like(x, [x, gradient, weight], |dx, [x, delta, w]| {
            input_gradient(dx, x, delta, w, *kind, *eps as f32);
        });
        dx.map(Some)
    }
}

/// Writes the gradient of the input `x` to `dx`, for the gradient `delta` of the output.
///
/// With `c = x` (RMSNorm) or `c = x − mean(x)` (LayerNorm), `s = 1/√(mean(c²) + ε)` and `h = w·δ`, it is
/// `s·(h − c·s²·mean(h·c))`, for LayerNorm less its mean.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn input_gradient(dx: &mut [f32], x: &[f32], delta: &[f32], w: &[f32], kind: NormKind, eps: f32) {
    let width = w.len();
    let mean = |values: &[f32]| if kind == NormKind::Layer { sum(values) / width as f32 } else { 0.0 };
    let mut centred = vec![0f32; width];
    let rows = x.chunks_exact(width).zip(delta.chunks_exact(width));
    for (dx, (x, delta)) in dx.chunks_exact_mut(width).zip(rows) {
        let centre = mean(x);
        centred.iter_mut().zip(x).for_each(|(c, x)| *c = x - centre);
        let square = 1.0 / (dot(&centred, &centred) / width as f32 + eps); // s²
        dx.iter_mut().zip(delta).zip(w).for_each(|((dx, g), w)| *dx = g * w); // h
        let along = square * dot(dx, &centred) / width as f32;
        let shift = mean(dx); // the mean of h is that of the whole bracket: the centred values have mean zero
        dx.iter_mut().zip(&centred).for_each(|(dx, c)| *dx = square.sqrt() * (*dx - shift - c * along));
    }
}

/// Adds the gradients of weight and bias, `d_weight [width]` and `d_bias [width]`, for the input `x` and the gradient
/// `delta` of the output: sums of `δ·x̂` and of `δ` over the rows, with the normalised `x̂`. Without a bias, `d_bias` is
/// empty.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn add_parameter_gradients(
    d_weight: &mut [f32],
    d_bias: &mut [f32],
    x: &[f32],
    delta: &[f32],
    kind: NormKind,
    eps: f32,
) {
    let width = d_weight.len();
    for (x, delta) in x.chunks_exact(width).zip(delta.chunks_exact(width)) {
        let mean = if kind == NormKind::Layer { sum(x) / width as f32 } else { 0.0 };
        let mut square = 0f32;
        x.iter().for_each(|x| square += (x - mean) * (x - mean));
        let scale = 1.0 / (square / width as f32 + eps).sqrt();
        for ((d, x), delta) in d_weight.iter_mut().zip(x).zip(delta) {
            *d += (x - mean) * scale * delta;
        }
        d_bias.iter_mut().zip(delta).for_each(|(d, delta)| *d += delta);
    }
}
