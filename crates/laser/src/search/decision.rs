//! Decision: finalists → the edit that the search proposes, or none (`docs/search.md`, "Decision").

use std::cmp::Ordering;

use super::finalists::{Finalist, Finalists};
use crate::edit::Edit;
use laser_statistics::clustered_stderr;

/// An edit must be estimated better than no edit by this many standard errors.
const LEAST_Z: f64 = 1.5;

/// The choice among finalists and the unedited model.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The edit proposed; empty if none is.
    pub winner: Edit,
    /// Why no edit is proposed; `None` if one is.
    pub none_because: Option<String>,
}

/// Chooses the winner.
///
/// Of the finalists that keep every guard and cost at most `max_damage`, the one with the largest merit is the best. If its
/// estimated gain is less than 1.5 standard errors above 0, no edit is proposed. Otherwise every finalist counts as
/// equally good whose estimated gain is as far above 0 and whose measured gain is smaller by at most the standard error of the difference. Of these, those of the
/// fewest matrices stay, and of those the one that does the least damage wins; without measured damage the one with the largest
/// merit.
pub(super) fn decide(finalists: &Finalists, max_damage: Option<f64>) -> Decision {
    let none = |reason: &str| Decision { winner: Edit::default(), none_because: Some(reason.to_owned()) };
    let keeps_guards: Vec<&Finalist> = finalists.edits.iter().filter(|f| f.value.is_feasible()).collect();
    if keeps_guards.is_empty() {
        return none("every finalist breaks a guard");
    }
    let is_cheap = |f: &&&Finalist| max_damage.is_none_or(|max| f.damage.is_none_or(|damage| damage <= max));
    let allowed: Vec<&Finalist> = keeps_guards.iter().filter(is_cheap).copied().collect();
    if allowed.is_empty() {
        return none("every finalist does more damage to ordinary text than is allowed");
    }
    // `max_by` takes the last of equals, so that the first in search order must come last.
    let best = allowed.iter().rev().max_by(|a, b| by_merit(a, b)).expect("not empty");
    if best.estimated.z() < LEAST_Z {
        return none("the best is estimated to be better than the unedited model by less than 1.5 standard errors");
    }
    let as_good = allowed.iter().filter(|f| f.estimated.z() >= LEAST_Z && is_as_good(f, best, &finalists.groups));
    let fewest = as_good.clone().map(|f| f.edit.n_matrices()).min().expect("the best is as good as itself");
    let damage = |f: &Finalist| f.damage.unwrap_or(0.0);
    let cheaper = |a: &&&Finalist, b: &&&Finalist| damage(a).total_cmp(&damage(b)).then_with(|| by_merit(b, a));
    let winner =
        as_good.filter(|f| f.edit.n_matrices() == fewest).min_by(cheaper).expect("one has the fewest matrices");
    Decision { winner: winner.edit.clone(), none_because: None }
}

/// Order by merit; of equals the larger value of the objective, which log-loss refines.
fn by_merit(a: &Finalist, b: &Finalist) -> Ordering {
    a.merit().total_cmp(&b.merit()).then_with(|| a.value.cmp(&b.value))
}

/// Whether the measured gain of `other` is smaller than that of `best` by at most the standard error of the difference.
fn is_as_good(other: &Finalist, best: &Finalist, groups: &[u32]) -> bool {
    let differences: Vec<f64> = best.differences.iter().zip(&other.differences).map(|(a, b)| a - b).collect();
    let stderr = clustered_stderr(&differences, groups).unwrap_or(0.0);
    best.measured.value - other.measured.value <= stderr
}
