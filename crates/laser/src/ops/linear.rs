//! `y = x·Wᵀ + b`, and the same for a stack of truncated variants of one matrix at once.

use std::ops::Range;

use candle_core::Tensor;

use super::differentiable;
use super::matmul::{Output, View, times_transposed};
use super::{host_rows, is_fused, with_values};
use crate::error::Result;

/// `x·Wᵀ + b (+ residual)`: `x [rows,in]`, `w [out,in]`, `bias [out]`, `residual [rows,out]` → `[rows,out]`.
pub(crate) fn linear(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
    threads: usize,
) -> Result<Tensor> {
    if is_fused(x) && is_fused(w) {
        let ([rows, width], out) = (dims(x)?, w.dim(0)?);
        let (mut y, output) = start(residual, bias, rows, out)?;
        with_values(x, |x| {
            with_values(w, |w| {
                times_transposed(&mut y, out, View::new(x, rows, width), View::new(w, out, width), output, threads);
            })
        })??;
        return host_rows(y, rows, out);
    }
    let mut y = if differentiable::applies(x) { differentiable::times_constant(x, w)? } else { composed(x, w)? };
    if let Some(bias) = bias {
        y = y.broadcast_add(bias)?;
    }
    Ok(match residual {
        Some(residual) => (y + residual)?,
        None => y,
    })
}

/// `x·Wᵀ` through the tensor library.
pub(super) fn composed(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    Ok(x.matmul(&w.t()?)?)
}

/// Truncations of one matrix to several ranks, kept as factors: variant `v` is `US[:, ..r_v]·Vᵀ[..r_v, :]`.
#[derive(Debug, Clone)]
pub struct Variants {
    /// `U·Σ`, `[out, k]`.
    us: Tensor,
    /// `Vᵀ`, `[k, in]`.
    vt: Tensor,
    /// Rank of each variant, never decreasing, at most `k`.
    ranks: Vec<usize>,
}

impl Variants {
    /// Variants of ranks `ranks` (sorted upwards) from the leading `k` components `us [out,k]`, `vt [k,in]`.
    ///
    /// # Panics
    /// If the ranks are not sorted or exceed `k`.
    pub(crate) fn new(us: Tensor, vt: Tensor, ranks: Vec<usize>) -> Self {
        assert!(ranks.is_sorted(), "ranks of variants are sorted");
        assert!(ranks.last().is_none_or(|r| *r <= vt.dims()[0]), "a rank exceeds the factors");
        Self { us, vt, ranks }
    }

    /// Number of variants.
    pub(crate) fn len(&self) -> usize {
        self.ranks.len()
    }

    /// Applies the variants. `blocks`: the rows of `x` that belong to each variant, in order and without gaps; `None`: all
    /// rows belong to all variants, and the output has `len()` copies of them, `[len·rows, out]`.
    pub(crate) fn apply(
        &self,
        x: &Tensor,
        bias: Option<&Tensor>,
        blocks: Option<&[Range<usize>]>,
        threads: usize,
    ) -> Result<Tensor> {
        let [rows, _] = dims(x)?;
        let z = linear(x, &self.vt, None, None, threads)?; // [rows, k]
        if !is_fused(x) {
            return self.apply_composed(&z, bias, blocks);
        }
        let (out, k) = (self.us.dim(0)?, self.vt.dim(0)?);
        let copies = if blocks.is_some() { 1 } else { self.len() };
        let (mut y, _) = start(None, bias, copies * rows, out)?;
        with_values(&z, |z| {
            with_values(&self.us, |us| match blocks {
                Some(blocks) => self.in_blocks(&mut y, z, us, blocks, (out, k), threads),
                None => self.nested(&mut y, z, us, (rows, out, k), threads),
            })
        })??;
        host_rows(y, copies * rows, out)
    }

    /// Every variant for every row: the sum over components runs once, a copy is taken at each rank.
    fn nested(&self, y: &mut [f32], z: &[f32], us: &[f32], (rows, out, k): (usize, usize, usize), threads: usize) {
        let (z, us) = (View::new(z, rows, k), View::new(us, out, k));
        let (mut from, block) = (0, rows * out);
        for (v, &to) in self.ranks.iter().enumerate() {
            if v > 0 {
                y.copy_within((v - 1) * block..v * block, v * block);
            }
            if to > from {
                let y = &mut y[v * block..(v + 1) * block];
                times_transposed(y, out, z.columns(from, to), us.columns(from, to), Output::Accumulate, threads);
            }
            from = to;
        }
    }

    /// Rows that already belong to one variant each. A band of components is added to all rows of the variants that
    /// have it, which stand together at the end because ranks never decrease.
    fn in_blocks(
        &self,
        y: &mut [f32],
        z: &[f32],
        us: &[f32],
        blocks: &[Range<usize>],
        (out, k): (usize, usize),
        threads: usize,
    ) {
        let rows = z.len() / k.max(1);
        let us = View::new(us, out, k);
        let mut from = 0;
        for (block, &to) in blocks.iter().zip(&self.ranks) {
            if to > from && block.start < rows {
                let z = View::new(&z[block.start * k..], rows - block.start, k).columns(from, to);
                let y = &mut y[block.start * out..];
                times_transposed(y, out, z, us.columns(from, to), Output::Accumulate, threads);
            }
            from = to;
        }
    }

    /// The same through the tensor library.
    fn apply_composed(&self, z: &Tensor, bias: Option<&Tensor>, blocks: Option<&[Range<usize>]>) -> Result<Tensor> {
        let mut parts = Vec::with_capacity(self.len());
        for (v, &rank) in self.ranks.iter().enumerate() {
            let z = match blocks {
                Some(blocks) => z.narrow(0, blocks[v].start, blocks[v].len())?,
                None => z.clone(),
            };
            if z.dim(0)? == 0 {
                continue;
            }
            let y = if rank == 0 {
                Tensor::zeros((z.dim(0)?, self.us.dim(0)?), z.dtype(), z.device())?
            } else {
                z.narrow(1, 0, rank)?.contiguous()?.matmul(&self.us.narrow(1, 0, rank)?.t()?)?
            };
            parts.push(match bias {
                Some(bias) => y.broadcast_add(bias)?,
                None => y,
            });
        }
        Ok(Tensor::cat(&parts, 0)?)
    }
}

/// The output buffer of a product `[rows, out]`: residual and bias where there are, and whether to add to it.
fn start(residual: Option<&Tensor>, bias: Option<&Tensor>, rows: usize, out: usize) -> Result<(Vec<f32>, Output)> {
    let mut y = match residual {
        Some(residual) => with_values(residual, <[f32]>::to_vec)?,
        None => vec![0.0; rows * out],
    };
    if let Some(bias) = bias {
        with_values(bias, |bias| {
            for row in y.chunks_exact_mut(out) {
                row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
            }
        })?;
    }
    let output = if residual.is_some() || bias.is_some() { Output::Accumulate } else { Output::Replace };
    Ok((y, output))
}

fn dims(x: &Tensor) -> Result<[usize; 2]> {
    Ok(x.dims2()?.into())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn random(rows: usize, cols: usize) -> Tensor {
        Tensor::randn(0f32, 1.0, (rows, cols), &Device::Cpu).expect("small tensor")
    }

    fn difference(a: &Tensor, b: &Tensor) -> f32 {
        let d = (a - b).expect("same shape").abs().expect("abs").flatten_all().expect("flat");
        d.max(0).expect("max").to_scalar::<f32>().expect("scalar")
    }

    #[test]
    fn linear_adds_bias_and_residual() {
        let (x, w, residual) = (random(5, 8), random(3, 8), random(5, 3));
        let bias = random(1, 3).flatten_all().expect("flat");
        let y = linear(&x, &w, Some(&bias), Some(&residual), 1).expect("linear");
        let plain = x.matmul(&w.t().expect("t")).expect("matmul").broadcast_add(&bias).expect("bias");
        assert!(difference(&y, &(plain + residual).expect("add")) < 1e-5);
    }

    #[test]
    fn variants_equal_their_dense_matrices_one_by_one() {
        let (us, vt, x) = (random(7, 6), random(6, 9), random(4, 9));
        let bias = random(1, 7).flatten_all().expect("flat");
        let ranks = vec![0, 2, 2, 5];
        let variants = Variants::new(us.clone(), vt.clone(), ranks.clone());
        let dense = |x: &Tensor, r: usize| {
            let w = if r == 0 {
                Tensor::zeros((7, 9), candle_core::DType::F32, &Device::Cpu).expect("zeros")
            } else {
                us.narrow(1, 0, r)
                    .expect("us")
                    .contiguous()
                    .expect("c")
                    .matmul(&vt.narrow(0, 0, r).expect("vt"))
                    .expect("w")
            };
            linear(x, &w, Some(&bias), None, 1).expect("dense")
        };
        let all = variants.apply(&x, Some(&bias), None, 1).expect("fan out");
        for (v, &r) in ranks.iter().enumerate() {
            assert!(difference(&all.narrow(0, v * 4, 4).expect("block"), &dense(&x, r)) < 1e-5);
        }
        let blocks = [0..1, 1..1, 1..3, 3..4];
        let packed = variants.apply(&x, Some(&bias), Some(&blocks), 1).expect("blocks");
        let z = linear(&x, &vt, None, None, 1).expect("z");
        let composed = variants.apply_composed(&z, Some(&bias), Some(&blocks)).expect("composed");
        for (v, block) in blocks.iter().enumerate().filter(|(_, b)| !b.is_empty()) {
            let rows = |t: &Tensor| t.narrow(0, block.start, block.len()).expect("rows");
            assert!(difference(&rows(&packed), &dense(&rows(&x), ranks[v])) < 1e-5);
        }
        assert!(difference(&packed, &composed) < 1e-5);
    }
}
