//! Task change: takes the values of a measure at the items of one task, for the unedited model and for the winner; gives
//! their difference on each split, and whether a guard was kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::split_summary::SplitScores;
use crate::search::objective::{Guard, Measure};
use laser_statistics::{ConstantAnswer, Split, bootstrap_ci95, mean};

/// Comparison of the winner with the unedited model on one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskChange {
    /// Name of the task.
    pub task: String,
    /// Its score, as text: `choice`, `top1`, `generate`, ….
    pub score: String,
    /// The measure that the search used for this task. For perplexity tasks it is always the log-loss per token,
    /// whatever measure the other tasks have.
    pub measure: Measure,
    /// The guard and whether it was kept; `None` for a task that the search was to improve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardKept>,
    /// Scores of the unedited model on each split.
    pub base: SplitScores,
    /// Scores of the winner on each split.
    pub best: SplitScores,
    /// Winner minus unedited model on each split, in units of the measure.
    pub change: BTreeMap<Split, Change>,
    /// Scores of always giving the same answer on the test split, one entry for each label, the best first; empty
    /// unless the task is a classification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<ConstantAnswer>,
}

impl TaskChange {
    /// Whether this is a perplexity task: texts without answers, of which only the log-loss is measured.
    pub fn is_perplexity(&self) -> bool {
        self.measure == Measure::PerToken
    }
}

/// Paired difference of a measure, winner minus unedited model: a fraction for accuracy, nats for margin and log-loss.
/// Every measure is larger for the better model, so that a difference above 0 is an improvement; for a log-loss it is
/// the difference of mean log-probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Mean difference over the items.
    pub diff: f64,
    /// 95 % interval of `diff`, `[low, high]`, from a bootstrap that resamples groups; `None` with fewer than two
    /// groups.
    pub ci95: Option<[f64; 2]>,
}

impl Change {
    /// Compares two models. `base` and `best` are the measure at each item, `groups` the group of each item; all are
    /// `[items]`. The bootstrap draws `resamples` times, with random numbers from `seed`. `None` without items.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn measure(base: &[f64], best: &[f64], groups: &[u32], resamples: usize, seed: u64) -> Option<Self> {
        assert_eq!(base.len(), best.len(), "one measure of each per item");
        let differences: Vec<f64> = base.iter().zip(best).map(|(base, best)| best - base).collect();
        Some(Self { diff: mean(&differences)?, ci95: bootstrap_ci95(&differences, groups, resamples, seed) })
    }
}

/// A guard, and whether it was kept on each split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuardKept {
    /// The largest allowed fall of the measure: a fraction for accuracy, nats otherwise.
    pub max_drop: f64,
    /// Whether the measure fell by no more than `max_drop`, for each split. Only the test split is independent evidence:
    /// the search used the search split, and the choice of the winner the validation split.
    pub held: BTreeMap<Split, bool>,
}

impl GuardKept {
    /// Checks a guard against the changes of its task.
    pub fn new(guard: &Guard, change: &BTreeMap<Split, Change>) -> Self {
        // `Guard::holds` compares two means; only their difference counts, so that 0 can stand for the base.
        let held = change.iter().map(|(split, change)| (*split, guard.holds(0.0, change.diff))).collect();
        Self { max_drop: guard.max_drop, held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_is_winner_minus_base_and_guards_allow_a_drop() {
        let change = |best: [f64; 4]| Change::measure(&[1.0, 0.0, 1.0, 0.0], &best, &[0, 0, 1, 2], 200, 1);
        let better = change([1.0, 1.0, 1.0, 0.0]).expect("items");
        assert_eq!(better.diff, 0.25);
        let [low, high] = better.ci95.expect("three groups");
        assert!(low <= 0.25 && 0.25 <= high);
        assert_eq!(Change::measure(&[], &[], &[], 200, 1), None);

        let worse = change([0.0, 0.0, 1.0, 0.0]).expect("items");
        let changes = BTreeMap::from([(Split::Validation, better), (Split::Test, worse)]);
        let kept = |max_drop: f64| GuardKept::new(&Guard { part: 0, max_drop }, &changes).held;
        assert_eq!(kept(0.25), BTreeMap::from([(Split::Validation, true), (Split::Test, true)]));
        assert_eq!(kept(0.24), BTreeMap::from([(Split::Validation, true), (Split::Test, false)]));
    }
}
