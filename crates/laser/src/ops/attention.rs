//! Causal attention of packed rows over the segments that come before them.
//!
//! `softmax(q·kᵀ/√d_head)·v` with grouped heads: query head `h` reads key/value head `h·n_kv_heads/n_heads`.

use std::ops::Range;

use candle_core::{D, DType, Device, Tensor};
use multiversion::multiversion;
use rayon::prelude::*;

use super::matmul::{Output, View, times, times_transposed};
use super::{dot, exp, host_rows, is_fused, with_values};
use crate::error::Result;
use crate::forward::rows::{KvChunk, Segment};

/// Head counts and widths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heads {
    pub(crate) n_heads: usize,
    pub(crate) n_kv_heads: usize,
    pub(crate) d_head: usize,
}

/// Queries in one block of a long segment: bounds the score buffer to `BLOCK × sequence`.
const BLOCK: usize = 64;
/// Below this many queries a plain loop beats a matrix product.
const FEW: usize = 8;

/// The rows of one pass as attention sees them.
#[derive(Clone, Copy)]
pub(crate) struct Layout<'a> {
    pub(crate) segments: &'a [Segment],
    /// Variants that run side by side; each has its own copy of the `rows` rows.
    pub(crate) copies: usize,
    pub(crate) rows: usize,
    /// A key is seen when `query − key < window`.
    pub(crate) window: Option<usize>,
}

/// `q [copies·rows, n_heads·d_head]` over `chunks` (the last holds this pass's own keys) → the same shape.
pub(crate) fn attention(
    q: &Tensor,
    chunks: &[KvChunk],
    heads: Heads,
    layout: Layout<'_>,
    threads: usize,
) -> Result<Tensor> {
    if !is_fused(q) {
        return composed(q, chunks, heads, layout);
    }
    let (n, width) = q.dims2()?;
    let mut guards = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        guards.push((chunk.k.storage_and_layout(), chunk.v.storage_and_layout()));
    }
    let mut keys_values = Vec::with_capacity(chunks.len());
    for ((k, v), chunk) in guards.iter().zip(chunks) {
        keys_values.push((values(&k.0, k.1)?, values(&v.0, v.1)?, chunk.stride));
    }
    let mut out = vec![0f32; n * width];
    with_values(q, |q| {
        let mut jobs = jobs(&mut out, &keys_values, heads, layout);
        let run = |job: &mut Job<'_>| job.run(q, heads, layout.window);
        if threads > 1 { jobs.par_iter_mut().for_each(run) } else { jobs.iter_mut().for_each(run) }
    })?;
    host_rows(out, n, width)
}

fn values<'a>(storage: &'a candle_core::Storage, layout: &candle_core::Layout) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (candle_core::Storage::Cpu(candle_core::CpuStorage::F32(v)), Some((start, end))) => Ok(&v[start..end]),
        _ => Err(candle_core::Error::Msg("attention over keys that are not plain f32 rows".into()).into()),
    }
}

/// Keys and values of a run of consecutive tokens, `[tokens, n_kv_heads·d_head]`.
type Keys<'a> = (&'a [f32], &'a [f32]);

/// A block of queries of one segment.
struct Job<'a> {
    out: &'a mut [f32],
    /// Rows of `q`.
    queries: Range<usize>,
    /// Everything the last query sees, from the start of the sequence on.
    runs: Vec<Keys<'a>>,
    /// Position of the first query.
    position: usize,
}

fn jobs<'a>(
    mut out: &'a mut [f32],
    chunks: &[(&'a [f32], &'a [f32], usize)],
    heads: Heads,
    layout: Layout<'_>,
) -> Vec<Job<'a>> {
    let (width, kv_width) = (heads.n_heads * heads.d_head, heads.n_kv_heads * heads.d_head);
    let own = chunks.len() - 1;
    let mut jobs = Vec::new();
    for copy in 0..layout.copies {
        for segment in layout.segments {
            let run = |chunk: usize, rows: Range<usize>| {
                let (k, v, stride) = chunks[chunk];
                let first = if chunk == own { copy * layout.rows } else { (segment.variant + copy) * stride };
                let values = (first + rows.start) * kv_width..(first + rows.end) * kv_width;
                (&k[values.clone()], &v[values])
            };
            let context: Vec<Keys<'a>> = segment.context.iter().map(|s| run(s.chunk, s.rows.clone())).collect();
            let (start, end) = (segment.rows.start, segment.rows.end);
            for from in (start..end).step_by(BLOCK) {
                let to = (from + BLOCK).min(end);
                let (block, rest) = std::mem::take(&mut out).split_at_mut((to - from) * width);
                out = rest;
                let mut runs = context.clone();
                runs.push(run(own, start..to));
                jobs.push(Job {
                    out: block,
                    queries: copy * layout.rows + from..copy * layout.rows + to,
                    runs,
                    position: segment.context_len() + from - start,
                });
            }
        }
    }
    jobs
}

impl Job<'_> {
    fn run(&mut self, q: &[f32], heads: Heads, window: Option<usize>) {
        let (n, width) = (self.queries.len(), heads.n_heads * heads.d_head);
        let q = &q[self.queries.start * width..self.queries.end * width];
        if n < FEW {
            return few(self.out, q, &self.runs, heads, self.position, window.unwrap_or(usize::MAX));
        }
        let (d, kv_width) = (heads.d_head, heads.n_kv_heads * heads.d_head);
        let keys = self.position + n;
        let mut scores = vec![0f32; n * keys];
        for head in 0..heads.n_heads {
            let kv = head * heads.n_kv_heads / heads.n_heads * d;
            let queries = View::strided(&q[head * d..], n, d, width);
            let runs = || {
                let mut first = 0;
                self.runs.iter().filter_map(move |(k, v)| {
                    let tokens = k.len() / kv_width;
                    first += tokens;
                    (tokens > 0).then_some((first - tokens, tokens, *k, *v))
                })
            };
            for (first, tokens, k, _) in runs() {
                let k = View::strided(&k[kv..], tokens, d, kv_width);
                times_transposed(&mut scores[first..], keys, queries, k, Output::Replace, 1);
            }
            for (i, row) in scores.chunks_exact_mut(keys).enumerate() {
                let seen = visible(self.position + i, window.unwrap_or(usize::MAX));
                row[..seen.start].fill(0.0);
                row[seen.end..].fill(0.0);
                softmax(&mut row[seen], 1.0 / (d as f32).sqrt());
            }
            let out = &mut self.out[head * d..];
            for (first, tokens, _, v) in runs() {
                let scores = View::strided(&scores[first..], n, tokens, keys);
                let v = View::strided(&v[kv..], tokens, d, kv_width);
                times(out, width, scores, v, Output::Accumulate, 1);
            }
        }
    }
}

/// The keys a query at `position` sees.
fn visible(position: usize, window: usize) -> Range<usize> {
    (position + 1).saturating_sub(window)..position + 1
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn softmax(row: &mut [f32], scale: f32) {
    let max = row.iter().fold(f32::NEG_INFINITY, |m, v| m.max(*v));
    for v in row.iter_mut() {
        *v = exp((*v - max) * scale);
    }
    let total: f32 = row.iter().sum();
    for v in row.iter_mut() {
        *v /= total;
    }
}

/// The plain loop: one query and head after another.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn few(out: &mut [f32], q: &[f32], runs: &[(&[f32], &[f32])], heads: Heads, position: usize, window: usize) {
    let (d, width, kv_width) = (heads.d_head, heads.n_heads * heads.d_head, heads.n_kv_heads * heads.d_head);
    let scale = 1.0 / (d as f32).sqrt();
    let mut scores = Vec::with_capacity(position + FEW);
    for (i, (out, q)) in out.chunks_exact_mut(width).zip(q.chunks_exact(width)).enumerate() {
        let seen = (position + i + 1).saturating_sub(window)..position + i + 1;
        for (head, (out, q)) in out.chunks_exact_mut(d).zip(q.chunks_exact(d)).enumerate() {
            let kv = head * heads.n_kv_heads / heads.n_heads * d;
            scores.clear();
            for (k, _) in runs {
                scores.extend(k.chunks_exact(kv_width).map(|k| dot(q, &k[kv..kv + d])));
            }
            let max = scores[seen.clone()].iter().fold(f32::NEG_INFINITY, |m, v| m.max(*v));
            let mut total = 0f32;
            for score in &mut scores[seen.clone()] {
                *score = exp((*score - max) * scale);
                total += *score;
            }
            let values = runs.iter().flat_map(|(_, v)| v.chunks_exact(kv_width));
            for (v, score) in values.zip(&scores).take(seen.end).skip(seen.start) {
                for (out, v) in out.iter_mut().zip(&v[kv..kv + d]) {
                    *out += score * v;
                }
            }
            for out in out.iter_mut() {
                *out /= total;
            }
        }
    }
}

/// The same through the tensor library: keys gathered to `[segments, longest]` and masked.
fn composed(q: &Tensor, chunks: &[KvChunk], heads: Heads, layout: Layout<'_>) -> Result<Tensor> {
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
            k_rows[s * longest_k + i] = crate::forward::rows::position(*key);
        }
        for (i, row) in segment.rows.clone().enumerate() {
            let row = copy * layout.rows + row;
            q_rows[s * longest_q + i] = crate::forward::rows::position(row);
            back[row] = crate::forward::rows::position(s * longest_q + i);
            let line = (s * longest_q + i) * longest_k;
            let seen = visible(position + i, layout.window.unwrap_or(usize::MAX));
            mask[line + seen.start..line + seen.end].fill(0.0);
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
    let scores = (q.matmul(&k.t()?)? / (heads.d_head as f64).sqrt())?.broadcast_add(&mask)?;
    let max = scores.max_keepdim(D::Minus1)?.detach(); // a shift, without effect on the value or its gradient
    let weights = scores.broadcast_sub(&max)?.exp()?;
    let weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
    let out = weights.matmul(&v)?.transpose(1, 2)?.reshape((segments * longest_q, width))?;
    Ok(out.index_select(&index(back, device)?, 0)?.to_dtype(dtype)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::rows::{Rows, Span};

    fn random(rows: usize, width: usize) -> Tensor {
        Tensor::randn(0f32, 1.0, (rows, width), &Device::Cpu).expect("random")
    }

    /// A tree over two chunks and two variants: long and short segments, shared and own context.
    #[test]
    fn the_fused_kernel_equals_the_composed_one() {
        let heads = Heads { n_heads: 6, n_kv_heads: 2, d_head: 8 };
        let mut rows = Rows::default();
        rows.push(&[0; 3], 0, vec![Span { chunk: 0, rows: 1..4 }]);
        rows.push(&[0; 70], 0, vec![Span { chunk: 0, rows: 0..4 }, Span { chunk: 1, rows: 0..2 }]);
        rows.push(&[0; 1], 0, vec![Span { chunk: 1, rows: 0..3 }]);
        rows.push(&[0; 9], 0, vec![]);
        let n = rows.len();
        for copies in [1, 3] {
            for window in [None, Some(5)] {
                let chunks = [
                    KvChunk { k: random(3 * 4, 16), v: random(3 * 4, 16), stride: 4 },
                    KvChunk { k: random(copies * n, 16), v: random(copies * n, 16), stride: n },
                ];
                let q = random(copies * n, 48);
                let layout = Layout { segments: &rows.segments, copies, rows: n, window };
                let fused = attention(&q, &chunks, heads, layout, 2).expect("fused");
                let plain = composed(&q, &chunks, heads, layout).expect("composed");
                let gap = (fused - plain).expect("sub").abs().expect("abs").flatten_all().expect("flat");
                let gap: f32 = gap.max(0).expect("max").to_scalar().expect("scalar");
                assert!(gap < 1e-5, "copies {copies}, window {window:?}: {gap}");
            }
        }
    }
}
