//! Samples: one line of a search's `samples.jsonl`, and the `laser` block of an evaluation's `samples_TASK.jsonl`.

use serde::{Deserialize, Serialize};

use laser_statistics::Split;

/// One item and how a model did on it; key names are lm-evaluation-harness' where it has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// The task, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Position in the task, from 0.
    pub doc_id: usize,
    /// What the model read.
    pub prompt: String,
    /// The gold answer.
    pub target: String,
    /// 1 if right, 0 if wrong.
    pub acc: u8,
    /// Summed log-probability of the gold answer's tokens, nats.
    pub logprob: f64,
    /// Tokens of the gold answer.
    pub answer_tokens: usize,
    /// Text of the most probable next token, the continuation, or the chosen answer.
    pub prediction: String,
    /// The split the item belongs to.
    pub split: Split,
    /// The group that keeps it together with its paraphrases; with the task's name where there are several.
    pub group: String,
}
