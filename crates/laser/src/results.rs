//! Results: takes what `evaluate`, `search` and `statistics` found, gives the structures of
//! `results.json` and `samples.jsonl` that `report` and other tools read.
//!
//! Key names are a contract with other tools (`base.test.acc`, `best.edit`, `test.ci95`, …):
//! adding is fine, renaming is not. Accuracies, differences and shares are fractions; losses and
//! log-probabilities are nats.

pub mod harness;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use laser_statistics::{Constant, Frequent, Split};

mod classes;
pub(crate) mod figures;
mod held_out;
mod manifest;
mod sample;
mod split_summary;
mod task_change;
mod verdict;

pub use classes::{constants, labels};
pub use held_out::HeldOut;
pub use manifest::{Manifest, ModelIdentity, TaskIdentity};
pub use sample::SampleRecord;
pub use split_summary::SplitSummary;
pub use task_change::{Change, GuardKept, TaskChange};
pub use verdict::verdict;

/// What [`BestEdit::edit`] says when no edit beat the unedited model.
pub const NO_EDIT: &str = "none";

/// The scores of one model on each split that was opened.
pub type SplitScores = BTreeMap<Split, SplitSummary>;

/// `results.json` of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The unedited model.
    pub base: SplitScores,
    /// The winner of the search.
    pub best: BestEdit,
    /// The held-out proof: base against winner on the test split.
    pub test: HeldOut,
    /// What the winner does to each task, where there are several, or texts that are only read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskChange>,
    /// What was searched and what it cost.
    pub search: SearchSummary,
    /// What can be scored without a model.
    pub baselines: Baselines,
    /// Where the numbers come from.
    pub manifest: Manifest,
    /// Compatibility switches in use, ties, warnings: one sentence each.
    pub notes: Vec<String>,
}

impl Results {
    /// The tasks that were to become better, where all of them are texts that are only read: there are no answers, and
    /// their log-loss is what was searched for. Empty otherwise.
    pub fn texts_aimed_at(&self) -> Vec<&TaskChange> {
        let aims: Vec<&TaskChange> = self.tasks.iter().filter(|task| task.guard.is_none()).collect();
        if aims.iter().all(|task| task.only_reads()) { aims } else { Vec::new() }
    }
}

/// The winning edit and its scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BestEdit {
    /// Short form (`L27.fc_in@0.01`), or [`NO_EDIT`].
    pub edit: String,
    /// Singular components kept; absent for several matrices at once or for no edit.
    pub rank: Option<usize>,
    /// Fraction of the maximum rank kept, as the exact decimal that was asked for; absent for an
    /// absolute rank, several matrices at once or no edit.
    pub rho: Option<String>,
    /// Scores per split, beside the keys above.
    #[serde(flatten)]
    pub splits: SplitScores,
}

/// What was searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchSummary {
    /// Edits evaluated (the base not counted).
    pub trials: usize,
    /// The grid.
    pub space: SearchSpace,
    /// Items asked, summed over edits.
    #[serde(default)]
    pub items_asked: usize,
    /// What a composition passed through, from one matrix to many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// How the grid was walked (`exhaustive`, …).
    pub strategy: String,
    /// How items were split (`three-way`, `paper`).
    pub protocol: String,
    /// The gain that the best of as many edits without any effect would show on the search split.
    pub null_best_gain: f64,
}

/// The grid of edits: every layer × matrix × ρ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchSpace {
    /// Layers, from 0.
    pub layers: Vec<usize>,
    /// Canonical matrix names.
    pub matrices: Vec<String>,
    /// Fractions of the maximum rank kept, as exact decimals.
    pub rhos: Vec<String>,
}

/// Scores to beat that need no model, and how constant the winner's answers are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// The most frequent gold answer of the test split and its share there.
    pub majority: Option<Frequent>,
    /// The most frequent gold answer of the search split and what always giving it scores on test.
    pub constant: Option<Frequent>,
    /// The winner's most frequent prediction on the test split and its share there.
    pub best_prediction: Option<Frequent>,
    /// What always giving one label scores on the test split, for each label, the best first; for one task that is a
    /// classification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<Constant>,
}

/// An evaluation without a search: the `laser` block of its `results.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalResults {
    /// The edit evaluated, in short form; absent for the unedited model.
    pub edit: Option<String>,
    /// Scores per split, over the items of all tasks.
    pub scores: SplitScores,
    /// Scores of each task, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskScores>,
    /// The most frequent gold answer and its share of the items.
    pub majority: Option<Frequent>,
    /// What always giving one label scores, for each label, the best first; for one task that is a classification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<Constant>,
    /// Where the numbers come from.
    pub manifest: Manifest,
    /// Compatibility switches in use and warnings: one sentence each.
    pub notes: Vec<String>,
}

/// One task of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskScores {
    /// Its name.
    pub task: String,
    /// Its score, by its command-line name.
    pub score: String,
    /// Scores per split.
    pub scores: SplitScores,
    /// What always giving one label scores, for each label, the best first, where the task is a classification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<Constant>,
}

#[cfg(test)]
pub(crate) mod tests;
