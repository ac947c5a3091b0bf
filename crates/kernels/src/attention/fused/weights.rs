//! Attention weights of one query and head: turns the products `q·k` into scores and applies the softmax, in place.

use multiversion::multiversion;

use super::super::{AttentionScoring, bf16_bias};
use crate::elementary::{exp, tanh};
use crate::sums::sum;

/// The part of [`AttentionScoring`] that applies to the scores of one head.
#[derive(Clone, Copy)]
pub(in super::super) struct HeadScoring {
    scale: f32,
    softcap: Option<f32>,
    slope: Option<f32>,
    bf16_bias: bool,
    sink: Option<f32>,
}

impl HeadScoring {
    #[inline]
    pub(in super::super) fn new(scoring: AttentionScoring<'_>, head: usize) -> Self {
        let AttentionScoring { scale, softcap, slopes, bf16_bias, sinks, .. } = scoring;
        let (slope, sink) = (slopes.map(|slopes| slopes[head]), sinks.map(|sinks| sinks[head]));
        Self { scale, softcap, slope, bf16_bias, sink }
    }

    /// Turns the products of a query at position `query` with the keys from `first` on into scores, up to a factor,
    /// which it returns: if there is nothing but the scale, the softmax applies it in its own loop.
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
            if self.bf16_bias {
                let key = |i: usize| first + i;
                row.iter_mut().enumerate().for_each(|(i, v)| *v += self.scale * bf16_bias(slope, key(i)));
                return 1.0;
            }
            let distance = first as f32 - query as f32;
            row.iter_mut().enumerate().for_each(|(key, v)| *v += slope * (key as f32 + distance));
        }
        1.0
    }
}

/// Turns the products of a query at position `query` with the keys from `first` on into attention weights.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
pub(in super::super) fn softmax(row: &mut [f32], scoring: HeadScoring, first: usize, query: usize) {
    softmax_inline(row, scoring, first, query);
}

/// As [`softmax`], compiled into its caller with the caller's instructions.
#[inline(always)]
pub(in super::super) fn softmax_inline(row: &mut [f32], scoring: HeadScoring, first: usize, query: usize) {
    let scale = scoring.apply(row, first, query);
    let mut max = row.iter().fold(f32::NEG_INFINITY, |m, v| m.max(*v));
    // A sink is a score already, and the row is still without the factor.
    if let Some(sink) = scoring.sink {
        max = max.max(sink / scale);
    }
    for v in row.iter_mut() {
        *v = exp((*v - max) * scale);
    }
    let mut total = sum(row);
    if let Some(sink) = scoring.sink {
        total += exp(sink - max * scale);
    }
    for v in row.iter_mut() {
        *v /= total;
    }
}
