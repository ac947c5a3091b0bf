//! Greedy continuations of a batch, decoded one token at a time for all items and variants, from the keys and values of
//! the batch's forward pass.
//!
//! In the layers below an edited matrix, variants with equal tokens share one row ([`SharedLayers`]); from the matrix on,
//! each variant has its own. The KV caches of the two halves number their chunks separately.

mod shared_layers;
#[cfg(test)]
mod tests;

use super::base_states::{BaseStates, prompt_context};
use super::batch::Batch;
use super::scorer::Scorer;
use crate::error::Result;
use laser_kernels::batch_layout::{BatchLayout, CacheRange};
use laser_kernels::kv_cache::KvCache;
use laser_model::Model;
use laser_model::forward::{ForwardPass, PassStart, RowScore, most_likely};
use laser_model::weight_id::BlockEntry;
use shared_layers::SharedLayers;

/// A continuation that is being generated.
struct Sequence {
    /// Index of the variant.
    variant: usize,
    /// Index of the item in the batch.
    item: usize,
    tokens: Vec<u32>,
    /// Context of the last token in the layers below the edited matrix.
    context_below: Vec<CacheRange>,
    /// Context of the last token from the edited matrix on; in all layers if the pass does not start from states of the
    /// unedited model.
    context_above: Vec<CacheRange>,
    done: bool,
}

/// Generates the continuations `[variant][item]` after a forward pass over the batch.
///
/// `cache`: keys and values of that pass, as chunk 0. `scores`: its row scores, all variants one after another. `base`: the
/// states it started from, and the point in the block where it entered.
pub(super) fn generate(
    scorer: &Scorer<'_>,
    model: &Model,
    batch: &Batch,
    mut cache: KvCache,
    scores: &[RowScore],
    variants: usize,
    base: Option<(&BaseStates, BlockEntry)>,
) -> Result<Vec<Vec<Vec<u32>>>> {
    let n_rows = batch.logit_rows.len();
    let mut sequences = Vec::with_capacity(variants * batch.items.len());
    for variant in 0..variants {
        for (i, item) in batch.items.iter().enumerate() {
            let (context_below, context_above) = (prompt_context(item), prompt_context(item));
            let mut sequence =
                Sequence { variant, item: i, tokens: Vec::new(), context_below, context_above, done: false };
            sequence.append(scorer, item.index, scores[variant * n_rows + item.prediction_rows[0]].summary.argmax)?;
            sequences.push(sequence);
        }
    }
    let mut shared = base.map(|(base, stage)| SharedLayers::new(base, stage));
    loop {
        let mut open: Vec<&mut Sequence> = sequences.iter_mut().filter(|s| !s.done).collect();
        if open.is_empty() {
            break;
        }
        step(scorer, model, batch, &mut cache, &mut open, shared.as_mut())?;
    }
    let mut continuations = vec![vec![Vec::new(); batch.items.len()]; variants];
    for sequence in sequences {
        continuations[sequence.variant][sequence.item] = sequence.tokens;
    }
    Ok(continuations)
}

impl Sequence {
    /// Appends the next token, or ends the continuation. `index`: index of the item in the evaluation.
    fn append(&mut self, scorer: &Scorer<'_>, index: usize, token: u32) -> Result<()> {
        if scorer.eos.contains(&token) {
            self.done = true;
        } else {
            self.tokens.push(token);
            self.done = scorer.is_complete(index, &self.tokens)?;
        }
        Ok(())
    }

    /// The last token, which is the input of the next step.
    fn last(&self) -> u32 {
        *self.tokens.last().expect("an open sequence has a token because a sequence that ends at once is closed")
    }
}

/// Runs the last token of every open sequence, and appends the most likely next token.
fn step(
    scorer: &Scorer<'_>,
    model: &Model,
    batch: &Batch,
    cache: &mut KvCache,
    open: &mut [&mut Sequence],
    mut shared: Option<&mut SharedLayers<'_>>,
) -> Result<()> {
    let start = match &mut shared {
        Some(shared) => shared.run(model, open)?,
        None => PassStart::Tokens,
    };
    let chunk = cache.passes();
    let mut rows = BatchLayout::default();
    for sequence in open.iter() {
        rows.push(&[sequence.last()], sequence.variant, sequence.context_above.clone());
    }
    let (hidden, _) = ForwardPass::new(model, &rows, cache, shared.is_some())?.run(start, None)?; // [open, d_model]
    for ((row, sequence), token) in open.iter_mut().enumerate().zip(most_likely(model, &hidden)?) {
        sequence.context_above.push(CacheRange { chunk, rows: row..row + 1 });
        sequence.append(scorer, batch.items[sequence.item].index, token)?;
    }
    Ok(())
}
