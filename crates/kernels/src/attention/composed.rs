//! Attention through the tensor library.

use candle_core::{D, DType, Device, Tensor};

use super::{Heads, Layout, Scoring, coarse_bias};
use crate::Result;
use crate::batch_layout;
use crate::batch_layout::KvChunk;

/// As [`super::attention`]: keys gathered to `[segments, longest]` and masked.
pub(super) fn attention(
    q: &Tensor,
    chunks: &[KvChunk],
    heads: Heads,
    scoring: Scoring<'_>,
    layout: Layout<'_>,
) -> Result<Tensor> {
    let (n, width) = q.dims2()?;
    let (device, dtype) = (q.device(), q.dtype());
    let own = chunks.len() - 1;
    let all = |pick: fn(&KvChunk) -> &Tensor| Tensor::cat(&chunks.iter().map(pick).collect::<Vec<_>>(), 0);
    let (k, v) = (all(|c| &c.k)?, all(|c| &c.v)?);
    let mut offsets = vec![0];
    for chunk in chunks {
        offsets.push(offsets[offsets.len() - 1] + chunk.k.dim(0)?);
    }
    let lengths = layout.segments.iter().map(|s| (s.rows.len(), s.context_len() + s.rows.len()));
    let (longest_q, longest_k) = lengths.fold((0, 0), |(a, b), (x, y)| (a.max(x), b.max(y)));
    let segments = layout.copies * layout.segments.len();

    let mut q_rows = vec![0u32; segments * longest_q];
    let mut k_rows = vec![0u32; segments * longest_k];
    let mut mask = vec![f32::NEG_INFINITY; segments * longest_q * longest_k];
    let mut distance = vec![0f32; if scoring.slopes.is_some() { mask.len() } else { 0 }]; // key − query position
    let mut back = vec![0u32; n];
    for (s, (copy, segment)) in
        (0..layout.copies).flat_map(|c| layout.segments.iter().map(move |segment| (c, segment))).enumerate()
    {
        let mut keys = Vec::new();
        for span in &segment.context {
            let first = if span.chunk == own {
                copy * layout.rows
            } else {
                (segment.variant + copy) * chunks[span.chunk].stride
            };
            keys.extend(span.rows.clone().map(|r| offsets[span.chunk] + first + r));
        }
        let position = keys.len();
        keys.extend(segment.rows.clone().map(|r| offsets[own] + copy * layout.rows + r));
        for (i, key) in keys.iter().enumerate() {
            k_rows[s * longest_k + i] = batch_layout::position(*key);
        }
        for (i, row) in segment.rows.clone().enumerate() {
            let row = copy * layout.rows + row;
            q_rows[s * longest_q + i] = batch_layout::position(row);
            back[row] = batch_layout::position(s * longest_q + i);
            let line = (s * longest_q + i) * longest_k;
            let seen = scoring.visible(position + i, keys.len());
            mask[line + seen.start..line + seen.end].fill(0.0);
            if let Some(distance) = distance.get_mut(line..line + longest_k) {
                let query = (position + i) as f32;
                distance.iter_mut().enumerate().for_each(|(key, d)| *d = key as f32 - query);
            }
        }
        for i in segment.rows.len()..longest_q {
            mask[(s * longest_q + i) * longest_k] = 0.0; // padding must not give 0/0
        }
    }
    let index = |v: Vec<u32>, device: &Device| Tensor::new(v, device);
    let split = |t: Tensor, n: usize, heads_of: usize| {
        t.reshape((segments, n, heads_of, heads.d_head))?.transpose(1, 2)?.to_dtype(DType::F32)?.contiguous()
    };
    let q = split(q.index_select(&index(q_rows, device)?, 0)?, longest_q, heads.n_heads)?;
    let k_index = index(k_rows, device)?;
    let group = heads.n_heads / heads.n_kv_heads;
    let expand = |t: Tensor| {
        let shape = (segments, heads.n_kv_heads, group, longest_k, heads.d_head);
        t.unsqueeze(2)?.broadcast_as(shape)?.reshape((segments, heads.n_heads, longest_k, heads.d_head))?.contiguous()
    };
    let k = expand(split(k.index_select(&k_index, 0)?, longest_k, heads.n_kv_heads)?)?;
    let v = expand(split(v.index_select(&k_index, 0)?, longest_k, heads.n_kv_heads)?)?;
    let mask = Tensor::from_vec(mask, (segments, 1, longest_q, longest_k), device)?;
    let mut scores = (q.matmul(&k.t()?)? * f64::from(scoring.scale))?; // [segments, n_heads, longest_q, longest_k]
    if let Some(cap) = scoring.softcap {
        scores = ((scores / f64::from(cap))?.tanh()? * f64::from(cap))?;
    }
    if let Some(slopes) = scoring.slopes.filter(|_| scoring.coarse) {
        let of_head =
            |slope: &f32| (0..longest_k).map(|key| scoring.scale * coarse_bias(*slope, key)).collect::<Vec<_>>();
        let bias: Vec<f32> = slopes.iter().flat_map(of_head).collect();
        scores = scores.broadcast_add(&Tensor::from_vec(bias, (1, heads.n_heads, 1, longest_k), device)?)?;
    } else if let Some(slopes) = scoring.slopes {
        let slopes = Tensor::from_slice(slopes, (1, heads.n_heads, 1, 1), device)?;
        let distance = Tensor::from_vec(distance, (segments, 1, longest_q, longest_k), device)?;
        scores = (scores + distance.broadcast_mul(&slopes)?)?;
    }
    let scores = scores.broadcast_add(&mask)?;
    let max = scores.max_keepdim(D::Minus1)?.detach(); // a shift, without effect on the value or its gradient
    let weights = scores.broadcast_sub(&max)?.exp()?;
    let weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
    let out = weights.matmul(&v)?.transpose(1, 2)?.reshape((segments * longest_q, width))?;
    Ok(out.index_select(&index(back, device)?, 0)?.to_dtype(dtype)?)
}
