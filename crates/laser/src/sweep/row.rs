//! One edit of a sweep with its scores.

use serde::{Deserialize, Serialize};

use laser_model::weight_id::WeightId;
use laser_statistics::{PairedOutcomes, clustered_stderr};

use super::grid::{GridPoint, Kind};
use crate::search::store::{Outcomes, Trial};

/// Scores of one model on the items of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Accuracy, 0..=1.
    pub acc: f64,
    /// Log-loss, nats an item.
    pub log_loss: f64,
    /// Fraction of items whose answer is among the ten most likely tokens; `None` under scores other than `top1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top10: Option<f64>,
}

impl Scored {
    /// The scores of outcomes; `has_ranks`: whether they tell the ranks of answers.
    pub(crate) fn of(outcomes: &Outcomes, has_ranks: bool) -> Self {
        let top10 = has_ranks.then(|| outcomes.top10());
        Self { acc: outcomes.accuracy(), log_loss: outcomes.log_loss(), top10 }
    }
}

/// One edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepRow {
    /// Layer, counted from 0.
    pub layer: usize,
    /// Matrix in its layer, by canonical name.
    pub matrix: String,
    /// Kind of the reduction.
    pub kind: Kind,
    /// Percentage that was removed.
    pub removed: f64,
    /// The reduction in short form.
    pub reduction: String,
    /// Number of components kept; `None` for kinds that keep entries.
    pub rank: Option<usize>,
    /// Its scores.
    #[serde(flatten)]
    pub scored: Scored,
    /// Accuracy minus that of the unedited model.
    pub change: f64,
    /// Standard error of the change, by groups of items.
    pub stderr: Option<f64>,
    /// Items that only the edited model answers.
    pub fixed: usize,
    /// Items that only the unedited model answers.
    pub broken: usize,
}

impl SweepRow {
    /// The row of a trial against the outcomes of the unedited model on the same items. `groups`: the group of each item;
    /// `has_ranks`: whether outcomes tell the ranks of answers.
    pub(crate) fn new(
        id: WeightId,
        point: &GridPoint,
        trial: &Trial,
        base: &Outcomes,
        groups: &[u32],
        has_ranks: bool,
    ) -> Self {
        let paired = PairedOutcomes::new(&base.correct, &trial.outcomes.correct);
        let gain = |(base, edited): (&bool, &bool)| f64::from(i8::from(*edited) - i8::from(*base));
        let gains: Vec<f64> = base.correct.iter().zip(&trial.outcomes.correct).map(gain).collect();
        Self {
            layer: id.layer,
            matrix: id.in_layer().to_string(),
            kind: point.kind,
            removed: point.removed,
            reduction: point.reduction.to_string(),
            rank: trial.rank,
            scored: Scored::of(&trial.outcomes, has_ranks),
            change: paired.diff,
            stderr: clustered_stderr(&gains, groups),
            fixed: paired.edit_right_only,
            broken: paired.base_right_only,
        }
    }
}
