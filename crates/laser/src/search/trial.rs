//! Trials: an edit with its outcomes on the items of a split, stored as columns.

use crate::edit::Edit;
use crate::evaluate::outcome::Outcome;
use laser_statistics::Split;
use serde::{Deserialize, Serialize};

/// An edit with its outcomes on a split.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The edit; empty for the unedited model.
    pub edit: Edit,
    /// Number of singular components kept; `None` for an edit of several matrices and for a reduction without a rank.
    pub rank: Option<usize>,
    /// Split whose items were scored.
    pub split: Split,
    /// Outcomes of the items scored, in the split's item order; a candidate that a race dropped has fewer of them.
    pub outcomes: Outcomes,
}

/// Outcomes of one edit on a list of items, as columns with one entry an item.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Whether the item was right.
    pub correct: Vec<bool>,
    /// Log-probability of the gold answer, nats.
    pub logprobs: Vec<f64>,
    /// Lead of the gold answer over its best rival ([`Outcome::margin`]), nats.
    pub margins: Vec<f64>,
    /// Whether a tie decided the item.
    pub ties: Vec<bool>,
    /// True where the answer is among the ten most likely tokens; false for all unless ranks were computed ([`Outcome::rank`]).
    pub in_top10: Vec<bool>,
}

impl Outcomes {
    /// Collects the outcomes of single items, in their order.
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Self {
        let mut all = Self::default();
        for outcome in outcomes {
            all.correct.push(outcome.correct);
            all.logprobs.push(outcome.logprob);
            all.margins.push(outcome.margin);
            all.ties.push(outcome.tied);
            all.in_top10.push(outcome.rank.is_some());
        }
        all
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.correct.len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.correct.is_empty()
    }

    /// Outcomes of the items at `positions`, in that order.
    pub(crate) fn select(&self, positions: &[usize]) -> Self {
        Self {
            correct: positions.iter().map(|i| self.correct[*i]).collect(),
            logprobs: positions.iter().map(|i| self.logprobs[*i]).collect(),
            margins: positions.iter().map(|i| self.margins[*i]).collect(),
            ties: positions.iter().map(|i| self.ties[*i]).collect(),
            in_top10: positions.iter().map(|i| self.in_top10[*i]).collect(),
        }
    }

    /// Outcomes of the first `n` items.
    pub(crate) fn first(&self, n: usize) -> Self {
        Self {
            correct: self.correct[..n].to_vec(),
            logprobs: self.logprobs[..n].to_vec(),
            margins: self.margins[..n].to_vec(),
            ties: self.ties[..n].to_vec(),
            in_top10: self.in_top10[..n].to_vec(),
        }
    }

    /// Appends the outcomes of the items that follow.
    pub fn append(&mut self, more: &Self) {
        self.correct.extend(&more.correct);
        self.logprobs.extend(&more.logprobs);
        self.margins.extend(&more.margins);
        self.ties.extend(&more.ties);
        self.in_top10.extend(&more.in_top10);
    }

    /// Fraction of items that are right; 0 without items.
    pub fn accuracy(&self) -> f64 {
        self.correct.iter().filter(|c| **c).count() as f64 / self.len().max(1) as f64
    }

    /// Fraction of items whose answer is among the ten most likely tokens; 0 without items and without ranks.
    pub fn top10(&self) -> f64 {
        self.in_top10.iter().filter(|is_in| **is_in).count() as f64 / self.len().max(1) as f64
    }

    /// Mean of −log-probability of the gold answers, nats an item; 0 without items.
    pub fn log_loss(&self) -> f64 {
        -self.logprobs.iter().sum::<f64>() / self.len().max(1) as f64
    }
}
