//! The loss of an item, and its gradient at the last block's output.

use std::ops::Range;

use candle_core::{Device, Tensor, Var};

use crate::error::{Error, Result};
use crate::evaluate::batch::{Batch, BatchItem};
use crate::evaluate::encode::Encoded;
use laser_kernels::softmax::{RowSummary, summarise};
use laser_kernels::{exp, with_values};
use laser_model::Model;
use laser_task::score::Score;

/// What is differentiated, a number an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// `−log p(gold answer)`, summed over its tokens, nats.
    LogLoss,
    /// Minus the margin, nats: by how much the gold answer is ahead. Of choices, its log-likelihood minus the best
    /// rival's (each divided by its bytes where the score does so); otherwise the smallest, over the answer's tokens,
    /// of `log p(token) − log p(best other token)`.
    Margin,
}

impl Loss {
    /// The part of an item whose rows the loss needs.
    pub(super) fn needed(self, item: &Encoded, score: Score) -> Encoded {
        if self == Self::Margin && matches!(score, Score::Choice { .. }) {
            return item.clone();
        }
        Encoded {
            candidates: vec![item.candidates[item.gold].clone()],
            lengths: vec![item.lengths[item.gold]],
            gold: 0,
            ..item.clone()
        }
    }
}

/// What is differentiated: items in batches that share no row between two of them.
pub(super) struct Items {
    /// The parts of the items that the loss needs; a batch names an item by its place here.
    pub(super) encoded: Vec<Encoded>,
    pub(super) batches: Vec<Batch>,
    /// The score of each item.
    pub(super) scores: Vec<Score>,
    pub(super) loss: Loss,
}

/// Logit rows of one step through the head: bounds the buffers of its differentiation.
const HEAD_ROWS: usize = 64;

/// The losses of a batch's items at `hidden [kept, d_model]`, and the gradient of their sum there.
pub(super) fn losses_and_gradient(
    model: &Model,
    items: &Items,
    batch: &Batch,
    hidden: &Tensor,
) -> Result<(Vec<f64>, Tensor)> {
    let rows = kept_spans(batch);
    let (mut losses, mut gradients) = (Vec::with_capacity(rows.len()), Vec::new());
    let mut first = 0;
    while first < rows.len() {
        let start = rows[first].start;
        // Whole items, since a loss may compare its rows.
        let last = (first..rows.len()).take_while(|i| *i == first || rows[*i].end - start <= HEAD_ROWS).last();
        let last = last.unwrap_or(first);
        let x = Var::from_tensor(&hidden.narrow(0, start, rows[last].end - start)?.contiguous()?)?;
        let logits = model.head(&x)?; // [rows, vocab]
        let host = logits.detach().to_device(&Device::Cpu)?;
        let (found, gradient) = with_values(&host, |values| {
            let logits = Logits::new(values, host.dims()[0], start);
            let mut gradient = vec![0f32; values.len()];
            let one = |item: &BatchItem| {
                let (loss, pulls) = items.differentiate(item, &logits);
                logits.pull(&pulls, &mut gradient);
                let place = || format!("item {} of a differentiation", item.index);
                loss.is_finite().then_some(loss).ok_or_else(|| Error::NotFinite { what: "loss".into(), place: place() })
            };
            let found: Result<Vec<f64>> = batch.items[first..=last].iter().map(one).collect();
            (found, gradient)
        })?;
        losses.extend(found?);
        let gradient = Tensor::from_vec(gradient, host.dims(), &Device::Cpu)?.to_device(hidden.device())?;
        gradients.push(super::backward::pull_back(&logits, &gradient)?.of(&x)?);
        first = last + 1;
    }
    Ok((losses, Tensor::cat(&gradients, 0)?))
}

/// Which of the kept rows are each item's, where no row is shared.
pub(super) fn kept_spans(batch: &Batch) -> Vec<Range<usize>> {
    let first = |item: &BatchItem| batch.keep.partition_point(|row| *row < item.first);
    let ends = batch.items.iter().skip(1).map(first).chain([batch.keep.len()]);
    batch.items.iter().zip(ends).map(|(item, end)| first(item)..end).collect()
}

/// The loss rises with `log p(token)` at a row, `weight` nats a nat.
struct Pull {
    row: usize,
    token: u32,
    weight: f64,
}

/// Logits of consecutive kept rows.
struct Logits<'a> {
    values: &'a [f32],
    vocab: usize,
    /// Kept row of the first.
    start: usize,
    summaries: Vec<RowSummary>,
}

impl<'a> Logits<'a> {
    fn new(values: &'a [f32], rows: usize, start: usize) -> Self {
        let vocab = values.len() / rows.max(1);
        Self { values, vocab, start, summaries: values.chunks_exact(vocab.max(1)).map(summarise).collect() }
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.values[(row - self.start) * self.vocab..][..self.vocab]
    }

    fn logprob(&self, row: usize, token: u32) -> f64 {
        f64::from(self.row(row)[token as usize]) - self.summaries[row - self.start].log_partition
    }

    /// The most likely token other than `token`.
    fn best_other(&self, row: usize, token: u32) -> u32 {
        let mut best = None;
        for (other, logit) in (0u32..).zip(self.row(row)) {
            if other != token && best.is_none_or(|(_, most)| *logit > most) {
                best = Some((other, *logit));
            }
        }
        best.map_or(token, |(other, _)| other)
    }

    /// Adds the pulls' gradient: `weight·(onehot − softmax)` in their rows.
    fn pull(&self, pulls: &[Pull], gradient: &mut [f32]) {
        let mut totals: Vec<(usize, f64)> = Vec::new();
        for pull in pulls {
            gradient[(pull.row - self.start) * self.vocab + pull.token as usize] += pull.weight as f32;
            match totals.iter_mut().find(|(row, _)| *row == pull.row) {
                Some((_, total)) => *total += pull.weight,
                None => totals.push((pull.row, pull.weight)),
            }
        }
        for (row, total) in totals.into_iter().filter(|(_, total)| *total != 0.0) {
            let partition = self.summaries[row - self.start].log_partition;
            let gradient = &mut gradient[(row - self.start) * self.vocab..][..self.vocab];
            for (g, logit) in gradient.iter_mut().zip(self.row(row)) {
                *g -= total as f32 * exp((f64::from(*logit) - partition) as f32);
            }
        }
    }
}

impl Items {
    /// An item's loss, and what it pulls at.
    fn differentiate(&self, item: &BatchItem, logits: &Logits<'_>) -> (f64, Vec<Pull>) {
        let encoded = &self.encoded[item.index];
        let gold = encoded.gold;
        let probes = |c: usize| {
            let rows = item.candidates[c].iter().zip(&encoded.candidates[c].probes);
            rows.map(|((row, _), (_, token))| (*row, *token))
        };
        let likelihood = |c: usize| probes(c).map(|(row, token)| logits.logprob(row, token)).sum::<f64>();
        let all = |c: usize, weight: f64| probes(c).map(move |(row, token)| Pull { row, token, weight });
        match (self.loss, self.scores[item.index]) {
            (Loss::LogLoss, _) => (-likelihood(gold), all(gold, -1.0).collect()),
            (Loss::Margin, Score::Choice { .. }) => {
                let unit = |c: usize| 1.0 / encoded.lengths[c];
                let scores: Vec<f64> = (0..encoded.candidates.len()).map(|c| unit(c) * likelihood(c)).collect();
                let rivals = (0..scores.len()).filter(|c| *c != gold);
                let rival = rivals.max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
                let pulls = all(gold, -unit(gold)).chain(rival.into_iter().flat_map(|c| all(c, unit(c))));
                (rival.map_or(0.0, |c| scores[c]) - scores[gold], pulls.collect())
            }
            (Loss::Margin, _) => {
                let behind = |(row, token): (usize, u32)| {
                    let other = logits.best_other(row, token);
                    let logit = |token: u32| f64::from(logits.row(row)[token as usize]);
                    let pulls = vec![Pull { row, token, weight: -1.0 }, Pull { row, token: other, weight: 1.0 }];
                    (logit(other) - logit(token), pulls)
                };
                probes(gold).map(behind).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default()
            }
        }
    }
}
