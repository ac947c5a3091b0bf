//! The loss of each item, and the gradient of the summed loss at the last block's output.

use candle_core::{Device, Tensor, Var};

use super::item_rows::item_logit_rows;
use super::logits::{LogProbGradient, LogitRows};
use crate::error::{Error, Result};
use crate::evaluate::batch::{Batch, BatchItem};
use crate::evaluate::encode::EncodedItem;
use laser_kernels::differentiable::Gradients;
use laser_kernels::with_values;
use laser_model::Model;
use laser_task::score::Score;

/// The function of an item that is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// `−log p(gold answer)`, summed over its tokens, nats.
    LogLoss,
    /// Minus the margin, nats. Choices: the best other choice's log-probability minus the gold choice's, each divided by
    /// its length if the score does so. Other answers: minus the smallest `log p(token) − log p(best other token)` over
    /// the answer's tokens.
    Margin,
}

impl Loss {
    /// The part of an item that the loss needs: all candidates, or only the gold answer.
    pub(super) fn required_part(self, item: &EncodedItem, score: Score) -> EncodedItem {
        if self == Self::Margin && matches!(score, Score::Choice { .. }) {
            return item.clone();
        }
        EncodedItem {
            candidates: vec![item.candidates[item.gold].clone()],
            length_divisors: vec![item.length_divisors[item.gold]],
            gold: 0,
            ..item.clone()
        }
    }
}

/// The items whose losses are differentiated, in batches in which no two items share a row.
pub(crate) struct LossItems {
    /// The parts of the items that the loss needs. Batches contain indices into this list.
    pub(super) encoded: Vec<EncodedItem>,
    pub(crate) batches: Vec<Batch>,
    /// The score of each item.
    pub(super) scores: Vec<Score>,
    pub(crate) loss: Loss,
}

/// Logit rows that go through the output head at once, unless one item has more. Bounds the memory of its gradient.
const HEAD_ROWS: usize = 64;

/// Computes the losses of a batch's items from `hidden [logit rows, d_model]`, the last block's output, and the gradient
/// of their sum there, of the same shape.
pub(super) fn losses_and_gradient(
    model: &Model,
    items: &LossItems,
    batch: &Batch,
    hidden: &Tensor,
) -> Result<(Vec<f64>, Tensor)> {
    let rows = item_logit_rows(batch);
    let (mut losses, mut gradients) = (Vec::with_capacity(rows.len()), Vec::new());
    let mut first = 0;
    while first < rows.len() {
        let start = rows[first].start;
        // Whole items only, because a loss may compare several rows of its item.
        let last = (first..rows.len()).take_while(|i| *i == first || rows[*i].end - start <= HEAD_ROWS).last();
        let last = last.unwrap_or(first);
        let x = Var::from_tensor(&hidden.narrow(0, start, rows[last].end - start)?.contiguous()?)?; // [rows, d_model]
        let logits = batch.head(model, &x)?; // [rows, vocab]
        let host = logits.detach().to_device(&Device::Cpu)?;
        let (found, gradient) = with_values(&host, |values| {
            let logits = LogitRows::new(values, host.dims()[0], start);
            let mut gradient = vec![0f32; values.len()];
            let differentiate = |item: &BatchItem| {
                let (loss, parts) = items.differentiate(item, &logits);
                logits.add_gradient(&parts, &mut gradient);
                let place = || format!("item {} of a differentiation", item.index);
                loss.is_finite().then_some(loss).ok_or_else(|| Error::NotFinite { what: "loss".into(), place: place() })
            };
            let found: Result<Vec<f64>> = batch.items[first..=last].iter().map(differentiate).collect();
            (found, gradient)
        })?;
        losses.extend(found?);
        let gradient = Tensor::from_vec(gradient, host.dims(), &Device::Cpu)?.to_device(hidden.device())?;
        gradients.push(Gradients::backpropagate(&logits, &gradient)?.of(&x)?);
        first = last + 1;
    }
    Ok((losses, Tensor::cat(&gradients, 0)?))
}

impl LossItems {
    /// Computes the loss of an item, and its derivatives with respect to log-probabilities.
    fn differentiate(&self, item: &BatchItem, logits: &LogitRows<'_>) -> (f64, Vec<LogProbGradient>) {
        let encoded = &self.encoded[item.index];
        let gold = encoded.gold;
        // Logit row and token of each scored token of a candidate.
        let scored_tokens = |c: usize| {
            let rows = item.candidates[c].iter().zip(&encoded.candidates[c].scored_tokens);
            rows.map(|((row, _), (_, token))| (*row, *token))
        };
        let logprob = |c: usize| scored_tokens(c).map(|(row, token)| logits.logprob(row, token)).sum::<f64>();
        let weighted =
            |c: usize, weight: f64| scored_tokens(c).map(move |(row, token)| LogProbGradient { row, token, weight });
        match (self.loss, self.scores[item.index]) {
            (Loss::LogLoss, _) => (-logprob(gold), weighted(gold, -1.0).collect()),
            (Loss::Margin, Score::Choice { .. }) => {
                let unit = |c: usize| 1.0 / encoded.length_divisors[c];
                let scores: Vec<f64> = (0..encoded.candidates.len()).map(|c| unit(c) * logprob(c)).collect();
                let rivals = (0..scores.len()).filter(|c| *c != gold);
                let rival = rivals.max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
                let rival_parts = rival.into_iter().flat_map(|c| weighted(c, unit(c)));
                let parts = weighted(gold, -unit(gold)).chain(rival_parts).collect();
                (rival.map_or(0.0, |c| scores[c]) - scores[gold], parts)
            }
            (Loss::Margin, _) => {
                let behind = |(row, token): (usize, u32)| {
                    let other = logits.best_other(row, token);
                    let parts = vec![
                        LogProbGradient { row, token, weight: -1.0 },
                        LogProbGradient { row, token: other, weight: 1.0 },
                    ];
                    (logits.logit(row, other) - logits.logit(row, token), parts)
                };
                // Only the token with the smallest margin counts.
                scored_tokens(gold).map(behind).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default()
            }
        }
    }
}
