//! Search results: the contents of a search's `results.json`.

use serde::{Deserialize, Serialize};

use super::held_out::HeldOut;
use super::manifest::Manifest;
use super::matrix_change::MatrixChange;
use super::split_summary::SplitScores;
use super::task_change::TaskChange;
use super::verdict::Verdict;
use crate::price::Price;
use crate::search::screen::Screen;
use laser_statistics::{ConstantAnswer, FrequentAnswer, Split};

/// Value of [`BestEdit::edit`] if no edit was better than the unedited model.
pub const NO_EDIT: &str = "none";

/// Results of a search: `base` is the unedited model, `best` the winner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Scores of the unedited model.
    pub base: SplitScores,
    /// The winner and its scores.
    pub best: BestEdit,
    /// The verdict in one word.
    #[serde(default)]
    pub verdict: Verdict,
    /// The verdict in a sentence, with the price.
    #[serde(default)]
    pub reason: String,
    /// Price of the winner; `None` if that was not measured or no edit is proposed.
    #[serde(default)]
    pub price: Option<Price>,
    /// The edits that reached the validation split, in the order of their values on the search split; empty under the
    /// paper's protocol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finalists: Vec<FinalistSummary>,
    /// The matrices that the winner changes; empty for no edit, and in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<MatrixChange>,
    /// The proof: answers of the winner compared with those of the unedited model on the test split.
    pub test: HeldOut,
    /// The comparison for each task; empty if there is a single task and it has answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskChange>,
    /// The search space, the strategy and their cost.
    pub search: SearchSummary,
    /// Scores of constant answers, which need no model.
    pub baselines: Baselines,
    /// How to repeat the run.
    pub manifest: Manifest,
    /// Compatibility options in use, ties and warnings, one sentence each.
    pub notes: Vec<String>,
}

impl Results {
    /// Returns true if the search proposes an edit. If not, [`Results::best`] has the scores of the unedited model.
    pub fn proposes_edit(&self) -> bool {
        self.best.edit != NO_EDIT
    }

    /// Returns true if the winner keeps every guard on the test split, or there is none.
    pub fn keeps_guards(&self) -> bool {
        self.tasks
            .iter()
            .filter_map(|task| task.guard.as_ref())
            .all(|guard| guard.held.get(&Split::Test) != Some(&false))
    }

    /// The tasks that the search was to improve (those without a guard), if all of them are perplexity tasks. They have
    /// no answers, so their log-loss shows whether the search succeeded. Otherwise empty: accuracy shows it.
    pub fn perplexity_goals(&self) -> Vec<&TaskChange> {
        let goals: Vec<&TaskChange> = self.tasks.iter().filter(|task| task.guard.is_none()).collect();
        if goals.iter().all(|task| task.is_perplexity()) { goals } else { Vec::new() }
    }
}

/// The winning edit and its scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BestEdit {
    /// The edit in short form (`L27.fc_in@0.01`), or [`NO_EDIT`].
    pub edit: String,
    /// Number of singular components kept; `None` for an edit of several matrices, for a reduction without a rank and
    /// for no edit.
    pub rank: Option<usize>,
    /// The reduction, as text: ρ (rank divided by the largest rank) as the exact decimal that was given, or another
    /// reduction such as `r40`. `None` for an edit of several matrices and for no edit.
    pub rho: Option<String>,
    /// Scores on each split. In JSON the splits are keys beside the three above.
    #[serde(flatten)]
    pub splits: SplitScores,
}

/// An edit that reached the validation split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinalistSummary {
    /// The edit in short form.
    pub edit: String,
    /// Gain measured on search and validation split together, in units of the objective.
    pub measured: f64,
    /// Estimate of the gain on new items: the measured gain, corrected for the luck of being among the best.
    pub estimated: f64,
    /// Standard error of the estimate.
    pub stderr: f64,
    /// Rise of the log-loss of ordinary text, nats a token; `None` if it was not measured.
    pub damage: Option<f64>,
    /// True if the edit keeps every guard on these items.
    pub keeps_guards: bool,
}

/// The search space, the strategy and their cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchSummary {
    /// Number of edits tried; the unedited model is not counted.
    pub trials: usize,
    /// The edits of one matrix that the search could try.
    pub space: SearchSpace,
    /// Number of items scored, summed over edits.
    #[serde(default)]
    pub items_asked: usize,
    /// The edits that a greedy or beam search passed through, from one matrix to several, in short form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// The strategy: `exhaustive`, `gradient+race`, ….
    pub strategy: String,
    /// The protocol that split the items: `three-way` or `paper`.
    pub protocol: String,
    /// The screen that predicted the effect of edits; `None` for strategies without one, and in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<Screen>,
    /// Reason for proposing no edit; `None` if one is proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none_because: Option<String>,
    /// Accuracy gain (a fraction) on the search split that the best of equally many edits would show if none of them
    /// had any effect.
    pub null_best_gain: f64,
}

/// The edits of one matrix that a search could try: every combination of layer, matrix and reduction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchSpace {
    /// Layers, counted from 0.
    pub layers: Vec<usize>,
    /// Canonical names of matrices.
    pub matrices: Vec<String>,
    /// Reductions, as text: ρ as an exact decimal, or another reduction such as `r40`.
    pub rhos: Vec<String>,
    /// Number of layers of the model; `None` in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_layers: Option<usize>,
}

/// Constant answers: how often they would be right, and how often the winner itself gives one and the same answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// The most frequent gold answer of the test split and the fraction of its items that have it.
    pub majority: Option<FrequentAnswer>,
    /// The most frequent gold answer of the search split and the accuracy of always giving it on the test split.
    pub constant: Option<FrequentAnswer>,
    /// The winner's most frequent prediction on the test split and the fraction of its items that get it.
    pub best_prediction: Option<FrequentAnswer>,
    /// Scores of always giving the same answer on the test split, one entry for each label, the best first; empty
    /// unless the only task is a classification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<ConstantAnswer>,
}
