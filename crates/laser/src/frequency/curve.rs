//! Accuracy on the items of at most so many documents (figure 3b).

use laser_statistics::{bootstrap_ci95, mean};
use serde::{Deserialize, Serialize};

use super::RelateSettings;
use super::bins::{Rate, has_width};
use super::histogram::ranges;
use super::joined::{ItemOutcome, Joined, JoinedItem};

/// Accuracies of one model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Accuracies {
    /// Right answers, by the score of the run.
    pub right: Rate,
    /// Answers among the ten most likely ones; `None` where the run does not say.
    pub top10: Option<Rate>,
}

/// A point of the curves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Largest count of the items.
    pub at_most: u64,
    /// Number of items.
    pub items: usize,
    /// The unedited model.
    pub base: Accuracies,
    /// The edited model.
    pub edited: Accuracies,
    /// Accuracy of the edited minus that of the unedited model, a fraction.
    pub gain: f64,
    /// 95 % interval of the gain, by resampling of groups; `None` without flips.
    pub gain_ci95: Option<[f64; 2]>,
}

/// The points of the curves: the ends of the histogram's ranges at which there are items, and the largest count.
pub(super) fn curve(joined: &Joined, settings: &RelateSettings) -> Vec<CurvePoint> {
    let largest = joined.items.iter().map(|item| item.count).max().unwrap_or(0);
    let ends = ranges(largest).into_iter().map(|[_, to]| to.min(largest));
    ends.filter_map(|at_most| point(joined, at_most, settings)).collect()
}

fn point(joined: &Joined, at_most: u64, settings: &RelateSettings) -> Option<CurvePoint> {
    let items: Vec<&JoinedItem> = joined.items.iter().filter(|item| item.count <= at_most).collect();
    let gains: Vec<f64> =
        items.iter().map(|item| f64::from(i8::from(item.is_fixed()) - i8::from(item.is_broken()))).collect();
    let groups: Vec<u32> = items.iter().map(|item| item.group).collect();
    let accuracies = |outcome: fn(&JoinedItem) -> ItemOutcome| Accuracies {
        right: Rate::of(items.iter().copied(), |item| outcome(item).right),
        top10: joined.has_ranks.then(|| Rate::of(items.iter().copied(), |item| outcome(item).in_top10)),
    };
    Some(CurvePoint {
        at_most,
        items: items.len(),
        gain: mean(&gains)?,
        base: accuracies(|item| item.base),
        edited: accuracies(|item| item.edited),
        gain_ci95: bootstrap_ci95(&gains, &groups, settings.resamples, settings.seed).filter(has_width),
    })
}
