//! The batch layout of one forward pass: one row per token, grouped into segments, each with the cached rows it attends
//! to.

use std::ops::Range;

/// Consecutive rows of one chunk of the KV cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRange {
    /// Number of the forward pass that filled the chunk, from 0; the pass that runs at the moment is the last.
    pub chunk: usize,
    /// Rows of the chunk, counted from the start of a variant's copy.
    pub rows: Range<usize>,
}

/// Consecutive rows of a batch that follow one another in one sequence.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Rows of the batch.
    pub rows: Range<usize>,
    /// Variant of the edited matrix that the rows are computed with; 0 if there is one variant, or if all rows are
    /// computed with all variants.
    pub variant: usize,
    /// Rows before the segment in its sequence, from the start of the sequence on.
    pub context: Vec<CacheRange>,
}

impl Segment {
    /// Number of tokens before the segment, which is the position of its first row.
    pub fn context_len(&self) -> usize {
        self.context.iter().map(|range| range.rows.len()).sum()
    }
}

/// The batch layout of one forward pass: one row per token, grouped into segments; each segment lists the cached rows
/// it attends to.
#[derive(Debug, Clone, Default)]
pub struct BatchLayout {
    /// Token of each row; empty if the rows enter the first block as hidden states.
    pub tokens: Vec<u32>,
    /// Position of each row in its sequence, in tokens.
    pub positions: Vec<u32>,
    /// Disjoint segments in ascending order, which cover all rows; their variants never decrease.
    pub segments: Vec<Segment>,
}

impl BatchLayout {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Appends a segment of `tokens` that follows `context` in its sequence.
    pub fn push(&mut self, tokens: &[u32], variant: usize, context: Vec<CacheRange>) {
        self.tokens.extend_from_slice(tokens);
        self.push_states(tokens.len(), variant, context);
    }

    /// Appends a segment of `n` rows without tokens; the caller gives the forward pass their hidden states at the
    /// input of the first block.
    pub fn push_states(&mut self, n: usize, variant: usize, context: Vec<CacheRange>) {
        let start = self.len();
        let segment = Segment { rows: start..start + n, variant, context };
        let first = segment.context_len();
        self.positions.extend((first..first + n).map(index_u32));
        self.segments.push(segment);
    }

    /// Length of the longest sequence, in tokens.
    pub fn sequence_len(&self) -> usize {
        self.positions.iter().max().map_or(0, |p| *p as usize + 1)
    }

    /// The rows of each of `n` variants, in order and without gaps; empty ranges for variants without rows.
    pub fn variant_blocks(&self, n: usize) -> Vec<Range<usize>> {
        let mut blocks = Vec::with_capacity(n);
        let mut segments = self.segments.iter().peekable();
        let mut start = 0;
        for variant in 0..n {
            let mut end = start;
            while let Some(segment) = segments.next_if(|s| s.variant == variant) {
                end = segment.rows.end;
            }
            blocks.push(start..end);
            start = end;
        }
        blocks
    }
}

/// A position or row number as the element of an index tensor.
///
/// # Panics
/// If it exceeds u32, which no batch that fits in memory reaches.
#[inline]
pub fn index_u32(index: usize) -> u32 {
    u32::try_from(index).expect("a row number fits u32 because batches are bounded by memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_without_rows_get_empty_blocks() {
        let mut rows = BatchLayout::default();
        rows.push(&[1, 2], 1, vec![]);
        rows.push(&[3], 1, vec![CacheRange { chunk: 0, rows: 4..9 }]);
        rows.push(&[4], 3, vec![]);
        assert_eq!(rows.variant_blocks(5), [0..0, 0..3, 3..3, 3..4, 4..4]);
        assert_eq!(rows.positions, [0, 1, 5, 0]);
        assert_eq!(rows.sequence_len(), 6);
    }

    #[test]
    fn states_get_the_same_positions_and_segments_as_tokens() {
        let (mut tokens, mut states) = (BatchLayout::default(), BatchLayout::default());
        for (n, context) in [(2, vec![]), (3, vec![CacheRange { chunk: 0, rows: 4..9 }])] {
            tokens.push(&vec![7; n], 0, context.clone());
            states.push_states(n, 0, context);
        }
        assert!(states.tokens.is_empty());
        assert_eq!((states.len(), &states.positions), (tokens.len(), &tokens.positions));
        assert_eq!(format!("{:?}", states.segments), format!("{:?}", tokens.segments));
    }
}
