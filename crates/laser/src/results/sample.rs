//! Sample: one line of a search's `samples.jsonl`, and the `laser` block of a line of an evaluation's
//! `samples_TASK.jsonl`.

use serde::{Deserialize, Serialize};

use laser_statistics::Split;

/// One item and the outcome of one model at it. Keys that lm-evaluation-harness has too are named as there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// Name of the task; `None` if there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Identifier of the item in its task, by which counts of a corpus are joined; `None` in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Position of the item in its task, counted from 0. The windows of one text share the position of that text.
    pub doc_id: usize,
    /// The prompt.
    pub prompt: String,
    /// The gold answer.
    pub target: String,
    /// Other answers that count as right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// 1 if the model is right, 0 if it is wrong; `None` for a text of which only the perplexity is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acc: Option<u8>,
    /// Log-probability of the gold answer, summed over its tokens, nats.
    pub logprob: f64,
    /// Under the score `top1`, the place (from 1) of the first of the ten most likely tokens that begins an accepted
    /// answer; `None` if there is none, under other scores, and in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// Number of tokens of the gold answer.
    pub answer_tokens: usize,
    /// Text of the most probable next token, of the continuation, or of the chosen choice, depending on the score.
    pub prediction: String,
    /// Text that greedy decoding gives after the prompt, if the score generates none; only of items that the report shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuation: Option<String>,
    /// Answer of the model whose edited matrices keep only what the edit removes; of flipped items, beside the winner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<String>,
    /// Sum of the rewards of a level that was played.
    #[serde(default, rename = "return", skip_serializing_if = "Option::is_none")]
    pub total_return: Option<f64>,
    /// Number of moves made in a level that was played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moves: Option<usize>,
    /// Split of the item.
    pub split: Split,
    /// Group of the item, which is resampled as a whole. If there are several tasks, it begins with the task's name.
    pub group: String,
}

impl SampleRecord {
    /// True if the model's answer is right.
    pub fn is_right(&self) -> bool {
        self.acc == Some(1)
    }
}
