//! Segments of different lengths as padded blocks of equal shape: row numbers to gather, and the mask.

use candle_core::Result;

use super::super::{AttentionScoring, SegmentLayout};
use crate::batch_layout::{Segment, index_u32};
use crate::kv_cache::KvChunk;

/// All segments of all copies of a batch, padded to the longest. Padding reads row 0, and the mask excludes it.
pub(super) struct Padding {
    /// Number of segments of all copies.
    pub(super) segments: usize,
    /// Largest number of queries of a segment.
    pub(super) longest_q: usize,
    /// Largest number of keys of a segment, its context included.
    pub(super) longest_k: usize,
    /// Row of `q` of each query, `[segments, longest_q]`.
    pub(super) q_rows: Vec<u32>,
    /// Row of each key in the keys of all chunks, `[segments, longest_k]`.
    pub(super) k_rows: Vec<u32>,
    /// 0 for keys that a query sees, otherwise −∞: `[segments, longest_q, longest_k]`.
    pub(super) mask: Vec<f32>,
    /// Key position − query position, `[segments, longest_q, longest_k]`; empty without slopes.
    pub(super) distance: Vec<f32>,
    /// Number of the padded query, in `[segments, longest_q]`, of each row of the batch, `[copies·rows]`.
    pub(super) out_rows: Vec<u32>,
}

impl Padding {
    /// Pads the segments of `layout`, whose copies have `n` rows together.
    pub(super) fn new(
        n: usize,
        chunks: &[KvChunk],
        scoring: AttentionScoring<'_>,
        layout: SegmentLayout<'_>,
    ) -> Result<Self> {
        // First row of each chunk where all are joined.
        let mut offsets = vec![0];
        for chunk in chunks {
            offsets.push(offsets[offsets.len() - 1] + chunk.k.dim(0)?);
        }
        let lengths = layout.segments.iter().map(|s| (s.rows.len(), s.context_len() + s.rows.len()));
        let (longest_q, longest_k) = lengths.fold((0, 0), |(a, b), (x, y)| (a.max(x), b.max(y)));
        let segments = layout.copies * layout.segments.len();
        let mask = vec![f32::NEG_INFINITY; segments * longest_q * longest_k];
        let mut padding = Self {
            segments,
            longest_q,
            longest_k,
            q_rows: vec![0; segments * longest_q],
            k_rows: vec![0; segments * longest_k],
            distance: vec![0.0; if scoring.slopes.is_some() { mask.len() } else { 0 }],
            mask,
            out_rows: vec![0; n],
        };
        for copy in 0..layout.copies {
            for (i, segment) in layout.segments.iter().enumerate() {
                let s = copy * layout.segments.len() + i;
                let keys = key_rows(copy, segment, chunks, &offsets, layout);
                for (i, key) in keys.iter().enumerate() {
                    padding.k_rows[s * longest_k + i] = index_u32(*key);
                }
                padding.add_queries(s, copy * layout.rows, segment, scoring);
            }
        }
        Ok(padding)
    }

    /// Fills in the queries of segment number `s`, whose copy of the batch starts at `first_row` of `q`.
    fn add_queries(&mut self, s: usize, first_row: usize, segment: &Segment, scoring: AttentionScoring<'_>) {
        let context = segment.context_len();
        let keys = context + segment.rows.len();
        for (i, row) in segment.rows.clone().enumerate() {
            let row = first_row + row;
            let padded = s * self.longest_q + i;
            self.q_rows[padded] = index_u32(row);
            self.out_rows[row] = index_u32(padded);
            let line = padded * self.longest_k;
            let seen = scoring.visible(context + i, keys);
            self.mask[line + seen.start..line + seen.end].fill(0.0);
            if let Some(distance) = self.distance.get_mut(line..line + self.longest_k) {
                let query = (context + i) as f32;
                distance.iter_mut().enumerate().for_each(|(key, d)| *d = key as f32 - query);
            }
        }
        // A padded query sees one key: a softmax over none would be 0/0, and its NaN would spread in the backward pass.
        for i in segment.rows.len()..self.longest_q {
            self.mask[(s * self.longest_q + i) * self.longest_k] = 0.0;
        }
    }
}

/// Rows of the keys of `segment` in the joined chunks, from the start of its sequence on.
fn key_rows(
    copy: usize,
    segment: &Segment,
    chunks: &[KvChunk],
    offsets: &[usize],
    layout: SegmentLayout<'_>,
) -> Vec<usize> {
    let own = chunks.len() - 1;
    let mut keys = Vec::with_capacity(segment.context_len() + segment.rows.len());
    for range in &segment.context {
        let first = layout.first_key_row(copy, segment, range.chunk, own, chunks[range.chunk].stride);
        keys.extend(range.rows.clone().map(|row| offsets[range.chunk] + first + row));
    }
    keys.extend(segment.rows.clone().map(|row| offsets[own] + copy * layout.rows + row));
    keys
}
