//! Encoded items → batches: items that one forward pass computes together, each shared prefix once.

mod demonstrations;
mod prefix_tree;

use std::ops::Range;

use candle_core::Tensor;

use super::encode::EncodedItem;
use crate::error::Result;
pub(crate) use demonstrations::plan_demonstrations;
use laser_kernels::batch_layout::BatchLayout;
use laser_model::Model;
use laser_model::forward::{ForwardPass, Trajectory};
use prefix_tree::PrefixTree;

/// Rows at which a batch of an evaluation is full: enough for the matrix products to run near their peak, few enough to stay in
/// cache.
pub(crate) const BATCH_ROWS: usize = 512;

/// Items that one forward pass computes together.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Rows of all prompts and candidates; shared prefixes appear once.
    pub(crate) rows: BatchLayout,
    /// Rows whose logits are needed, ascending.
    pub(crate) logit_rows: Vec<usize>,
    /// For each logit row, the tokens whose log-probabilities are needed there.
    pub(crate) scored_tokens: Vec<Vec<u32>>,
    /// The items, at least one.
    pub(crate) items: Vec<BatchItem>,
    /// The steps that the rows stand for, where they are no tokens.
    pub(crate) trajectory: Option<Trajectory>,
}

impl Batch {
    /// Input of the first block: `[rows, d_model]`.
    ///
    /// # Errors
    /// Tokens outside the vocabulary, or steps that do not fit the model.
    pub(crate) fn embed(&self, model: &Model) -> Result<Tensor> {
        let mut cache = model.new_kv_cache();
        let mut pass = ForwardPass::new(model, &self.rows, &mut cache, false)?;
        Ok(match &self.trajectory {
            Some(steps) => pass.embed_steps(steps)?,
            None => pass.embed()?,
        })
    }

    /// Logits of rows of the last block's output: `[rows, d_model]` → `[rows, vocab]`, or `[rows, action]` of steps.
    ///
    /// # Errors
    /// A failure of the tensor library.
    pub(crate) fn head(&self, model: &Model, hidden: &Tensor) -> Result<Tensor> {
        Ok(if self.trajectory.is_some() { model.action_logits(hidden, None)? } else { model.head(hidden)? })
    }
}

/// One item of a batch.
#[derive(Debug, Clone)]
pub(crate) struct BatchItem {
    /// Index of the item in the list from which the batch was made.
    pub(crate) index: usize,
    /// First row that was added to the batch for this item. If items share no rows, the first of the item's rows.
    pub(crate) first_row: usize,
    /// Rows of the prompt, in the order of its tokens.
    pub(crate) prompt_rows: Vec<Range<usize>>,
    /// Logit rows (as positions in [`Batch::logit_rows`]) at which the model's own prediction is read, ascending: the
    /// last row of the prompt, or its masks. Empty if the score does not read it.
    pub(crate) prediction_rows: Vec<usize>,
    /// For each candidate, the places of its tokens' log-probabilities: a position in [`Batch::logit_rows`] and a position
    /// among the scored tokens of that row.
    pub(crate) candidates: Vec<Vec<(usize, usize)>>,
}

/// Rules for packing items into batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packing {
    /// Number of rows at which a batch is full.
    pub(crate) target_rows: usize,
    /// Number of tokens beyond which an item gets a batch of its own, because the rotary frequencies of some models
    /// depend on the longest sequence of a forward pass.
    pub(crate) alone_beyond: Option<usize>,
    /// Whether a token attends only to earlier tokens, so that sequences with the same beginning can share rows.
    pub(crate) causal: bool,
}

/// Packs the items `indices`, sorted by their tokens so that items with the same prefix meet.
pub(crate) fn plan(encoded: &[EncodedItem], indices: &[usize], packing: Packing) -> Vec<Batch> {
    let mut order: Vec<usize> = indices.to_vec();
    sort_by_tokens(encoded, &mut order);
    pack(order.into_iter().map(|index| (index, &encoded[index])), packing, true)
}

/// Sorts items by the tokens of their prompts, so that items with the same prefix are neighbours.
pub(crate) fn sort_by_tokens(encoded: &[EncodedItem], indices: &mut [usize]) {
    indices.sort_by(|a, b| encoded[*a].prompt.cmp(&encoded[*b].prompt).then(a.cmp(b)));
}

/// Packs items in the order given so that no two items share a row: a gradient at a row then belongs to one item.
pub(crate) fn plan_unshared(items: &[EncodedItem], packing: Packing) -> Vec<Batch> {
    pack(items.iter().enumerate(), packing, false)
}

/// Packs items with their indices in the order given. `share`: whether items may share rows.
fn pack<'a>(items: impl Iterator<Item = (usize, &'a EncodedItem)>, packing: Packing, share: bool) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut tree = PrefixTree::new(packing.causal);
    let mut close = |tree: &mut PrefixTree| {
        batches.extend(std::mem::replace(tree, PrefixTree::new(packing.causal)).into_batch());
    };
    for (index, item) in items {
        let alone = packing.alone_beyond.is_some_and(|limit| item.longest() > limit);
        if alone || tree.len() >= packing.target_rows {
            close(&mut tree);
        }
        if !share {
            tree.forget_sequences();
        }
        tree.add(index, item);
        if alone {
            close(&mut tree);
        }
    }
    close(&mut tree);
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::encode::CandidateTokens;

    const PACKING: Packing = Packing { target_rows: 100, alone_beyond: None, causal: true };

    fn item(prompt: &[u32], candidates: &[&[u32]]) -> EncodedItem {
        let candidates: Vec<_> = candidates.iter().map(|c| CandidateTokens::after(prompt.to_vec(), c)).collect();
        EncodedItem {
            prompt: prompt.to_vec(),
            prediction_positions: vec![prompt.len() - 1],
            length_divisors: vec![1.0; candidates.len()],
            candidates,
            ..EncodedItem::default()
        }
    }

    #[test]
    fn shared_prefixes_are_computed_once() {
        let encoded =
            [item(&[1, 2, 3], &[&[7, 8], &[7, 9, 9]]), item(&[1, 2, 4], &[&[7]]), item(&[1, 2, 3], &[&[5, 6]])];
        let batches = plan(&encoded, &[0, 1, 2], PACKING);
        assert_eq!(batches.len(), 1);
        let batch = &batches[0];
        // Segments: 1 2 3 | 7 | 9 | 5 | 4
        assert_eq!(batch.rows.tokens, [1, 2, 3, 7, 9, 5, 4]);
        assert_eq!(batch.rows.positions, [0, 1, 2, 3, 4, 3, 2]);
        assert_eq!(batch.items.iter().map(|i| i.index).collect::<Vec<_>>(), [0, 2, 1]);
        assert_eq!(batch.items[2].prompt_rows, [0..2, 6..7]);
        assert_eq!(batch.logit_rows, [2, 3, 4, 5, 6]);
        assert_eq!(batch.scored_tokens, [vec![7, 5], vec![8, 9], vec![9], vec![6], vec![7]]);
    }

    #[test]
    fn without_causal_attention_only_equal_sequences_share_rows() {
        const MASK: u32 = 9;
        let masked = |inputs: &[u32], answer: &[u32]| {
            let masks = inputs.iter().enumerate().filter(|(_, t)| **t == MASK).map(|(i, _)| i);
            let scored_tokens = masks.zip(answer.iter().copied()).collect();
            CandidateTokens { inputs: inputs.to_vec(), scored_tokens }
        };
        let item = |candidates: Vec<CandidateTokens>| EncodedItem { candidates, ..EncodedItem::default() };
        let encoded = [
            item(vec![masked(&[1, 9, 2], &[5]), masked(&[1, 9, 9, 2], &[6, 7]), masked(&[1, 9, 2], &[4])]),
            item(vec![masked(&[1, 9, 2], &[5])]),
        ];
        let packing = Packing { causal: false, ..PACKING };
        let batch = plan(&encoded, &[0, 1], packing).remove(0);
        assert_eq!(batch.rows.tokens, [1, 9, 2, 1, 9, 9, 2]);
        assert_eq!((batch.rows.segments.len(), &batch.logit_rows), (2, &vec![1, 4, 5]));
        assert_eq!(batch.scored_tokens, [vec![5, 4], vec![6], vec![7]]);
        assert_eq!(batch.items[0].candidates, [vec![(0, 0)], vec![(1, 0), (2, 0)], vec![(0, 1)]]);
        assert_eq!(plan_unshared(&encoded, packing)[0].rows.segments.len(), 3);
    }

    #[test]
    fn long_sequences_get_batches_of_their_own() {
        let encoded = [item(&[1, 2, 3, 4], &[&[7]]), item(&[1, 2], &[&[7]]), item(&[1, 3], &[&[7]])];
        let batches = |limit| plan(&encoded, &[0, 1, 2], Packing { alone_beyond: Some(limit), ..PACKING });
        assert_eq!((batches(3).len(), batches(4).len()), (3, 1));
    }
}
