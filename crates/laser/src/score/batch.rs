//! Batches: items packed so that every token with the same prefix is computed once.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::encode::Encoded;
use crate::forward::RowScore;
use crate::forward::rows::{Rows, Span};

/// Items that run in one pass.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Rows of all prompts and candidates; shared prefixes appear once.
    pub(crate) rows: Rows,
    /// Rows whose logits are needed, upwards.
    pub(crate) keep: Vec<usize>,
    /// Tokens to score at each of them.
    pub(crate) wanted: Vec<Vec<u32>>,
    /// The items.
    pub(crate) items: Vec<BatchItem>,
}

/// One item of a batch.
#[derive(Debug, Clone)]
pub(crate) struct BatchItem {
    /// Index in the exam.
    pub(crate) index: usize,
    /// Rows of the prompt, in order.
    pub(crate) prompt: Vec<Range<usize>>,
    /// Which kept row is the prompt's last.
    pub(crate) last: usize,
    /// For each candidate, where its tokens' log-probabilities are: kept row and place among its wanted tokens.
    pub(crate) candidates: Vec<Vec<(usize, usize)>>,
}

impl Batch {
    /// The candidates' log-likelihoods (nats, sums) of an item from the scores of the kept rows of one copy.
    pub(crate) fn likelihoods(&self, item: &BatchItem, scores: &[RowScore]) -> Vec<f64> {
        let sum = |probes: &Vec<(usize, usize)>| probes.iter().map(|(row, slot)| scores[*row].logprobs[*slot]).sum();
        item.candidates.iter().map(sum).collect()
    }
}

/// Packs items into batches of about `target` rows, in the order of their tokens so that prefixes meet.
///
/// Sequences longer than `alone_beyond` get a batch of their own: the rotary positions of some models depend on
/// the longest sequence of a pass.
pub(crate) fn plan(encoded: &[Encoded], indices: &[usize], target: usize, alone_beyond: Option<usize>) -> Vec<Batch> {
    let mut order: Vec<usize> = indices.to_vec();
    by_tokens(encoded, &mut order);
    pack(order.into_iter().map(|index| (index, &encoded[index])), target, alone_beyond, true)
}

/// Sorts items by their tokens, so that prefixes meet.
pub(crate) fn by_tokens(encoded: &[Encoded], indices: &mut [usize]) {
    indices.sort_by(|a, b| encoded[*a].prompt.cmp(&encoded[*b].prompt).then(a.cmp(b)));
}

/// Packs items into batches of about `target` rows, in the order given, no row shared between two items: what
/// comes back at a row is then one item's own.
pub(crate) fn plan_apart(items: &[Encoded], target: usize, alone_beyond: Option<usize>) -> Vec<Batch> {
    pack(items.iter().enumerate(), target, alone_beyond, false)
}

/// Packs items, each with its index, in the order given; `share` says whether two may have rows in common.
fn pack<'a>(
    items: impl Iterator<Item = (usize, &'a Encoded)>,
    target: usize,
    alone_beyond: Option<usize>,
    share: bool,
) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut tree = Tree::default();
    for (index, item) in items {
        let alone = alone_beyond.is_some_and(|limit| item.longest() > limit);
        if alone || tree.rows.len() >= target {
            batches.extend(std::mem::take(&mut tree).finish());
        }
        if !share {
            tree.next.clear();
        }
        tree.add(index, item);
        if alone {
            batches.extend(std::mem::take(&mut tree).finish());
        }
    }
    batches.extend(tree.finish());
    batches
}

/// A batch under construction: the prefix tree of its sequences.
#[derive(Default)]
struct Tree {
    rows: Rows,
    /// Row that follows a row (or the start) with a token.
    next: HashMap<(Option<usize>, u32), usize>,
    wanted: BTreeMap<usize, Vec<u32>>,
    items: Vec<BatchItem>,
}

impl Tree {
    /// Adds an item; `last` and the candidates' rows stay rows of the pass until [`Tree::finish`].
    fn add(&mut self, index: usize, item: &Encoded) {
        let prompt = self.insert(&item.prompt);
        let last = prompt[prompt.len() - 1];
        self.wanted.entry(last).or_default();
        let mut candidates = Vec::with_capacity(item.candidates.len());
        for candidate in &item.candidates {
            // The last token is predicted, never an input.
            let inputs: Vec<u32> = item.prompt.iter().chain(&candidate[..candidate.len() - 1]).copied().collect();
            let path = self.insert(&inputs);
            let probes = candidate.iter().zip(&path[item.prompt.len() - 1..]).map(|(token, row)| {
                let wanted = self.wanted.entry(*row).or_default();
                let slot = wanted.iter().position(|t| t == token).unwrap_or_else(|| {
                    wanted.push(*token);
                    wanted.len() - 1
                });
                (*row, slot)
            });
            candidates.push(probes.collect());
        }
        self.items.push(BatchItem { index, prompt: runs(&prompt), last, candidates });
    }

    /// Rows of a sequence; what is not there yet is appended as one segment.
    fn insert(&mut self, tokens: &[u32]) -> Vec<usize> {
        let mut path = Vec::with_capacity(tokens.len());
        let mut known = 0;
        while let Some(row) = tokens.get(known).and_then(|t| self.next.get(&(path.last().copied(), *t))) {
            path.push(*row);
            known += 1;
        }
        let new = &tokens[known..];
        if !new.is_empty() {
            let context = runs(&path).into_iter().map(|rows| Span { chunk: 0, rows }).collect();
            let first = self.rows.len();
            self.rows.push(new, 0, context);
            for (i, token) in new.iter().enumerate() {
                self.next.insert((path.last().copied(), *token), first + i);
                path.push(first + i);
            }
        }
        path
    }

    fn finish(self) -> Option<Batch> {
        if self.items.is_empty() {
            return None;
        }
        let place: HashMap<usize, usize> = self.wanted.keys().enumerate().map(|(i, row)| (*row, i)).collect();
        let mut items = self.items;
        for item in &mut items {
            item.last = place[&item.last];
            for (row, _) in item.candidates.iter_mut().flatten() {
                *row = place[row];
            }
        }
        let (keep, wanted) = self.wanted.into_iter().unzip();
        Some(Batch { rows: self.rows, keep, wanted, items })
    }
}

/// Runs of consecutive rows.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn item(prompt: &[u32], candidates: &[&[u32]]) -> Encoded {
        Encoded {
            prompt: prompt.to_vec(),
            candidates: candidates.iter().map(|c| c.to_vec()).collect(),
            lengths: vec![1.0; candidates.len()],
            gold: 0,
            first_tokens: vec![],
        }
    }

    #[test]
    fn shared_prefixes_are_computed_once() {
        let encoded =
            [item(&[1, 2, 3], &[&[7, 8], &[7, 9, 9]]), item(&[1, 2, 4], &[&[7]]), item(&[1, 2, 3], &[&[5, 6]])];
        let batches = plan(&encoded, &[0, 1, 2], 100, None);
        assert_eq!(batches.len(), 1);
        let batch = &batches[0];
        // 1 2 3 | 7 | 9 | 5 | 4
        assert_eq!(batch.rows.tokens, [1, 2, 3, 7, 9, 5, 4]);
        assert_eq!(batch.rows.positions, [0, 1, 2, 3, 4, 3, 2]);
        assert_eq!(batch.items.iter().map(|i| i.index).collect::<Vec<_>>(), [0, 2, 1]);
        assert_eq!(batch.items[2].prompt, [0..2, 6..7]);
        assert_eq!(batch.keep, [2, 3, 4, 5, 6]);
        assert_eq!(batch.wanted, [vec![7, 5], vec![8, 9], vec![9], vec![6], vec![7]]);
    }

    #[test]
    fn long_sequences_stay_alone() {
        let encoded = [item(&[1, 2, 3, 4], &[&[7]]), item(&[1, 2], &[&[7]]), item(&[1, 3], &[&[7]])];
        let batches = plan(&encoded, &[0, 1, 2], 100, Some(4));
        assert_eq!(batches.len(), 3);
        assert_eq!(plan(&encoded, &[0, 1, 2], 100, Some(5)).len(), 1);
    }
}
