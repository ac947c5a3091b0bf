//! Greedy continuations of a batch, from the keys and values its pass left behind.
//!
//! Where the unedited model's continuation is known, an edited one is first checked against it in a single pass
//! (most edits change few texts); tokens are decoded one at a time only after the two part.

use super::Score;
use super::batch::{Batch, BatchItem};
use super::trial::{Base, Scorer};
use crate::error::Result;
use crate::forward::rows::{KvCache, KvChunk, Rows, Span};
use crate::forward::{Pass, RowScore, Start, gather, score_rows};
use crate::model::Model;
use crate::weight::WeightKind;

/// A continuation under way.
struct Sequence {
    copy: usize,
    /// Index in the batch.
    item: usize,
    tokens: Vec<u32>,
    /// Keys of the tokens already run, after the prompt's.
    context: Vec<Span>,
    done: bool,
}

/// The prompt's rows as context of a continuation: the batch's pass is chunk 0.
pub(super) fn prompt_context(item: &BatchItem) -> Vec<Span> {
    item.prompt.iter().map(|rows| Span { chunk: 0, rows: rows.clone() }).collect()
}

/// Continuations `[copy][item]` after a pass that left its keys in `cache` as chunk 0.
pub(super) fn generate(
    scorer: &Scorer<'_>,
    model: &Model,
    batch: &Batch,
    mut cache: KvCache,
    scores: &[RowScore],
    copies: usize,
    base: Option<(&Base, WeightKind)>,
) -> Result<Vec<Vec<Vec<u32>>>> {
    let kept = batch.keep.len();
    let mut sequences = Vec::with_capacity(copies * batch.items.len());
    for copy in 0..copies {
        for (i, item) in batch.items.iter().enumerate() {
            let first = scores[copy * kept + item.last].summary.argmax;
            let mut sequence = Sequence { copy, item: i, tokens: Vec::new(), context: Vec::new(), done: false };
            sequence.take(scorer, item.index, first)?;
            sequences.push(sequence);
        }
    }
    if let Some((base, kind)) = base {
        verify(scorer, model, batch, &mut cache, &mut sequences, (base, kind))?;
    }
    while sequences.iter().any(|s| !s.done) {
        step(scorer, model, batch, &mut cache, &mut sequences, base.is_some())?;
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
}

/// Runs the unedited continuations of the sequences that begin like them, and takes them over as far as they agree.
fn verify(
    scorer: &Scorer<'_>,
    model: &Model,
    batch: &Batch,
    cache: &mut KvCache,
    sequences: &mut [Sequence],
    (base, kind): (&Base, WeightKind),
) -> Result<()> {
    let mut rows = Rows::default();
    let mut source = Vec::new(); // row of the base's continuations for each row here
    let mut checked = Vec::new();
    for (i, sequence) in sequences.iter().enumerate() {
        let known = &base.continuations[sequence.item];
        let span = base.spans[sequence.item].clone();
        if sequence.done || span.is_empty() || sequence.tokens[0] != known[0] {
            continue;
        }
        checked.push((i, rows.len()..rows.len() + span.len()));
        rows.push(&known[..span.len()], sequence.copy, prompt_context(&batch.items[sequence.item]));
        source.extend(span);
    }
    if checked.is_empty() {
        return Ok(());
    }
    for layer in 0..base.first_attention(kind) {
        let KvChunk { k, v, .. } = &base.cache.layers[layer][1];
        let pick = |x: &candle_core::Tensor| gather(x.clone(), Some(&source), 1, 0);
        cache.layers[layer].push(KvChunk { k: pick(k)?, v: pick(v)?, stride: 0 });
    }
    let start = base.start(kind, 1, Some(&source))?;
    let (hidden, _) = Pass::new(model, &rows, cache, true)?.run(start, None)?;
    let scores = score_rows(model, &hidden, |_| &[])?;
    for (i, span) in checked {
        let sequence = &mut sequences[i];
        let item = &batch.items[sequence.item];
        let known = &base.continuations[sequence.item];
        for (j, row) in span.clone().enumerate() {
            let next = scores[row].summary.argmax;
            sequence.take(scorer, item.index, next)?;
            if sequence.done || known.get(j + 1) != Some(&next) {
                sequence.context.push(Span { chunk: 1, rows: span.start..row + 1 });
                break;
            }
        }
    }
    Ok(())
}

/// Runs the last token of every sequence that is not done, and takes the next.
fn step(
    scorer: &Scorer<'_>,
    model: &Model,
    batch: &Batch,
    cache: &mut KvCache,
    sequences: &mut [Sequence],
    assigned: bool,
) -> Result<()> {
    let chunk = cache.layers[0].len();
    let mut rows = Rows::default();
    for sequence in sequences.iter().filter(|s| !s.done) {
        let mut context = prompt_context(&batch.items[sequence.item]);
        context.extend(sequence.context.iter().cloned());
        let last = sequence.tokens.last().expect("a sequence that goes on has a token");
        rows.push(&[*last], sequence.copy, context);
    }
    let (hidden, _) = Pass::new(model, &rows, cache, assigned)?.run(Start::Tokens, None)?;
    let scores = score_rows(model, &hidden, |_| &[])?;
    for (row, sequence) in sequences.iter_mut().filter(|s| !s.done).enumerate() {
        sequence.context.push(Span { chunk, rows: row..row + 1 });
        sequence.take(scorer, batch.items[sequence.item].index, scores[row].summary.argmax)?;
    }
    Ok(())
}

/// Longest continuation a score asks for.
pub(crate) fn max_tokens(score: Score) -> usize {
    if let Score::Generate { max_tokens, .. } = score { max_tokens } else { 0 }
}
