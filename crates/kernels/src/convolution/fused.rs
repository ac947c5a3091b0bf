//! The convolution as one CPU kernel: threads take segments.

use candle_core::{Result, Tensor};
use multiversion::multiversion;
use rayon::prelude::*;

use super::ConvolutionKernel;
use super::sources::SegmentSources;
use crate::attention::SegmentLayout;
use crate::host::{host_rows, values_of_storage, with_values};
use crate::kv_cache::KvChunk;

/// As [`super::convolve`]; the values of all tensors are f32 in host memory.
pub(super) fn convolve(
    chunks: &[KvChunk],
    kernel: &ConvolutionKernel,
    layout: SegmentLayout<'_>,
    threads: usize,
) -> Result<Tensor> {
    let (width, channels) = kernel.taps.dims2()?;
    let rows = layout.copies * layout.rows;
    // The storages stay locked while the threads borrow their values.
    let guards: Vec<_> = chunks.iter().map(|chunk| chunk.k.storage_and_layout()).collect();
    let mut inputs = Vec::with_capacity(chunks.len());
    for (storage, place) in &guards {
        inputs.push(values_of_storage(storage, place)?);
    }
    let segments = SegmentSources::of_batch(chunks, layout, width);
    let mut y = with_bias(kernel, rows, channels)?; // [copies·rows, channels]
    with_values(&kernel.taps, |taps| {
        let mut rest = &mut y[..];
        let mut parts = Vec::with_capacity(segments.len());
        for segment in &segments {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(segment.len() * channels);
            rest = after;
            parts.push((segment, part));
        }
        let compute = |(segment, y): &mut (&SegmentSources, &mut [f32])| {
            for (row, y) in y.chunks_exact_mut(channels.max(1)).enumerate() {
                for (tap, weights) in taps.chunks_exact(channels.max(1)).enumerate() {
                    if let Some((chunk, source)) = segment.at(row, tap, width) {
                        add_products(y, weights, &inputs[chunk][source * channels..(source + 1) * channels]);
                    }
                }
            }
        };
        if threads > 1 { parts.par_iter_mut().for_each(compute) } else { parts.iter_mut().for_each(compute) }
    })?;
    host_rows(y, rows, channels)
}

/// The kernel's bias in every row, or zeros: `[rows, channels]`.
pub(super) fn with_bias(kernel: &ConvolutionKernel, rows: usize, channels: usize) -> Result<Vec<f32>> {
    match &kernel.bias {
        Some(bias) => with_values(bias, |bias| bias.repeat(rows)),
        None => Ok(vec![0f32; rows * channels]),
    }
}

/// `y += a·b`, element by element.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn add_products(y: &mut [f32], a: &[f32], b: &[f32]) {
    for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
        *y += a * b;
    }
}
