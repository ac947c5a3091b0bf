//! Attention as one CPU kernel: threads take blocks of queries, and compute one head after another.

pub(super) mod weights;

use std::ops::Range;

use candle_core::{Result, Tensor};
use multiversion::multiversion;
use rayon::prelude::*;

use super::{AttentionScoring, Heads, SegmentLayout};
use crate::host::{host_rows, values_of_storage, with_values};
use crate::kv_cache::KvChunk;
use crate::matmul::{OutputMode, matmul, matmul_transposed};
use crate::matrix_view::MatrixView;
use crate::sums::dot;
use weights::{HeadScoring, softmax, softmax_inline};

/// Largest number of queries in one block of a long segment: the score buffer has at most so many rows.
pub(super) const MAX_BLOCK_QUERIES: usize = 64;
/// Smallest number of queries for which a matrix product is faster than plain loops.
const MIN_PRODUCT_QUERIES: usize = 8;

/// As [`super::attention`]; the values of all tensors are f32 in host memory.
pub(super) fn attention(
    q: &Tensor,
    chunks: &[KvChunk],
    heads: Heads,
    scoring: AttentionScoring<'_>,
    layout: SegmentLayout<'_>,
    threads: usize,
) -> Result<Tensor> {
    let n = q.dims2()?.0;
    // The storages stay locked while the blocks borrow their values.
    let mut guards = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        guards.push((chunk.k.storage_and_layout(), chunk.v.storage_and_layout()));
    }
    let mut keys_values = Vec::with_capacity(chunks.len());
    for ((k, v), chunk) in guards.iter().zip(chunks) {
        keys_values.push((values_of_storage(&k.0, k.1)?, values_of_storage(&v.0, v.1)?, chunk.stride));
    }
    let out = with_values(q, |q| attend(q, &keys_values, heads, scoring, layout, threads))?;
    host_rows(out, n, heads.n_heads * heads.d_value)
}

/// As [`attention`], on plain values: `q [copies·rows, n_heads·d_head]` → `[copies·rows, n_heads·d_value]`. Each of
/// `chunks` has its keys, its values and its stride.
pub(super) fn attend(
    q: &[f32],
    chunks: &[(&[f32], &[f32], usize)],
    heads: Heads,
    scoring: AttentionScoring<'_>,
    layout: SegmentLayout<'_>,
    threads: usize,
) -> Vec<f32> {
    let rows = layout.copies * layout.rows;
    let mut out = vec![0f32; rows * heads.n_heads * heads.d_value];
    let mut blocks = query_blocks(&mut out, chunks, heads, scoring.causal, layout);
    let compute = |block: &mut QueryBlock<'_>| block.compute(q, heads, scoring);
    if threads > 1 {
        blocks.par_iter_mut().for_each(compute)
    } else {
        blocks.iter_mut().for_each(compute)
    }
    out
}

/// Keys `[tokens, n_kv_heads·d_head]` and values `[tokens, n_kv_heads·d_value]` of consecutive tokens.
type KeysValues<'a> = (&'a [f32], &'a [f32]);

/// A block of consecutive queries of one segment.
struct QueryBlock<'a> {
    /// Output, `[queries, n_heads·d_value]`, zero at first.
    out: &'a mut [f32],
    /// Rows of `q`.
    queries: Range<usize>,
    /// Keys and values from the start of the sequence to the last that any of the queries sees.
    context: Vec<KeysValues<'a>>,
    /// Number of these keys.
    keys: usize,
    /// Position of the first query in its sequence.
    position: usize,
}

/// Cuts all segments of all copies into blocks. Each of `chunks` has its keys, its values and its stride.
fn query_blocks<'a>(
    mut out: &'a mut [f32],
    chunks: &[(&'a [f32], &'a [f32], usize)],
    heads: Heads,
    causal: bool,
    layout: SegmentLayout<'_>,
) -> Vec<QueryBlock<'a>> {
    let width = heads.n_heads * heads.d_value; // of the output
    let (k_width, v_width) = (heads.n_kv_heads * heads.d_head, heads.n_kv_heads * heads.d_value);
    let own = chunks.len() - 1;
    let mut blocks = Vec::new();
    for copy in 0..layout.copies {
        for segment in layout.segments {
            let rows_of = |chunk: usize, rows: Range<usize>| {
                let (k, v, stride) = chunks[chunk];
                let first = layout.first_key_row(copy, segment, chunk, own, stride);
                let of = |width: usize| (first + rows.start) * width..(first + rows.end) * width;
                (&k[of(k_width)], &v[of(v_width)])
            };
            let earlier: Vec<KeysValues<'a>> =
                segment.context.iter().map(|range| rows_of(range.chunk, range.rows.clone())).collect();
            let (start, end) = (segment.rows.start, segment.rows.end);
            for from in (start..end).step_by(MAX_BLOCK_QUERIES) {
                let to = (from + MAX_BLOCK_QUERIES).min(end);
                let (block, rest) = std::mem::take(&mut out).split_at_mut((to - from) * width);
                out = rest;
                let mut context = earlier.clone();
                let seen = if causal { to } else { end };
                context.push(rows_of(own, start..seen));
                blocks.push(QueryBlock {
                    out: block,
                    queries: copy * layout.rows + from..copy * layout.rows + to,
                    context,
                    keys: segment.context_len() + seen - start,
                    position: segment.context_len() + from - start,
                });
            }
        }
    }
    blocks
}

impl QueryBlock<'_> {
    /// Computes the block for all rows `q` of the batch.
    fn compute(&mut self, q: &[f32], heads: Heads, scoring: AttentionScoring<'_>) {
        let (n, width) = (self.queries.len(), heads.n_heads * heads.d_head);
        let q = &q[self.queries.start * width..self.queries.end * width]; // [n, n_heads·d_head]
        if n < MIN_PRODUCT_QUERIES {
            return attend_in_loops(self.out, q, &self.context, heads, scoring, self.position, self.keys);
        }
        let (d, d_value, keys) = (heads.d_head, heads.d_value, self.keys);
        let (k_width, v_width) = (heads.n_kv_heads * d, heads.n_kv_heads * d_value);
        let out_width = heads.n_heads * d_value;
        let mut scores = vec![0f32; n * keys]; // [n, keys], of one head
        for head in 0..heads.n_heads {
            let kv = head * heads.n_kv_heads / heads.n_heads;
            let (key, value) = (kv * d, kv * d_value); // first columns of the key/value head
            let queries = MatrixView::strided(&q[head * d..], n, d, width);
            // Each range of the context with its first key and its number of keys.
            let ranges = || {
                let mut first = 0;
                self.context.iter().filter_map(move |(k, v)| {
                    let tokens = k.len() / k_width;
                    first += tokens;
                    (tokens > 0).then_some((first - tokens, tokens, *k, *v))
                })
            };
            for (first, tokens, k, _) in ranges() {
                let k = MatrixView::strided(&k[key..], tokens, d, k_width);
                matmul_transposed(&mut scores[first..], keys, queries, k, OutputMode::Replace, 1);
            }
            let head_scoring = HeadScoring::new(scoring, head);
            for (i, row) in scores.chunks_exact_mut(keys).enumerate() {
                let seen = scoring.visible(self.position + i, keys);
                row[..seen.start].fill(0.0);
                row[seen.end..].fill(0.0);
                softmax(&mut row[seen.clone()], head_scoring, seen.start, self.position + i);
            }
            let out = &mut self.out[head * d_value..];
            for (first, tokens, _, v) in ranges() {
                let weights = MatrixView::strided(&scores[first..], n, tokens, keys);
                let v = MatrixView::strided(&v[value..], tokens, d_value, v_width);
                matmul(out, out_width, weights, v, OutputMode::Accumulate, 1);
            }
        }
    }
}

/// Attention of a few queries in plain loops, one query and head after another.
///
/// `q` is `[queries, n_heads·d_head]` and `out` `[queries, n_heads·d_value]`; `position` is that of the first query, `keys`
/// the number of keys in `context`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn attend_in_loops(
    out: &mut [f32],
    q: &[f32],
    context: &[(&[f32], &[f32])],
    heads: Heads,
    scoring: AttentionScoring<'_>,
    position: usize,
    keys: usize,
) {
    let (d, d_value) = (heads.d_head, heads.d_value);
    let (k_width, v_width) = (heads.n_kv_heads * d, heads.n_kv_heads * d_value);
    let (width, out_width) = (heads.n_heads * d, heads.n_heads * d_value);
    let mut scores = Vec::with_capacity(keys); // of one query and head
    for (i, (out, q)) in out.chunks_exact_mut(out_width).zip(q.chunks_exact(width)).enumerate() {
        let seen = scoring.visible(position + i, keys);
        for (head, (out, q)) in out.chunks_exact_mut(d_value).zip(q.chunks_exact(d)).enumerate() {
            let kv = head * heads.n_kv_heads / heads.n_heads;
            let (key, value) = (kv * d, kv * d_value); // first columns of the key/value head
            scores.clear();
            for (k, _) in context {
                scores.extend(k.chunks_exact(k_width).map(|k| dot(q, &k[key..key + d])));
            }
            softmax_inline(&mut scores[seen.clone()], HeadScoring::new(scoring, head), seen.start, position + i);
            let values = context.iter().flat_map(|(_, v)| v.chunks_exact(v_width));
            for (v, weight) in values.zip(&scores).take(seen.end).skip(seen.start) {
                for (out, v) in out.iter_mut().zip(&v[value..value + d_value]) {
                    *out += weight * v;
                }
            }
        }
    }
}
