//! Causal convolution of each channel along a sequence, over the last few rows:
//! `y[t] = Σ_j w[j]·x[t − (width − 1) + j] + b`, with zeros before the start of the sequence.
//!
//! The rows before a segment are in the cache, as the keys of attention are: its context says where. So borders of
//! sequences, shared prefixes, variants and text that is generated token by token need no state of their own.

mod composed;
mod fused;
mod gradient;
mod sources;
#[cfg(test)]
mod tests;

use candle_core::{Result, Tensor};

use crate::attention::SegmentLayout;
use crate::host::fused_applies;
use crate::kv_cache::KvChunk;

/// The kernel of a causal convolution, which has its own weights for each channel.
#[derive(Debug, Clone)]
pub struct ConvolutionKernel {
    /// Weights, `[width, channels]`; the last row is that of the newest position.
    pub taps: Tensor,
    /// Summand of each channel, `[channels]`.
    pub bias: Option<Tensor>,
}

/// Convolution of the rows `[copies·rows, channels]` of this forward pass → the same shape. They are the keys of the last
/// chunk; the other chunks hold the rows of earlier passes in the same place.
///
/// # Errors
/// If shapes, devices or data types do not fit, or on the CPU a tensor is not contiguous.
///
/// # Panics
/// If there is no chunk, or a segment refers to a chunk or row that does not exist.
pub fn convolve(
    chunks: &[KvChunk],
    kernel: &ConvolutionKernel,
    layout: SegmentLayout<'_>,
    threads: usize,
) -> Result<Tensor> {
    let x = &chunks[chunks.len() - 1].k; // [copies·rows, channels]
    if fused_applies(x) {
        return fused::convolve(chunks, kernel, layout, threads);
    }
    if gradient::applies(x, layout) {
        return gradient::convolve(x, kernel, layout);
    }
    composed::convolve(chunks, kernel, layout)
}
