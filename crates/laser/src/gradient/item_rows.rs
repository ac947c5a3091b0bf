//! The rows of each item in a batch whose items share no rows.

use std::ops::Range;

use crate::evaluate::batch::{Batch, BatchItem};

/// For each item, its rows in the batch.
pub(super) fn item_rows(batch: &Batch) -> Vec<Range<usize>> {
    let ends = batch.items.iter().skip(1).map(|item| item.first_row).chain([batch.rows.len()]);
    batch.items.iter().zip(ends).map(|(item, end)| item.first_row..end).collect()
}

/// For each item, its positions among the logit rows of the batch.
pub(super) fn item_logit_rows(batch: &Batch) -> Vec<Range<usize>> {
    let first = |item: &BatchItem| batch.logit_rows.partition_point(|row| *row < item.first_row);
    let ends = batch.items.iter().skip(1).map(first).chain([batch.logit_rows.len()]);
    batch.items.iter().zip(ends).map(|(item, end)| first(item)..end).collect()
}
