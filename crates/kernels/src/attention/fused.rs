//! Attention as one kernel: blocks of queries, one head after another.

use std::ops::Range;

use candle_core::Tensor;
use multiversion::multiversion;
use rayon::prelude::*;

use super::{Heads, Layout, Scoring, coarse_bias};
use crate::Result;
use crate::batch_layout::KvChunk;
use crate::matmul::{Output, View, times, times_transposed};
use crate::{dot, exp, host_rows, sum, tanh, with_values};

/// Queries in one block of a long segment: bounds the score buffer to `BLOCK × sequence`.
const BLOCK: usize = 64;
/// Below this many queries a plain loop beats a matrix product.
const FEW: usize = 8;

/// As [`super::attention`], of plain f32 values in host memory.
pub(super) fn attention(
    q: &Tensor,
    chunks: &[KvChunk],
    heads: Heads,
    scoring: Scoring<'_>,
    layout: Layout<'_>,
    threads: usize,
) -> Result<Tensor> {
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
        let mut jobs = jobs(&mut out, &keys_values, heads, scoring.causal, layout);
        let run = |job: &mut Job<'_>| job.run(q, heads, scoring);
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
    /// Everything that any of the queries sees, from the start of the sequence on.
    runs: Vec<Keys<'a>>,
    /// Number of their keys.
    keys: usize,
    /// Position of the first query.
    position: usize,
}

fn jobs<'a>(
    mut out: &'a mut [f32],
    chunks: &[(&'a [f32], &'a [f32], usize)],
    heads: Heads,
    causal: bool,
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
                let seen = if causal { to } else { end };
                runs.push(run(own, start..seen));
                jobs.push(Job {
                    out: block,
                    queries: copy * layout.rows + from..copy * layout.rows + to,
                    runs,
                    keys: segment.context_len() + seen - start,
                    position: segment.context_len() + from - start,
                });
            }
        }
    }
    jobs
}

impl Job<'_> {
    fn run(&mut self, q: &[f32], heads: Heads, scoring: Scoring<'_>) {
        let (n, width) = (self.queries.len(), heads.n_heads * heads.d_head);
        let q = &q[self.queries.start * width..self.queries.end * width];
        if n < FEW {
            return few(self.out, q, &self.runs, heads, scoring, self.position, self.keys);
        }
        let (d, kv_width, keys) = (heads.d_head, heads.n_kv_heads * heads.d_head, self.keys);
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
            let shape = Shape::new(scoring, head);
            for (i, row) in scores.chunks_exact_mut(keys).enumerate() {
                let seen = scoring.visible(self.position + i, keys);
                row[..seen.start].fill(0.0);
                row[seen.end..].fill(0.0);
                softmax(&mut row[seen.clone()], shape, seen.start, self.position + i);
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

/// What makes the scores of one head out of products, beside the scale.
#[derive(Clone, Copy)]
struct Shape {
    scale: f32,
    softcap: Option<f32>,
    slope: Option<f32>,
    coarse: bool,
}

impl Shape {
    fn new(scoring: Scoring<'_>, head: usize) -> Self {
        let Scoring { scale, softcap, slopes, coarse, .. } = scoring;
        Self { scale, softcap, slope: slopes.map(|slopes| slopes[head]), coarse }
    }

    /// Turns products with the keys from `first` on into scores up to a factor, which is returned: where there is
    /// nothing but the scale, the softmax applies it on its way.
    #[inline(always)]
    fn apply(self, row: &mut [f32], first: usize, query: usize) -> f32 {
        if self.softcap.is_none() && self.slope.is_none() {
            return self.scale;
        }
        if let Some(cap) = self.softcap {
            let scale = self.scale / cap;
            row.iter_mut().for_each(|v| *v = cap * tanh(*v * scale));
        } else {
            row.iter_mut().for_each(|v| *v *= self.scale);
        }
        if let Some(slope) = self.slope {
            if self.coarse {
                let key = |i: usize| first + i;
                row.iter_mut().enumerate().for_each(|(i, v)| *v += self.scale * coarse_bias(slope, key(i)));
                return 1.0;
            }
            let distance = first as f32 - query as f32;
            row.iter_mut().enumerate().for_each(|(key, v)| *v += slope * (key as f32 + distance));
        }
        1.0
    }
}

/// Weights out of products with the keys from `first` on.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn softmax(row: &mut [f32], shape: Shape, first: usize, query: usize) {
    weights(row, shape, first, query);
}

#[inline(always)]
fn weights(row: &mut [f32], shape: Shape, first: usize, query: usize) {
    let scale = shape.apply(row, first, query);
    let max = row.iter().fold(f32::NEG_INFINITY, |m, v| m.max(*v));
    for v in row.iter_mut() {
        *v = exp((*v - max) * scale);
    }
    let total = sum(row);
    for v in row.iter_mut() {
        *v /= total;
    }
}

/// The plain loop: one query and head after another.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn few(
    out: &mut [f32],
    q: &[f32],
    runs: &[(&[f32], &[f32])],
    heads: Heads,
    scoring: Scoring<'_>,
    position: usize,
    keys: usize,
) {
    let (d, width, kv_width) = (heads.d_head, heads.n_heads * heads.d_head, heads.n_kv_heads * heads.d_head);
    let mut scores = Vec::with_capacity(keys);
    for (i, (out, q)) in out.chunks_exact_mut(width).zip(q.chunks_exact(width)).enumerate() {
        let seen = scoring.visible(position + i, keys);
        for (head, (out, q)) in out.chunks_exact_mut(d).zip(q.chunks_exact(d)).enumerate() {
            let kv = head * heads.n_kv_heads / heads.n_heads * d;
            scores.clear();
            for (k, _) in runs {
                scores.extend(k.chunks_exact(kv_width).map(|k| dot(q, &k[kv..kv + d])));
            }
            weights(&mut scores[seen.clone()], Shape::new(scoring, head), seen.start, position + i);
            let values = runs.iter().flat_map(|(_, v)| v.chunks_exact(kv_width));
            for (v, score) in values.zip(&scores).take(seen.end).skip(seen.start) {
                for (out, v) in out.iter_mut().zip(&v[kv..kv + d]) {
                    *out += score * v;
                }
            }
        }
    }
}
