//! Counts the forward work a model does, exactly: a figure without noise beside wall times.
//!
//! The passes add to it; a model and its edited clones share one meter.

use std::sync::atomic::{AtomicU64, Ordering};

/// Work done by passes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ForwardWork {
    /// Rows × blocks run. A row is one token of one variant where it leaves the block; a block entered midway counts
    /// whole.
    pub row_layers: u64,
    /// Rows of the output head: logits of the whole vocabulary.
    pub head_rows: u64,
}

impl ForwardWork {
    /// The work as tokens through all blocks: `row_layers / n_layers`.
    pub fn forward_tokens(self, n_layers: usize) -> f64 {
        self.row_layers as f64 / n_layers as f64
    }

    /// What was added after `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self { row_layers: self.row_layers - earlier.row_layers, head_rows: self.head_rows - earlier.head_rows }
    }
}

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    row_layers: AtomicU64,
    head_rows: AtomicU64,
}

impl Meter {
    /// `rows` have run through one block.
    pub(crate) fn add_block(&self, rows: usize) {
        self.row_layers.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// `rows` have run through the output head.
    pub(crate) fn add_head(&self, rows: usize) {
        self.head_rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// What has been counted so far.
    pub(crate) fn read(&self) -> ForwardWork {
        ForwardWork {
            row_layers: self.row_layers.load(Ordering::Relaxed),
            head_rows: self.head_rows.load(Ordering::Relaxed),
        }
    }
}
