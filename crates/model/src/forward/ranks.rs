//! The output head: takes hidden states of the last block, gives the places of wanted tokens among all tokens of each row.

use candle_core::Tensor;

use super::scores::each_row;
use crate::error::Result;
use crate::model::Model;
use laser_kernels::logits::{LogitsSummary, summarise};

/// Log-probabilities and places of some tokens after one row.
#[derive(Debug, Clone)]
pub struct RowRanks {
    /// Most likely token and log-partition function.
    pub summary: LogitsSummary,
    /// Log-probabilities of the wanted tokens, nats.
    pub logprobs: Vec<f64>,
    /// Places of the wanted tokens among all tokens, from 1 for the most likely; the lower id first among equals.
    pub ranks: Vec<usize>,
}

/// Applies the output head to `hidden [n, d_model]`, and finds the places of the wanted tokens of each row: `n` results.
///
/// # Errors
/// As [`score_rows`](super::score_rows).
pub fn rank_rows<'t>(
    model: &Model,
    hidden: &Tensor,
    wanted: impl Fn(usize) -> &'t [u32] + Sync,
) -> Result<Vec<RowRanks>> {
    each_row(model, hidden, |row, logits| {
        let summary = summarise(logits);
        let tokens = wanted(row);
        let logprobs = tokens.iter().map(|t| f64::from(logits[*t as usize]) - summary.log_partition).collect();
        let ranks = tokens.iter().map(|t| rank(logits, *t)).collect();
        summary.log_partition.is_finite().then_some(RowRanks { summary, logprobs, ranks })
    })
}

/// Place of a token, from 1.
fn rank(logits: &[f32], token: u32) -> usize {
    let (before, rest) = logits.split_at(token as usize);
    let own = rest[0];
    1 + before.iter().filter(|logit| **logit >= own).count() + rest.iter().filter(|logit| **logit > own).count()
}

#[cfg(test)]
mod tests {
    #[test]
    fn places_follow_the_logits_and_equals_the_ids() {
        let logits = [0.5, 3.0, -1.0, 3.0, 2.0, 0.5];
        let ranks: Vec<usize> = (0..6).map(|token| super::rank(&logits, token)).collect();
        assert_eq!(ranks, [4, 1, 6, 2, 3, 5]);
    }
}
