//! Batches: items packed so that every token with the same prefix is computed once.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::encode::Encoded;
use laser_kernels::batch_layout::{BatchLayout, CacheRange};

/// Items that run in one pass.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Rows of all prompts and candidates; shared prefixes appear once.
    pub(crate) rows: BatchLayout,
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
    /// The first row that is new in the pass with this item; where no row is shared, the first of its own.
    pub(crate) first: usize,
    /// Rows of the prompt, in order.
    pub(crate) prompt: Vec<Range<usize>>,
    /// Which kept rows say what the model says of itself, upwards: the prompt's last, or its masks. Empty where the
    /// score does not ask.
    pub(crate) asked: Vec<usize>,
    /// For each candidate, where its tokens' log-probabilities are: kept row and place among its wanted tokens.
    pub(crate) candidates: Vec<Vec<(usize, usize)>>,
}

/// How items are packed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packing {
    /// About how many rows a batch has.
    pub(crate) target: usize,
    /// Sequences longer than this get a batch of their own: the rotary positions of some models depend on the longest
    /// sequence of a pass.
    pub(crate) alone_beyond: Option<usize>,
    /// Whether a token sees only those before it, so that sequences which begin alike share rows.
    pub(crate) causal: bool,
}

/// Packs items in the order of their tokens, so that prefixes meet.
pub(crate) fn plan(encoded: &[Encoded], indices: &[usize], packing: Packing) -> Vec<Batch> {
    let mut order: Vec<usize> = indices.to_vec();
    by_tokens(encoded, &mut order);
    pack(order.into_iter().map(|index| (index, &encoded[index])), packing, true)
}

/// Sorts items by their tokens, so that prefixes meet.
pub(crate) fn by_tokens(encoded: &[Encoded], indices: &mut [usize]) {
    indices.sort_by(|a, b| encoded[*a].prompt.cmp(&encoded[*b].prompt).then(a.cmp(b)));
}

/// Packs items in the order given, no row shared between two items: what comes back at a row is then one item's own.
pub(crate) fn plan_apart(items: &[Encoded], packing: Packing) -> Vec<Batch> {
    pack(items.iter().enumerate(), packing, false)
}

/// Packs items, each with its index, in the order given; `share` says whether two may have rows in common.
fn pack<'a>(items: impl Iterator<Item = (usize, &'a Encoded)>, packing: Packing, share: bool) -> Vec<Batch> {
    let Packing { target, alone_beyond, causal } = packing;
    let fresh = || Tree { causal, ..Tree::default() };
    let mut batches = Vec::new();
    let mut tree = fresh();
    for (index, item) in items {
        let alone = alone_beyond.is_some_and(|limit| item.longest() > limit);
        if alone || tree.rows.len() >= target {
            batches.extend(std::mem::replace(&mut tree, fresh()).finish());
        }
        if !share {
            tree.next.clear();
            tree.whole.clear();
        }
        tree.add(index, item);
        if alone {
            batches.extend(std::mem::replace(&mut tree, fresh()).finish());
        }
    }
    batches.extend(tree.finish());
    batches
}

/// A batch under construction: the prefix tree of its sequences, or the set of them where all tokens see one another.
#[derive(Default)]
struct Tree {
    causal: bool,
    rows: BatchLayout,
    /// Row that follows a row (or the start) with a token.
    next: HashMap<(Option<usize>, u32), usize>,
    /// First row of a sequence that is there as a whole.
    whole: HashMap<Vec<u32>, usize>,
    wanted: BTreeMap<usize, Vec<u32>>,
    items: Vec<BatchItem>,
}

impl Tree {
    /// Adds an item; `asked` and the candidates' rows stay rows of the pass until [`Tree::finish`].
    fn add(&mut self, index: usize, item: &Encoded) {
        let first = self.rows.len();
        let prompt = self.insert(&item.prompt);
        let asked: Vec<usize> = item.asked.iter().map(|at| prompt[*at]).collect();
        for row in &asked {
            self.wanted.entry(*row).or_default();
        }
        let mut candidates = Vec::with_capacity(item.candidates.len());
        for candidate in &item.candidates {
            let path = self.insert(&candidate.inputs);
            let probes = candidate.probes.iter().map(|(at, token)| {
                let wanted = self.wanted.entry(path[*at]).or_default();
                let slot = wanted.iter().position(|t| t == token).unwrap_or_else(|| {
                    wanted.push(*token);
                    wanted.len() - 1
                });
                (path[*at], slot)
            });
            candidates.push(probes.collect());
        }
        self.items.push(BatchItem { index, first, prompt: runs(&prompt), asked, candidates });
    }

    /// Rows of a sequence; what is not there yet is appended as one segment.
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

    /// Rows of a sequence whose tokens all see one another.
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

    fn finish(self) -> Option<Batch> {
        if self.items.is_empty() {
            return None;
        }
        let place: HashMap<usize, usize> = self.wanted.keys().enumerate().map(|(i, row)| (*row, i)).collect();
        let mut items = self.items;
        for item in &mut items {
            let candidates = item.candidates.iter_mut().flatten().map(|(row, _)| row);
            for row in item.asked.iter_mut().chain(candidates) {
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
    use crate::evaluate::encode::AnswerTokens;

    const PACKING: Packing = Packing { target: 100, alone_beyond: None, causal: true };

    fn item(prompt: &[u32], candidates: &[&[u32]]) -> Encoded {
        let candidates: Vec<_> = candidates.iter().map(|c| AnswerTokens::after(prompt.to_vec(), c)).collect();
        let lengths = vec![1.0; candidates.len()];
        Encoded { prompt: prompt.to_vec(), asked: vec![prompt.len() - 1], candidates, lengths, ..Encoded::default() }
    }

    #[test]
    fn shared_prefixes_are_computed_once() {
        let encoded =
            [item(&[1, 2, 3], &[&[7, 8], &[7, 9, 9]]), item(&[1, 2, 4], &[&[7]]), item(&[1, 2, 3], &[&[5, 6]])];
        let batches = plan(&encoded, &[0, 1, 2], PACKING);
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
    fn sequences_that_see_themselves_whole_are_shared_whole() {
        const MASK: u32 = 9;
        let masked = |inputs: &[u32], answer: &[u32]| {
            let places = inputs.iter().enumerate().filter(|(_, t)| **t == MASK).map(|(i, _)| i);
            let probes = places.zip(answer.iter().copied()).collect();
            AnswerTokens { inputs: inputs.to_vec(), probes }
        };
        let both = |candidates: Vec<AnswerTokens>| Encoded { candidates, ..Encoded::default() };
        let encoded = [
            both(vec![masked(&[1, 9, 2], &[5]), masked(&[1, 9, 9, 2], &[6, 7]), masked(&[1, 9, 2], &[4])]),
            both(vec![masked(&[1, 9, 2], &[5])]),
        ];
        let packing = Packing { causal: false, ..PACKING };
        let batch = plan(&encoded, &[0, 1], packing).remove(0);
        assert_eq!(batch.rows.tokens, [1, 9, 2, 1, 9, 9, 2]);
        assert_eq!((batch.rows.segments.len(), &batch.keep), (2, &vec![1, 4, 5]));
        assert_eq!(batch.wanted, [vec![5, 4], vec![6], vec![7]]);
        assert_eq!(batch.items[0].candidates, [vec![(0, 0)], vec![(1, 0), (2, 0)], vec![(0, 1)]]);
        assert_eq!(plan_apart(&encoded, packing)[0].rows.segments.len(), 3);
    }

    #[test]
    fn long_sequences_stay_alone() {
        let encoded = [item(&[1, 2, 3, 4], &[&[7]]), item(&[1, 2], &[&[7]]), item(&[1, 3], &[&[7]])];
        let batches = |limit| plan(&encoded, &[0, 1, 2], Packing { alone_beyond: Some(limit), ..PACKING });
        assert_eq!((batches(3).len(), batches(4).len()), (3, 1));
    }
}
