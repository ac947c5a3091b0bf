//! Attention of the rows of a batch over the rows before them in their sequences, or over whole sequences.
//!
//! `softmax(score(q, k))·v` with grouped heads: query head `h` reads key/value head `h·n_kv_heads/n_heads`.
//! [`AttentionScoring`] says how a score is made of the product `q·k`, and which keys a query sees.

mod composed;
mod fused;
mod gradient;
#[cfg(test)]
mod tests;

use std::ops::Range;

use candle_core::{Result, Tensor};
use half::bf16;

use crate::batch_layout::Segment;
use crate::host::fused_applies;
use crate::kv_cache::KvChunk;

/// Number and width of the heads.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    /// Number of query heads, a multiple of `n_kv_heads`.
    pub n_heads: usize,
    /// Number of key/value heads.
    pub n_kv_heads: usize,
    /// Width of the queries and keys of a head.
    pub d_head: usize,
    /// Width of the values of a head, and of its output; `d_head` in most models.
    pub d_value: usize,
}

/// The rule that makes scores of the products `q·k`, and the mask.
#[derive(Debug, Clone, Copy)]
pub struct AttentionScoring<'a> {
    /// Factor of `q·k`; positive, in most models `1/√d_head`.
    pub scale: f32,
    /// Bound of a scaled product `s`: it becomes `cap·tanh(s/cap)`.
    pub softcap: Option<f32>,
    /// ALiBi (arXiv 2108.12409), one slope per query head: adds `slope·(key position − query position)`.
    pub slopes: Option<&'a [f32]>,
    /// Falcon's form of ALiBi, with the slopes above: adds `scale·bf16(slope·bf16(key position))` instead. Each step is
    /// rounded to bf16, whatever the data type of the model.
    pub bf16_bias: bool,
    /// Sliding window: a query sees a key only if `|query position − key position| < window`.
    pub window: Option<usize>,
    /// Whether a query sees the keys up to its own position only; if not, it sees all keys of its sequence.
    pub causal: bool,
    /// Attention sinks (gpt-oss), one score per query head: takes part in the softmax like the score of one more key whose
    /// value is zero, after scale, cap and bias.
    pub sinks: Option<&'a [f32]>,
}

impl AttentionScoring<'_> {
    /// The keys that a query at `position` sees, in a sequence with `keys` keys.
    #[inline]
    fn visible(&self, position: usize, keys: usize) -> Range<usize> {
        let window = self.window.unwrap_or(usize::MAX);
        let end = if self.causal { position + 1 } else { keys.min(position.saturating_add(window)) };
        (position + 1).saturating_sub(window)..end
    }
}

/// Falcon's ALiBi bias of the key at position `key`, before the scale; see [`AttentionScoring::bf16_bias`].
#[inline]
fn bf16_bias(slope: f32, key: usize) -> f32 {
    let rounded = |x: f32| bf16::from_f32(x).to_f32();
    rounded(rounded(slope) * rounded(key as f32))
}

/// The segments of a batch, and the number of copies of its rows.
#[derive(Clone, Copy)]
pub struct SegmentLayout<'a> {
    /// Segments of one copy of the rows.
    pub segments: &'a [Segment],
    /// Number of variants that run side by side; each has its own copy of the rows.
    pub copies: usize,
    /// Number of rows in one copy.
    pub rows: usize,
}

impl SegmentLayout<'_> {
    /// First row, in the keys of the chunk with number `chunk`, that belongs to `copy` and the variant of `segment`.
    /// `own` is the number of the chunk of this forward pass, whose copies are those of the batch.
    #[inline]
    pub(crate) fn first_key_row(
        &self,
        copy: usize,
        segment: &Segment,
        chunk: usize,
        own: usize,
        stride: usize,
    ) -> usize {
        if chunk == own { copy * self.rows } else { (segment.variant + copy) * stride }
    }
}

/// Attention of `q [copies·rows, n_heads·d_head]` over `chunks` → `[copies·rows, n_heads·d_value]`. The last chunk holds
/// the keys and values of this forward pass itself.
///
/// # Errors
/// If shapes, devices or data types do not fit, or on the CPU a tensor is not contiguous.
///
/// # Panics
/// If a segment refers to a chunk or row that does not exist.
pub fn attention(
    q: &Tensor,
    chunks: &[KvChunk],
    heads: Heads,
    scoring: AttentionScoring<'_>,
    layout: SegmentLayout<'_>,
    threads: usize,
) -> Result<Tensor> {
    if fused_applies(q) {
        return fused::attention(q, chunks, heads, scoring, layout, threads);
    }
    match chunks {
        [own] if gradient::applies(q, scoring, layout) => gradient::attention(q, own, heads, scoring, layout),
        _ => composed::attention(q, chunks, heads, scoring, layout),
    }
}
