//! Normalisation and its gradient.

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};

use super::{filled, rows};
use crate::norm::{Norm, NormKind};
use crate::{dot, sum};

/// `form` applied to a tracked `x [rows, k·width]`; its parameters are constant.
pub fn norm(x: &Tensor, form: &Norm) -> crate::Result<Tensor> {
    Ok(x.contiguous()?.apply_op1(Normalise(form.clone()))?)
}

struct Normalise(Norm);

impl CustomOp1 for Normalise {
    fn name(&self) -> &'static str {
        "normalisation"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = rows(x, layout)?;
        let mut y = vec![0f32; x.len()];
        self.0.fill(&mut y, x).map_err(Error::wrap)?;
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// With `c = x` or `x − mean(x)`, `s = 1/√(mean(c²) + ε)` and `h = w·δ`: `s·(h − c·s²·mean(h·c))`, less its mean
    /// where `x` was centred.
    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let Norm { kind, weight, eps, .. } = &self.0;
        let dx = filled(x, [x, gradient, weight], |dx, [x, gradient, w]| {
            let width = w.len();
            let mean = |values: &[f32]| if *kind == NormKind::Layer { sum(values) / width as f32 } else { 0.0 };
            let mut centred = vec![0f32; width];
            let rows = x.chunks_exact(width).zip(gradient.chunks_exact(width));
            for (dx, (x, gradient)) in dx.chunks_exact_mut(width).zip(rows) {
                let centre = mean(x);
                centred.iter_mut().zip(x).for_each(|(c, x)| *c = x - centre);
                let square = 1.0 / (dot(&centred, &centred) / width as f32 + *eps as f32);
                dx.iter_mut().zip(gradient).zip(w).for_each(|((dx, g), w)| *dx = g * w);
                let along = square * dot(dx, &centred) / width as f32;
                let shift = mean(dx); // the centred values themselves have mean zero
                dx.iter_mut().zip(&centred).for_each(|(dx, c)| *dx = square.sqrt() * (*dx - shift - c * along));
            }
        });
        dx.map(Some)
    }
}
