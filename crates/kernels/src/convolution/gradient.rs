//! The convolution over whole sequences as a CPU kernel with a gradient; the weights are constant.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::ConvolutionKernel;
use super::fused::{add_products, with_bias};
use crate::attention::SegmentLayout;
use crate::differentiable::{self, tensor_like};
use crate::host::{values_of_cpu_storage, with_values};

/// True if this kernel can compute with `x`: every segment is a whole sequence.
pub(super) fn applies(x: &Tensor, layout: SegmentLayout<'_>) -> bool {
    let whole = layout.copies == 1 && layout.segments.iter().all(|segment| segment.context.is_empty());
    differentiable::applies(x) && whole
}

/// As [`super::convolve`], for rows `x` that need a gradient.
pub(super) fn convolve(x: &Tensor, kernel: &ConvolutionKernel, layout: SegmentLayout<'_>) -> Result<Tensor> {
    let sequences = layout.segments.iter().map(|segment| segment.rows.clone()).collect();
    x.contiguous()?.apply_op1(WholeSequences { kernel: kernel.clone(), sequences })
}

struct WholeSequences {
    kernel: ConvolutionKernel,
    /// Rows of each sequence.
    sequences: Vec<Range<usize>>,
}

impl WholeSequences {
    /// Calls `f` with each position of the kernel as weights `[channels]`, and the rows of each pair that it connects: of
    /// the output and of the input.
    fn each_pair(&self, taps: &[f32], channels: usize, mut f: impl FnMut(&[f32], usize, usize)) {
        let width = taps.len() / channels.max(1);
        for rows in &self.sequences {
            for (tap, weights) in taps.chunks_exact(channels.max(1)).enumerate() {
                let back = width - 1 - tap; // rows from the output back to the input
                for row in rows.start + back..rows.end {
                    f(weights, row, row - back);
                }
            }
        }
    }
}

impl CustomOp1 for WholeSequences {
    fn name(&self) -> &'static str {
        "convolution over whole sequences"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, channels) = layout.shape().dims2()?;
        let x = values_of_cpu_storage(x, layout)?;
        let mut y = with_bias(&self.kernel, rows, channels)?; // [rows, channels]
        let of_row = |row: usize| row * channels..(row + 1) * channels;
        with_values(&self.kernel.taps, |taps| {
            self.each_pair(taps, channels, |weights, to, from| {
                add_products(&mut y[of_row(to)], weights, &x[of_row(from)]);
            });
        })?;
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// `δx[t] = Σ_j w[j]·δ[t + (width − 1) − j]` for the gradient `δ` of the output.
    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let channels = x.dims2()?.1;
        let of_row = |row: usize| row * channels..(row + 1) * channels;
        let dx = tensor_like(x, [gradient, &self.kernel.taps], |dx, [delta, taps]| {
            self.each_pair(taps, channels, |weights, to, from| {
                add_products(&mut dx[of_row(from)], weights, &delta[of_row(to)]);
            });
        })?;
        Ok(Some(dx))
    }
}
