//! Gradients of attention within one sequence: takes its queries, keys, values and the gradient of the output.
//!
//! With the weights `P = softmax(scale·Q·Kᵀ + bias)` of one head and the gradient `δ` of its output `P·V`:
//! `dV = Pᵀ·δ`, `dP = δ·Vᵀ`, `dS = P∘(dP − rowsum(P∘dP))`, `dQ = scale·dS·K`, `dK = scale·dSᵀ·Q`. A sink makes the rows
//! of `P` sum to less than 1 and changes none of these formulas: its value is zero, and so is its part of `rowsum(P∘dP)`.

use multiversion::multiversion;

use super::super::fused::MAX_BLOCK_QUERIES;
use super::super::fused::weights::{HeadScoring, softmax, softmax_inline};
use super::super::{AttentionScoring, Heads};
use crate::matmul::{OutputMode, matmul, matmul_left_transposed, matmul_transposed};
use crate::matrix_view::MatrixView;
use crate::sums::dot;

/// Shortest sequence for which matrix products are faster than plain loops.
const MIN_PRODUCT_QUERIES: usize = 16;

/// Values of one sequence of `n` rows.
pub(super) struct Sequence<'a> {
    /// `[n, n_heads·d_head]`.
    pub(super) q: &'a [f32],
    /// `[n, n_kv_heads·d_head]`.
    pub(super) k: &'a [f32],
    /// `[n, n_kv_heads·d_value]`.
    pub(super) v: &'a [f32],
    /// Gradient of the output, `[n, n_heads·d_value]`.
    pub(super) delta: &'a [f32],
}

/// Gradients of one sequence, zero at first, in the shapes of [`Sequence`].
pub(super) struct SequenceGradients<'a> {
    pub(super) q: &'a mut [f32],
    pub(super) k: &'a mut [f32],
    pub(super) v: &'a mut [f32],
}

impl Sequence<'_> {
    /// Adds the gradients of the sequence to `gradients`.
    pub(super) fn differentiate(
        &self,
        mut gradients: SequenceGradients<'_>,
        heads: Heads,
        scoring: AttentionScoring<'_>,
    ) {
        let n = self.q.len() / (heads.n_heads * heads.d_head).max(1);
        for head in 0..heads.n_heads {
            if n < MIN_PRODUCT_QUERIES {
                differentiate_in_loops(self, &mut gradients, heads, scoring, head);
            } else {
                for from in (0..n).step_by(MAX_BLOCK_QUERIES) {
                    let to = (from + MAX_BLOCK_QUERIES).min(n);
                    let seen = if scoring.causal { to } else { n };
                    self.differentiate_block(&mut gradients, heads, scoring, head, (from, to, seen));
                }
            }
        }
    }

    /// Adds the gradients of the queries `from..to` of one head, which see some of the keys `0..seen`.
    fn differentiate_block(
        &self,
        gradients: &mut SequenceGradients<'_>,
        heads: Heads,
        scoring: AttentionScoring<'_>,
        head: usize,
        (from, to, seen): (usize, usize, usize),
    ) {
        let (d, d_value) = (heads.d_head, heads.d_value);
        let (width, out_width) = (heads.n_heads * d, heads.n_heads * d_value);
        let (k_width, v_width) = (heads.n_kv_heads * d, heads.n_kv_heads * d_value);
        let kv = head * heads.n_kv_heads / heads.n_heads;
        let (key, value) = (kv * d, kv * d_value); // first columns of the key/value head
        let n = to - from;
        let first = from * width + head * d;
        let queries = MatrixView::strided(&self.q[first..], n, d, width);
        let delta = MatrixView::strided(&self.delta[from * out_width + head * d_value..], n, d_value, out_width);
        let keys = MatrixView::strided(&self.k[key..], seen, d, k_width);
        let values = MatrixView::strided(&self.v[value..], seen, d_value, v_width);
        let mut weights = vec![0f32; n * seen]; // [n, seen]
        matmul_transposed(&mut weights, seen, queries, keys, OutputMode::Replace, 1);
        let head_scoring = HeadScoring::new(scoring, head);
        for (i, row) in weights.chunks_exact_mut(seen).enumerate() {
            let visible = scoring.visible(from + i, seen);
            row[..visible.start].fill(0.0);
            row[visible.end..].fill(0.0);
            softmax(&mut row[visible.clone()], head_scoring, visible.start, from + i);
        }
        let weights_view = MatrixView::new(&weights, n, seen);
        matmul_left_transposed(&mut gradients.v[value..], v_width, weights_view, delta, OutputMode::Accumulate, 1);
        let mut scores = vec![0f32; n * seen]; // [n, seen]: dP, then scale·dS
        matmul_transposed(&mut scores, seen, delta, values, OutputMode::Replace, 1);
        scores_from_weights(&mut scores, &weights, seen, scoring.scale);
        let scores = MatrixView::new(&scores, n, seen);
        matmul(&mut gradients.q[first..], width, scores, keys, OutputMode::Accumulate, 1);
        matmul_left_transposed(&mut gradients.k[key..], k_width, scores, queries, OutputMode::Accumulate, 1);
    }
}

/// Turns the gradients of attention weights, `gradients [n, seen]`, into those of the products `q·k`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn scores_from_weights(gradients: &mut [f32], weights: &[f32], seen: usize, scale: f32) {
    for (gradient, weights) in gradients.chunks_exact_mut(seen).zip(weights.chunks_exact(seen)) {
        let mean = dot(gradient, weights);
        gradient.iter_mut().zip(weights).for_each(|(g, w)| *g = scale * w * (*g - mean));
    }
}

/// Adds the gradients of one head in plain loops, one query after another.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn differentiate_in_loops(
    sequence: &Sequence<'_>,
    gradients: &mut SequenceGradients<'_>,
    heads: Heads,
    scoring: AttentionScoring<'_>,
    head: usize,
) {
    let (d, d_value) = (heads.d_head, heads.d_value);
    let (width, out_width) = (heads.n_heads * d, heads.n_heads * d_value);
    let (k_width, v_width) = (heads.n_kv_heads * d, heads.n_kv_heads * d_value);
    let kv = head * heads.n_kv_heads / heads.n_heads;
    let n = sequence.q.len() / width;
    let head_scoring = HeadScoring::new(scoring, head);
    let of_key = |key: usize| key * k_width + kv * d..key * k_width + (kv + 1) * d;
    let of_value = |key: usize| key * v_width + kv * d_value..key * v_width + (kv + 1) * d_value;
    let (mut weights, mut scores) = ([0f32; MIN_PRODUCT_QUERIES], [0f32; MIN_PRODUCT_QUERIES]);
    for query in 0..n {
        let own = query * width + head * d..query * width + (head + 1) * d;
        let output = query * out_width + head * d_value..query * out_width + (head + 1) * d_value;
        let (q, delta) = (&sequence.q[own.clone()], &sequence.delta[output]);
        let visible = scoring.visible(query, n);
        for key in visible.clone() {
            weights[key] = dot(q, &sequence.k[of_key(key)]);
        }
        softmax_inline(&mut weights[visible.clone()], head_scoring, visible.start, query);
        let mut mean = 0.0;
        for key in visible.clone() {
            scores[key] = dot(delta, &sequence.v[of_value(key)]);
            mean += scores[key] * weights[key];
        }
        for key in visible {
            let (weight, score) = (weights[key], scoring.scale * weights[key] * (scores[key] - mean));
            add_scaled(&mut gradients.v[of_value(key)], delta, weight);
            add_scaled(&mut gradients.q[own.clone()], &sequence.k[of_key(key)], score);
            add_scaled(&mut gradients.k[of_key(key)], q, score);
        }
    }
}

/// Adds `factor·x` to `sum`.
#[inline(always)]
fn add_scaled(sum: &mut [f32], x: &[f32], factor: f32) {
    sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += factor * x);
}
