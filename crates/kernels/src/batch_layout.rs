//! What a pass computes: packed rows, one a token or another state that stands for one, in segments that know which earlier rows they see.

use std::ops::Range;

use candle_core::Tensor;

/// A run of rows of one chunk of the key/value cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRange {
    /// Chunk, in the order of the passes that filled the cache; the pass under way is the last.
    pub chunk: usize,
    /// Rows within one variant's copy of the chunk.
    pub rows: Range<usize>,
}

/// Consecutive rows of a pass that follow one another in a sequence.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Rows of the pass.
    pub rows: Range<usize>,
    /// Which variant of the edited matrix the rows belong to (0 where there is one, or where all run at once).
    pub variant: usize,
    /// What comes before, from the start of the sequence on.
    pub context: Vec<CacheRange>,
}

impl Segment {
    /// Number of tokens before the first row, which is its position.
    pub fn context_len(&self) -> usize {
        self.context.iter().map(|span| span.rows.len()).sum()
    }
}

/// The rows of a pass.
#[derive(Debug, Clone, Default)]
pub struct BatchLayout {
    /// Token of each row; none where the rows enter the first block as states.
    pub tokens: Vec<u32>,
    /// Position of each row in its sequence.
    pub positions: Vec<u32>,
    /// Segments: disjoint, upwards, covering all rows; variants never decrease.
    pub segments: Vec<Segment>,
}

impl BatchLayout {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Appends a segment of `tokens` after `context`.
    pub fn push(&mut self, tokens: &[u32], variant: usize, context: Vec<CacheRange>) {
        self.tokens.extend_from_slice(tokens);
        self.push_states(tokens.len(), variant, context);
    }

    /// Appends a segment of `n` rows that are no tokens: whoever runs the pass gives it what enters the first block.
    pub fn push_states(&mut self, n: usize, variant: usize, context: Vec<CacheRange>) {
        let start = self.len();
        let segment = Segment { rows: start..start + n, variant, context };
        let first = segment.context_len();
        self.positions.extend((first..first + n).map(position));
        self.segments.push(segment);
    }

    /// Length of the longest sequence, in tokens.
    pub fn sequence_len(&self) -> usize {
        self.positions.iter().max().map_or(0, |p| *p as usize + 1)
    }

    /// Rows of each of `n` variants, in order and without gaps.
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

/// A position as the rotary tables take it.
pub fn position(index: usize) -> u32 {
    u32::try_from(index).expect("a position fits u32 because sequences are bounded by memory")
}

/// Keys and values of the rows of one pass in one layer.
#[derive(Debug, Clone)]
pub struct KvChunk {
    /// Keys, `[copies·rows, n_kv_heads·d_head]`, rotated.
    pub k: Tensor,
    /// Values, the same shape.
    pub v: Tensor,
    /// Rows of one variant's copy; 0 where all variants share the rows.
    pub stride: usize,
}

/// Keys and values of earlier passes: chunks of each layer.
#[derive(Debug, Clone, Default)]
pub struct KvCache {
    /// `[layer][chunk]`; every layer whose attention the passes run has one chunk a pass.
    pub layers: Vec<Vec<KvChunk>>,
}

impl KvCache {
    /// An empty cache of `n_layers` layers.
    pub fn new(n_layers: usize) -> Self {
        Self { layers: vec![Vec::new(); n_layers] }
    }

    /// Number of passes that left their keys here: the chunk that the next one fills.
    pub fn passes(&self) -> usize {
        self.layers.iter().map(Vec::len).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_rows_of_absent_variants_too() {
        let mut rows = BatchLayout::default();
        rows.push(&[1, 2], 1, vec![]);
        rows.push(&[3], 1, vec![CacheRange { chunk: 0, rows: 4..9 }]);
        rows.push(&[4], 3, vec![]);
        assert_eq!(rows.variant_blocks(5), [0..0, 0..3, 3..3, 3..4, 4..4]);
        assert_eq!(rows.positions, [0, 1, 5, 0]);
        assert_eq!(rows.sequence_len(), 6);
    }

    #[test]
    fn states_are_rows_that_follow_their_context_as_tokens_do() {
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
