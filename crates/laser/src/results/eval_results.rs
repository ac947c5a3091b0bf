//! Evaluation results: the `laser` block of an evaluation's `results.json`.

use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::split_summary::SplitScores;
use crate::price::Price;
use laser_statistics::{ConstantAnswer, FrequentAnswer};

/// Results of an evaluation: the scores of one model, edited or not, on one or more tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalResults {
    /// The evaluated edit in short form (`L27.fc_in@0.01`); `None` for the unedited model.
    pub edit: Option<String>,
    /// Scores on each split, over the items of all tasks.
    pub scores: SplitScores,
    /// Scores of each task; empty if there is only one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskScores>,
    /// The most frequent gold answer and the fraction of items that have it.
    pub majority: Option<FrequentAnswer>,
    /// Scores of always giving the same answer, one entry for each label, the best first; empty unless the only task is
    /// a classification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<ConstantAnswer>,
    /// Price of the edit; `None` for the unedited model, and if it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// How to repeat the run.
    pub manifest: Manifest,
    /// Compatibility options in use and warnings, one sentence each.
    pub notes: Vec<String>,
}

/// Scores of one task of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskScores {
    /// Name of the task.
    pub task: String,
    /// Its score, as text: `choice`, `top1`, `generate`, ….
    pub score: String,
    /// Scores on each split.
    pub scores: SplitScores,
    /// Scores of always giving the same answer, one entry for each label, the best first; empty unless the task is a
    /// classification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<ConstantAnswer>,
}
