//! Split summary: takes one model's outcomes on one split, gives accuracy and loss with their errors.

use serde::{Deserialize, Serialize};

use laser_statistics::{clustered_stderr, effective_items, mean, wilson_ci95};

/// One model on one split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitSummary {
    /// Items.
    pub n: usize,
    /// Share answered right.
    pub acc: f64,
    /// Standard error of `acc`, clustered by group; absent with fewer than two groups.
    pub acc_stderr: Option<f64>,
    /// Wilson's 95 % interval of `acc` at the effective number of items.
    pub acc_ci95: [f64; 2],
    /// Mean over the gold labels of the share of their items answered right; absent where the task is no
    /// classification.
    #[serde(default)]
    pub balanced_acc: Option<f64>,
    /// Mean over items of −log p(gold answer), nats.
    pub log_loss: f64,
    /// Mean over items of −log p(gold answer) / its tokens, nats per token: the paper's log-loss.
    pub log_loss_per_token: f64,
}

impl SplitSummary {
    /// Summarises outcomes, all `[items]`: right or wrong, summed log-probability of the gold
    /// answer (nats), its tokens, group ids; without a balanced accuracy. `None` when there are no items.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn of(right: &[bool], logprobs: &[f64], answer_tokens: &[usize], groups: &[u32]) -> Option<Self> {
        assert_eq!(right.len(), logprobs.len(), "one log-probability per item");
        assert_eq!(right.len(), answer_tokens.len(), "one token count per item");
        let hits: Vec<f64> = right.iter().map(|&right| f64::from(u8::from(right))).collect();
        let losses: Vec<f64> = logprobs.iter().map(|logprob| -logprob).collect();
        let per_token: Vec<f64> = losses.iter().zip(answer_tokens).map(|(loss, &n)| loss / n.max(1) as f64).collect();
        let acc = mean(&hits)?;
        Some(Self {
            n: right.len(),
            acc,
            acc_stderr: clustered_stderr(&hits, groups),
            acc_ci95: wilson_ci95(acc, effective_items(&hits, groups))?,
            balanced_acc: None,
            log_loss: mean(&losses)?,
            log_loss_per_token: mean(&per_token)?,
        })
    }
}
