//! Normalisation as a CPU kernel with a gradient.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::{Norm, NormKind, fused};
use crate::differentiable::tensor_like;
use crate::host::values_of_cpu_storage;
use crate::sums::{dot, sum};

/// Normalises an `x [rows, k·width]` that needs a gradient; the parameters of `norm` are constant.
pub(super) fn normalise(x: &Tensor, norm: &Norm) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Normalise { norm: norm.clone() })
}

struct Normalise {
    norm: Norm,
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
