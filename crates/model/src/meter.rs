//! Counters of forward work: an exact measure of cost, unlike wall time.
//!
//! Each forward pass adds to the counters. A model and its edited clones share them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Amount of forward work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ForwardWork {
    /// Number of rows times number of blocks that they ran through. A row is one token of one variant at the output of
    /// the block; a block entered at its MLP counts as a whole one.
    pub row_layers: u64,
    /// Rows for which the output head computed the logits of the whole vocabulary.
    pub head_rows: u64,
}

impl ForwardWork {
    /// The work in blocks as a number of tokens through all `n_layers` blocks: `row_layers / n_layers`.
    pub fn forward_tokens(self, n_layers: usize) -> f64 {
        self.row_layers as f64 / n_layers as f64
    }

    /// Work done since `earlier`, an earlier reading of the same counters.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self { row_layers: self.row_layers - earlier.row_layers, head_rows: self.head_rows - earlier.head_rows }
    }
}

/// Counters of forward work; threads may add to them at the same time.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    row_layers: AtomicU64,
    head_rows: AtomicU64,
}

impl Meter {
    /// Counts `rows` that ran through one block.
    pub(crate) fn add_block(&self, rows: usize) {
        self.row_layers.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Counts `rows` that ran through the output head.
    pub(crate) fn add_head(&self, rows: usize) {
        self.head_rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Work counted so far.
    pub(crate) fn read(&self) -> ForwardWork {
        ForwardWork {
            row_layers: self.row_layers.load(Ordering::Relaxed),
            head_rows: self.head_rows.load(Ordering::Relaxed),
        }
    }
}
