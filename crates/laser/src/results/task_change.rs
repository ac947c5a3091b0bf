//! One task of a search: takes what the unedited model and the winner measure at its items, gives their difference on
//! each split and whether a guard was kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::SplitScores;
use crate::search::objective::{Guard, Measure};
use laser_statistics::{Constant, Split, bootstrap_ci95, mean};

/// What the winner does to one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskChange {
    /// Its name.
    pub task: String,
    /// Its score, by its command-line name.
    pub score: String,
    /// What the search measures in it; of texts that are only read the log-loss per token, whatever the others have.
    pub measure: Measure,
    /// Whether it only must not become worse, and whether it did not; absent for a task that was to become better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardKept>,
    /// The unedited model on each split.
    pub base: SplitScores,
    /// The winner on each split.
    pub best: SplitScores,
    /// Winner minus unedited model on each split, in the measure.
    pub change: BTreeMap<Split, Change>,
    /// What always giving one label scores on the test split, for each label, where the task is a classification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<Constant>,
}

impl TaskChange {
    /// Whether nothing is asked in it, and its texts are only to be likely.
    pub fn only_reads(&self) -> bool {
        self.measure == Measure::PerToken
    }
}

/// A paired difference of a measure (shares for accuracy, else nats); above 0 the winner is the better.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Mean over the items.
    pub diff: f64,
    /// Bootstrap 95 % interval [low, high], groups resampled; absent with one group.
    pub ci95: Option<[f64; 2]>,
}

impl Change {
    /// The difference of two models' measures of the same items, all `[items]`. `None` without items.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn measure(base: &[f64], best: &[f64], groups: &[u32], resamples: usize, seed: u64) -> Option<Self> {
        assert_eq!(base.len(), best.len(), "one measure of each per item");
        let differences: Vec<f64> = base.iter().zip(best).map(|(base, best)| best - base).collect();
        Some(Self { diff: mean(&differences)?, ci95: bootstrap_ci95(&differences, groups, resamples, seed) })
    }
}

/// A guard and whether it was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuardKept {
    /// The most that the measure may fall.
    pub max_drop: f64,
    /// Whether it fell no further, on each split. The search and the choice saw all but the test split.
    pub held: BTreeMap<Split, bool>,
}

impl GuardKept {
    /// Whether a task with these changes keeps its guard.
    pub fn new(guard: &Guard, change: &BTreeMap<Split, Change>) -> Self {
        let held = change.iter().map(|(split, change)| (*split, guard.holds(0.0, change.diff))).collect();
        Self { max_drop: guard.max_drop, held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_the_winners_and_guards_allow_a_drop() {
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
