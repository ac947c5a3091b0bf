//! Attention composed of the tensor library's operations: segments are padded to the longest and masked.

mod padding;

use candle_core::{D, DType, Device, Result, Tensor};

use super::{AttentionScoring, Heads, SegmentLayout, bf16_bias};
use crate::kv_cache::KvChunk;
use padding::Padding;

/// As [`super::attention`]. In the shapes below, `segments` counts the segments of all copies, and `longest_q` and
/// `longest_k` are the largest numbers of queries and keys of a segment.
pub(super) fn attention(
    q: &Tensor,
    chunks: &[KvChunk],
    heads: Heads,
    scoring: AttentionScoring<'_>,
    layout: SegmentLayout<'_>,
) -> Result<Tensor> {
    let n = q.dims2()?.0;
    let (device, dtype) = (q.device(), q.dtype());
    let all = |pick: fn(&KvChunk) -> &Tensor| Tensor::cat(&chunks.iter().map(pick).collect::<Vec<_>>(), 0);
    let k = all(|c| &c.k)?; // [rows of all chunks, n_kv_heads·d_head]
    let v = all(|c| &c.v)?; // [rows of all chunks, n_kv_heads·d_value]
    let padding = Padding::new(n, chunks, scoring, layout)?;
    let (segments, longest_q, longest_k) = (padding.segments, padding.longest_q, padding.longest_k);

    let q_rows = Tensor::new(padding.q_rows, device)?;
    let q_shape = (segments, longest_q, heads.n_heads, heads.d_head);
    let q = split_heads(&q.index_select(&q_rows, 0)?, q_shape)?; // [segments, n_heads, longest_q, d_head]
    let k_rows = Tensor::new(padding.k_rows, device)?;
    let group = heads.n_heads / heads.n_kv_heads;
    let gathered = |t: &Tensor, width: usize| {
        let shape = (segments, longest_k, heads.n_kv_heads, width);
        repeat_heads(&split_heads(&t.index_select(&k_rows, 0)?, shape)?, group)
    };
    let k = gathered(&k, heads.d_head)?; // [segments, n_heads, longest_k, d_head]
    let v = gathered(&v, heads.d_value)?; // [segments, n_heads, longest_k, d_value]

    let mut scores = (q.matmul(&k.t()?)? * f64::from(scoring.scale))?; // [segments, n_heads, longest_q, longest_k]
    if let Some(cap) = scoring.softcap {
        scores = ((scores / f64::from(cap))?.tanh()? * f64::from(cap))?;
    }
    if let Some(slopes) = scoring.slopes {
        let bias = if scoring.bf16_bias {
            bf16_biases(slopes, scoring.scale, longest_k, device)?
        } else {
            let slopes = Tensor::from_slice(slopes, (1, heads.n_heads, 1, 1), device)?;
            let distance = Tensor::from_vec(padding.distance, (segments, 1, longest_q, longest_k), device)?;
            distance.broadcast_mul(&slopes)?
        };
        scores = scores.broadcast_add(&bias)?;
    }
    let mask = Tensor::from_vec(padding.mask, (segments, 1, longest_q, longest_k), device)?;
    let sinks = scoring.sinks.map(|sinks| Tensor::from_slice(sinks, (1, heads.n_heads, 1, 1), device)).transpose()?;
    // [segments, n_heads, longest_q, longest_k]
    let weights = softmax(&scores.broadcast_add(&mask)?, sinks.as_ref())?;
    let out = weights.matmul(&v)?.transpose(1, 2)?; // [segments, longest_q, n_heads, d_value]
    let out = out.reshape((segments * longest_q, heads.n_heads * heads.d_value))?;
    out.index_select(&Tensor::new(padding.out_rows, device)?, 0)?.to_dtype(dtype) // [n, n_heads·d_value]
}

/// `[segments·longest, heads·width]` → `[segments, heads, longest, width]` in f32; `shape` is
/// `(segments, longest, heads, width)`.
fn split_heads(t: &Tensor, shape: (usize, usize, usize, usize)) -> Result<Tensor> {
    t.reshape(shape)?.transpose(1, 2)?.to_dtype(DType::F32)?.contiguous()
}

/// `[segments, n_kv_heads, longest, width]` → `[segments, n_kv_heads·group, longest, width]`: each key/value head
/// once for each query head of its group.
fn repeat_heads(t: &Tensor, group: usize) -> Result<Tensor> {
    let (segments, n_kv_heads, longest, width) = t.dims4()?;
    let repeated = t.unsqueeze(2)?.broadcast_as((segments, n_kv_heads, group, longest, width))?;
    repeated.reshape((segments, n_kv_heads * group, longest, width))?.contiguous()
}

/// Falcon's ALiBi biases `[1, n_heads, 1, longest_k]`.
fn bf16_biases(slopes: &[f32], scale: f32, longest_k: usize, device: &Device) -> Result<Tensor> {
    let of_head = |slope: &f32| (0..longest_k).map(|key| scale * bf16_bias(*slope, key)).collect::<Vec<_>>();
    let biases: Vec<f32> = slopes.iter().flat_map(of_head).collect();
    Tensor::from_vec(biases, (1, slopes.len(), 1, longest_k), device)
}

/// Softmax over the last dimension of `scores [segments, n_heads, longest_q, longest_k]` → the same shape. `sinks`
/// `[1, n_heads, 1, 1]` are the scores of one more key each, whose weights are left out.
fn softmax(scores: &Tensor, sinks: Option<&Tensor>) -> Result<Tensor> {
    // The shift by the maximum changes neither the value nor the gradient, so no gradient has to flow through it.
    let max = scores.max_keepdim(D::Minus1)?.detach(); // [segments, n_heads, longest_q, 1]
    let Some(sinks) = sinks else {
        let weights = scores.broadcast_sub(&max)?.exp()?;
        return weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?);
    };
    let max = max.broadcast_maximum(sinks)?;
    let weights = scores.broadcast_sub(&max)?.exp()?;
    let of_sinks = sinks.broadcast_sub(&max)?.exp()?; // [segments, n_heads, longest_q, 1]
    weights.broadcast_div(&(weights.sum_keepdim(D::Minus1)? + of_sinks)?)
}
