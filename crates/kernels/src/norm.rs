//! Normalisation of rows: `y = x / √(mean(x²) + ε) · w`, or `y = (x − mean(x)) / √(var(x) + ε) · w + b`.

use candle_core::{D, DType, Tensor};
use multiversion::multiversion;

use super::{differentiable, dot, host_rows, is_fused, sum, with_values};
use crate::Result;

/// Which normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// By the root of the mean square.
    Rms,
    /// By mean and standard deviation (of the values themselves: divided by their number).
    Layer,
}

/// A normalisation with its parameters.
#[derive(Debug, Clone)]
pub struct Norm {
    pub kind: NormKind,
    /// Factor of each value, `[width]`.
    pub weight: Tensor,
    /// Added to each value, `[width]`.
    pub bias: Option<Tensor>,
    /// Added to the mean square or the variance.
    pub eps: f64,
}

impl Norm {
    /// `x [rows, k·width]` → the same shape: each run of `width` values is normalised by itself (`k` is 1, or the number
    /// of heads).
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let (rows, width) = x.dims2()?;
        if is_fused(x) {
            let mut y = vec![0f32; rows * width];
            with_values(x, |x| self.fill(&mut y, x))??;
            return host_rows(y, rows, width);
        }
        if differentiable::applies(x) {
            return differentiable::norm(x, self);
        }
        self.composed(x)
    }

    /// Plain values.
    pub(super) fn fill(&self, y: &mut [f32], x: &[f32]) -> Result<()> {
        let eps = self.eps as f32;
        with_values(&self.weight, |w| match self.kind {
            NormKind::Rms => rms(y, x, w, eps),
            NormKind::Layer => layer(y, x, w, eps),
        })?;
        match &self.bias {
            Some(bias) => with_values(bias, |b| add(y, b)),
            None => Ok(()),
        }
    }

    /// The same through the tensor library: in f32 whatever the dtype, as the references do.
    pub(super) fn composed(&self, x: &Tensor) -> Result<Tensor> {
        let (shape, dtype, width) = (x.dims2()?, x.dtype(), self.weight.elem_count());
        let x = x.to_dtype(DType::F32)?.reshape(((), width))?; // [rows·k, width]
        let mean = |x: &Tensor| x.sum_keepdim(D::Minus1)? / width as f64;
        let centred = match self.kind {
            NormKind::Rms => x,
            NormKind::Layer => x.broadcast_sub(&mean(&x)?)?,
        };
        let y = centred.broadcast_div(&(mean(&centred.sqr()?)? + self.eps)?.sqrt()?)?;
        let y = y.to_dtype(dtype)?.broadcast_mul(&self.weight)?;
        let y = if let Some(bias) = &self.bias { y.broadcast_add(bias)? } else { y };
        Ok(y.reshape(shape)?)
    }
}

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

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn layer(y: &mut [f32], x: &[f32], w: &[f32], eps: f32) {
    let width = w.len();
    for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let mean = sum(x) / width as f32;
        for (y, x) in y.iter_mut().zip(x) {
            *y = x - mean;
        }
        let scale = 1.0 / (dot(y, y) / width as f32 + eps).sqrt();
        for (y, w) in y.iter_mut().zip(w) {
            *y = *y * scale * w;
        }
    }
}

fn add(y: &mut [f32], bias: &[f32]) {
    for y in y.chunks_exact_mut(bias.len()) {
        y.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{difference, random, random_row};

    #[test]
    fn equals_the_formula() {
        let shifted = (random(3, 2 * 37) * 3.0).and_then(|x| x + 5.0).expect("x");
        for kind in [NormKind::Rms, NormKind::Layer] {
            for bias in [None, Some(random_row(37))] {
                let norm = Norm { kind, weight: random_row(37), bias, eps: 1e-3 };
                let y = norm.apply(&shifted).expect("norm");
                assert!(difference(&y, &norm.composed(&shifted).expect("composed")) < 1e-5);
                let values = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
                let (x, y, w) = (values(&shifted), values(&y), values(&norm.weight));
                let b = norm.bias.as_ref().map_or(vec![0.0; 37], values);
                for (x, y) in x.chunks(37).zip(y.chunks(37)) {
                    let mean_of = |f: &dyn Fn(f64) -> f64| x.iter().map(|v| f(f64::from(*v))).sum::<f64>() / 37.0;
                    let centre = if kind == NormKind::Layer { mean_of(&|v| v) } else { 0.0 };
                    let spread = (mean_of(&|v| (v - centre).powi(2)) + 1e-3).sqrt();
                    for i in 0..37 {
                        let expected = (f64::from(x[i]) - centre) / spread * f64::from(w[i]) + f64::from(b[i]);
                        assert!((f64::from(y[i]) - expected).abs() < 1e-5, "{kind:?}");
                    }
                }
            }
        }
    }
}
