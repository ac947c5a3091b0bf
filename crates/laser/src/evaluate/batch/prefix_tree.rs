//! A batch under construction: the prefix tree of its sequences, whose nodes are rows.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::{Batch, BatchItem};
use crate::evaluate::encode::EncodedItem;
use laser_kernels::batch_layout::{BatchLayout, CacheRange};

/// The rows of a batch so far, and the sequences that later items may share.
pub(super) struct PrefixTree {
    /// Whether sequences share prefixes; otherwise they are shared only as a whole, because every row of a sequence
    /// depends on all its tokens.
    causal: bool,
    rows: BatchLayout,
    /// The row of a token after another row, or at the start of a sequence (`None`).
    next: HashMap<(Option<usize>, u32), usize>,
    /// First row of each whole sequence.
    whole: HashMap<Vec<u32>, usize>,
    /// Rows whose logits are needed, each with the tokens scored there.
    scored: BTreeMap<usize, Vec<u32>>,
    items: Vec<BatchItem>,
}

impl PrefixTree {
    /// Makes an empty tree.
    pub(super) fn new(causal: bool) -> Self {
        Self {
            causal,
            rows: BatchLayout::default(),
            next: HashMap::new(),
            whole: HashMap::new(),
            scored: BTreeMap::new(),
            items: Vec::new(),
        }
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Ends the sharing of rows with the items added so far.
    pub(super) fn forget_sequences(&mut self) {
        self.next.clear();
        self.whole.clear();
    }

    /// Adds an item. Its `prediction_rows` and candidates hold rows of the batch until [`PrefixTree::into_batch`] makes
    /// them positions among the logit rows, which are not all known before.
    pub(super) fn add(&mut self, index: usize, item: &EncodedItem) {
        let first_row = self.rows.len();
        let prompt = self.insert(&item.prompt);
        let prediction_rows: Vec<usize> = item.prediction_positions.iter().map(|at| prompt[*at]).collect();
        for row in &prediction_rows {
            self.scored.entry(*row).or_default();
        }
        let mut candidates = Vec::with_capacity(item.candidates.len());
        for candidate in &item.candidates {
            let path = self.insert(&candidate.inputs);
            let places = candidate.scored_tokens.iter().map(|(at, token)| {
                let tokens = self.scored.entry(path[*at]).or_default();
                let slot = tokens.iter().position(|t| t == token).unwrap_or_else(|| {
                    tokens.push(*token);
                    tokens.len() - 1
                });
                (path[*at], slot)
            });
            candidates.push(places.collect());
        }
        self.items.push(BatchItem { index, first_row, prompt_rows: runs(&prompt), prediction_rows, candidates });
    }

    /// Returns the row of each token of a sequence. Tokens after the longest known prefix are appended as one segment.
    fn insert(&mut self, tokens: &[u32]) -> Vec<usize> {
        if !self.causal {
            return self.insert_whole(tokens);
        }
        let mut path = Vec::with_capacity(tokens.len());
        let mut known = 0;
        while let Some(row) = tokens.get(known).and_then(|t| self.next.get(&(path.last().copied(), *t))) {
            path.push(*row);
            known += 1;
        }
        let new = &tokens[known..];
        if !new.is_empty() {
            let context = runs(&path).into_iter().map(|rows| CacheRange { chunk: 0, rows }).collect();
            let first = self.rows.len();
            self.rows.push(new, 0, context);
            for (i, token) in new.iter().enumerate() {
                self.next.insert((path.last().copied(), *token), first + i);
                path.push(first + i);
            }
        }
        path
    }

    /// Returns the row of each token of a sequence in which every token attends to every other.
    fn insert_whole(&mut self, tokens: &[u32]) -> Vec<usize> {
        if tokens.is_empty() {
            return Vec::new();
        }
        let first = *self.whole.entry(tokens.to_vec()).or_insert_with(|| {
            let first = self.rows.len();
            self.rows.push(tokens, 0, Vec::new());
            first
        });
        (first..first + tokens.len()).collect()
    }

    /// Finishes the batch; `None` if it has no items.
    pub(super) fn into_batch(self) -> Option<Batch> {
        if self.items.is_empty() {
            return None;
        }
        let position: HashMap<usize, usize> = self.scored.keys().enumerate().map(|(i, row)| (*row, i)).collect();
        let mut items = self.items;
        for item in &mut items {
            let candidates = item.candidates.iter_mut().flatten().map(|(row, _)| row);
            for row in item.prediction_rows.iter_mut().chain(candidates) {
                *row = position[row];
            }
        }
        let (logit_rows, scored_tokens) = self.scored.into_iter().unzip();
        Some(Batch { rows: self.rows, logit_rows, scored_tokens, items, trajectory: None })
    }
}

/// Groups ascending rows into runs of consecutive rows.
fn runs(rows: &[usize]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for &row in rows {
        match runs.last_mut() {
            Some(run) if run.end == row => run.end += 1,
            _ => runs.push(row..row + 1),
        }
    }
    runs
}
