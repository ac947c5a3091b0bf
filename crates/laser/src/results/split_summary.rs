//! Split summary: takes the outcomes of one model on one split, gives accuracy and log-loss with their uncertainty.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use laser_statistics::{Split, clustered_stderr, effective_items, mean, wilson_ci95};

/// Scores of one model on each split that it was evaluated on.
pub type SplitScores = BTreeMap<Split, SplitSummary>;

/// Scores of one model on one split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitSummary {
    /// Number of items.
    pub n: usize,
    /// How many answers are right; `None` for texts of which only the perplexity is measured. Its keys stand beside those
    /// of the summary.
    #[serde(flatten)]
    pub accuracy: Option<Accuracy>,
    /// Mean over items of −log p(gold answer), nats an item.
    pub log_loss: f64,
    /// Mean over items of −log p(gold answer) divided by the number of its tokens, nats a token: the paper's log-loss.
    pub log_loss_per_token: f64,
    /// Mean return of the levels; `None` unless the task is played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_return: Option<f64>,
    /// Mean number of moves in the levels; `None` unless the task is played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_moves: Option<f64>,
}

/// Share of right answers, with its uncertainty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Fraction of items answered right.
    pub acc: f64,
    /// Standard error of `acc`, clustered by group; `None` with fewer than two groups.
    pub acc_stderr: Option<f64>,
    /// Wilson's 95 % interval of `acc`, `[low, high]`, for the effective number of items: related items of one group
    /// count less than independent ones.
    pub acc_ci95: [f64; 2],
    /// Balanced accuracy: the fraction of items answered right among those of one label, averaged over labels. `None`
    /// unless the task is a classification.
    #[serde(default)]
    pub balanced_acc: Option<f64>,
}

impl Accuracy {
    /// Summarises answers; `right` and `groups` are `[items]`. The balanced accuracy is left empty. `None` without items.
    pub fn of(right: &[bool], groups: &[u32]) -> Option<Self> {
        let hits: Vec<f64> = right.iter().map(|&right| f64::from(u8::from(right))).collect();
        let acc = mean(&hits)?;
        Some(Self {
            acc,
            acc_stderr: clustered_stderr(&hits, groups),
            acc_ci95: wilson_ci95(acc, effective_items(&hits, groups))?,
            balanced_acc: None,
        })
    }
}

impl SplitSummary {
    /// Summarises outcomes; all slices are `[items]`. `right` says of each answer if it is right, and is `None` for texts
    /// without answers; `logprobs` is the log-probability of the gold answer summed over its tokens (nats),
    /// `answer_tokens` their number, and `groups` the group of the item. Balanced accuracy, return and moves are left
    /// empty. `None` without items.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn of(right: Option<&[bool]>, logprobs: &[f64], answer_tokens: &[usize], groups: &[u32]) -> Option<Self> {
        assert!(right.is_none_or(|right| right.len() == logprobs.len()), "one log-probability per item");
        assert_eq!(answer_tokens.len(), logprobs.len(), "one token count per item");
        let losses: Vec<f64> = logprobs.iter().map(|logprob| -logprob).collect();
        // An empty answer has log-probability 0; dividing by 1 token keeps its loss at 0 instead of NaN.
        let per_token: Vec<f64> = losses.iter().zip(answer_tokens).map(|(loss, &n)| loss / n.max(1) as f64).collect();
        Some(Self {
            n: logprobs.len(),
            accuracy: right.and_then(|right| Accuracy::of(right, groups)),
            log_loss: mean(&losses)?,
            log_loss_per_token: mean(&per_token)?,
            mean_return: None,
            mean_moves: None,
        })
    }

    /// Fraction of items answered right; `None` for texts without answers.
    pub fn acc(&self) -> Option<f64> {
        self.accuracy.as_ref().map(|accuracy| accuracy.acc)
    }
}
