//! Attention of packed rows over the segments that come before them, or over whole segments.
//!
//! `softmax(score(q, k))·v` with grouped heads: query head `h` reads key/value head `h·n_kv_heads/n_heads`. What a
//! score is beside the product `q·k`, and which keys a query sees, is [`Scoring`].

mod composed;
mod fused;

use std::ops::Range;

use candle_core::Tensor;
use half::bf16;

use super::is_fused;
use crate::Result;
use crate::batch_layout::{KvChunk, Segment};

/// Head counts and widths.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    pub n_heads: usize,
    pub n_kv_heads: usize,
    pub d_head: usize,
}

/// How a query's scores are made of products.
#[derive(Debug, Clone, Copy)]
pub struct Scoring<'a> {
    /// Factor on `q·k`; positive, in most models `1/√d_head`.
    pub scale: f32,
    /// Bounds a scaled product: `cap·tanh(s/cap)`.
    pub softcap: Option<f32>,
    /// ALiBi (arXiv 2108.12409), one slope a query head: adds `slope·(key position − query position)`.
    pub slopes: Option<&'a [f32]>,
    /// Falcon's form of it: adds `scale·bf16(slope·bf16(key position))`, every step of which is rounded.
    pub coarse: bool,
    /// A causal query sees a key when `query − key < window`.
    pub window: Option<usize>,
    /// Whether a query sees the keys up to its own; otherwise all of its segment and of what stands before it.
    pub causal: bool,
}

impl Scoring<'_> {
    /// The keys that a query at `position` sees, of a sequence of `keys`.
    fn visible(&self, position: usize, keys: usize) -> Range<usize> {
        if !self.causal {
            return 0..keys;
        }
        (position + 1).saturating_sub(self.window.unwrap_or(usize::MAX))..position + 1
    }
}

/// What Falcon adds to the product with the key at position `key`.
fn coarse_bias(slope: f32, key: usize) -> f32 {
    let rounded = |x: f32| bf16::from_f32(x).to_f32();
    rounded(rounded(slope) * rounded(key as f32))
}

/// The rows of one pass as attention sees them.
#[derive(Clone, Copy)]
pub struct Layout<'a> {
    pub segments: &'a [Segment],
    /// Variants that run side by side; each has its own copy of the `rows` rows.
    pub copies: usize,
    pub rows: usize,
}

/// `q [copies·rows, n_heads·d_head]` over `chunks` (the last holds this pass's own keys) → the same shape.
pub fn attention(
    q: &Tensor,
    chunks: &[KvChunk],
    heads: Heads,
    scoring: Scoring<'_>,
    layout: Layout<'_>,
    threads: usize,
) -> Result<Tensor> {
    if is_fused(q) {
        fused::attention(q, chunks, heads, scoring, layout, threads)
    } else {
        composed::attention(q, chunks, heads, scoring, layout)
    }
}

#[cfg(test)]
mod tests;
