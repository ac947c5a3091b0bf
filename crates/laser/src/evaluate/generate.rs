//! Greedy continuations of a batch, a token of every text at a time, from the keys and values its pass left behind.
//!
//! Below an edited matrix the texts of its variants are computed once where they are the same ([`Below`]), and above
//! it once for each variant. The rows of the two are numbered apart.

mod below;
#[cfg(test)]
mod tests;

use super::batch::{Batch, BatchItem};
use crate::error::Result;
use crate::evaluate::scorer::{Base, Scorer};
use below::Below;
use laser_kernels::batch_layout::{BatchLayout, CacheRange, KvCache};
use laser_model::Model;
use laser_model::forward::{ForwardPass, RowScore, Start, most_likely};
use laser_model::weight_id::Stage;
use laser_task::score::Score;

/// A continuation under way.
struct Sequence {
    copy: usize,
    /// Index in the batch.
    item: usize,
    tokens: Vec<u32>,
    /// What the last token sees in the layers below the edited matrix.
    below: Vec<CacheRange>,
    /// What it sees from there on: in all layers, where no matrix is edited or the edits are part of the weights.
    above: Vec<CacheRange>,
    done: bool,
}

/// The prompt's rows as context of a continuation: the batch's pass is chunk 0.
pub(super) fn prompt_context(item: &BatchItem) -> Vec<CacheRange> {
    item.prompt.iter().map(|rows| CacheRange { chunk: 0, rows: rows.clone() }).collect()
}

/// Continuations `[copy][item]` after a pass that left its keys in `cache` as chunk 0. `base`: the states the pass
/// started from, and the stage from which the edit counts.
pub(super) fn generate(
    scorer: &Scorer<'_>,
    model: &Model,
    batch: &Batch,
    mut cache: KvCache,
    scores: &[RowScore],
    copies: usize,
    base: Option<(&Base, Stage)>,
) -> Result<Vec<Vec<Vec<u32>>>> {
    let kept = batch.keep.len();
    let mut sequences = Vec::with_capacity(copies * batch.items.len());
    for copy in 0..copies {
        for (i, item) in batch.items.iter().enumerate() {
            let (below, above) = (prompt_context(item), prompt_context(item));
            let mut sequence = Sequence { copy, item: i, tokens: Vec::new(), below, above, done: false };
            sequence.take(scorer, item.index, scores[copy * kept + item.asked[0]].summary.argmax)?;
            sequences.push(sequence);
        }
    }
    let mut below = base.map(|(base, stage)| Below::new(base, stage));
    loop {
        let mut open: Vec<&mut Sequence> = sequences.iter_mut().filter(|s| !s.done).collect();
        if open.is_empty() {
            break;
        }
        step(scorer, model, batch, &mut cache, &mut open, below.as_mut())?;
    }
    let mut texts = vec![vec![Vec::new(); batch.items.len()]; copies];
    for sequence in sequences {
        texts[sequence.copy][sequence.item] = sequence.tokens;
    }
    Ok(texts)
}

impl Sequence {
    /// Takes the model's next token.
    fn take(&mut self, scorer: &Scorer<'_>, index: usize, token: u32) -> Result<()> {
        if scorer.eos.contains(&token) {
            self.done = true;
        } else {
            self.tokens.push(token);
            self.done = scorer.is_complete(index, &self.tokens)?;
        }
        Ok(())
    }

    /// The token to run next.
    fn last(&self) -> u32 {
        *self.tokens.last().expect("a sequence that goes on has a token")
    }
}

/// Runs the last token of every open sequence, and takes the next.
fn step(
    scorer: &Scorer<'_>,
    model: &Model,
    batch: &Batch,
    cache: &mut KvCache,
    open: &mut [&mut Sequence],
    mut below: Option<&mut Below<'_>>,
) -> Result<()> {
    let start = match &mut below {
        Some(below) => below.run(model, open)?,
        None => Start::Tokens,
    };
    let chunk = cache.passes();
    let mut rows = BatchLayout::default();
    for sequence in open.iter() {
        rows.push(&[sequence.last()], sequence.copy, sequence.above.clone());
    }
    let (hidden, _) = ForwardPass::new(model, &rows, cache, below.is_some())?.run(start, None)?; // [open, d_model]
    for ((row, sequence), token) in open.iter_mut().enumerate().zip(most_likely(model, &hidden)?) {
        sequence.above.push(CacheRange { chunk, rows: row..row + 1 });
        sequence.take(scorer, batch.items[sequence.item].index, token)?;
    }
    Ok(())
}

/// Longest continuation a score asks for.
pub(crate) fn max_tokens(score: Score) -> usize {
    if let Score::Generate { max_tokens, .. } = score { max_tokens } else { 0 }
}
