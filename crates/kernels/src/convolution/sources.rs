//! The rows that each row of a pass is convolved with: takes the layout of a batch, gives chunks and rows.

use crate::attention::SegmentLayout;
use crate::batch_layout::Segment;
use crate::kv_cache::KvChunk;

/// Place of a row: number of the chunk, and row within all copies of it.
pub(super) type Source = (usize, usize);

/// The last rows before a segment, at most `count`, the newest last.
fn rows_before(
    chunks: &[KvChunk],
    layout: SegmentLayout<'_>,
    copy: usize,
    segment: &Segment,
    count: usize,
) -> Vec<Source> {
    let own = chunks.len() - 1;
    let mut before = Vec::with_capacity(count);
    for range in segment.context.iter().rev() {
        let first = layout.first_key_row(copy, segment, range.chunk, own, chunks[range.chunk].stride);
        let newest_first = range.rows.clone().rev().map(|row| (range.chunk, first + row));
        before.extend(newest_first.take(count - before.len()));
    }
    before.reverse();
    before
}

/// A segment of one copy: the places of the rows before it and of its own rows, oldest first.
pub(super) struct SegmentSources {
    /// At most `width − 1` rows before the segment, then its own rows.
    pub(super) rows: Vec<Source>,
    /// Number of the rows before the segment.
    pub(super) before: usize,
}

impl SegmentSources {
    /// The segments of all copies in the order of their rows, for a kernel of `width` positions.
    pub(super) fn of_batch(chunks: &[KvChunk], layout: SegmentLayout<'_>, width: usize) -> Vec<Self> {
        let own = chunks.len() - 1;
        let mut all = Vec::with_capacity(layout.copies * layout.segments.len());
        for copy in 0..layout.copies {
            for segment in layout.segments {
                let mut rows = rows_before(chunks, layout, copy, segment, width - 1);
                let before = rows.len();
                rows.extend(segment.rows.clone().map(|row| (own, copy * layout.rows + row)));
                all.push(Self { rows, before });
            }
        }
        all
    }

    /// Number of the segment's own rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len() - self.before
    }

    /// The place that the kernel's position `tap` meets at row `row` of the segment; `None` before the start of the sequence.
    pub(super) fn at(&self, row: usize, tap: usize, width: usize) -> Option<Source> {
        (self.before + row + tap + 1).checked_sub(width).map(|index| self.rows[index])
    }
}
