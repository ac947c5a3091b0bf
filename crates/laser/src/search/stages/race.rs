//! Race: scores all candidates on the same items in one shuffled order, and drops those that cannot catch up.
//!
//! At each drop point every candidate is compared with the leader, item by item. A candidate is dropped if its
//! probability of being ahead of the leader after all items is below the error rate; the others finish the split.
//!
//! The rule is [`may_lead`]; `docs/search.md` ("Race") has measurements of its cost and savings.
//!
//! A candidate is also dropped, whoever leads, if its probability of gaining anything over the edit that it is added to is
//! below the error rate. Where no candidate changes an answer, a race would otherwise have no reason to drop any.

use crate::edit::Edit;
use crate::error::Result;
use crate::search::candidate::Candidate;
use crate::search::objective::Measure;
use crate::search::stage::{Pool, Stage};
use crate::search::trial::Outcomes;
use crate::search::trial_runner::TrialRunner;
use laser_statistics::{catch_up_probability, may_lead, mean};

/// Smallest gain in (soft) accuracy that a race looks for, a fraction of the items. A smaller one could hardly be proved.
const LEAST_GAIN: f64 = 0.01;

/// Number of items by which a candidate's own changes are complemented by the usual ones of all candidates.
const PRIOR_ITEMS: usize = 16;

/// Races the candidates, each alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Race;

impl Stage for Race {
    fn run(&self, runner: &mut TrialRunner<'_>, pool: Pool) -> Result<Pool> {
        let finishers = race(runner, &Edit::default(), &pool.candidates, None)?;
        let ranked = runner.rank(finishers.iter().map(Candidate::edit));
        Ok(Pool { ranked, ..pool })
    }
}

/// Races `candidates`, each added to `base`, against one another and against `incumbent`, an edit that is scored on all
/// items already. Returns the candidates that were scored on all items.
pub(super) fn race(
    runner: &mut TrialRunner<'_>,
    base: &Edit,
    candidates: &[Candidate],
    incumbent: Option<&Edit>,
) -> Result<Vec<Candidate>> {
    let total = runner.n_items();
    let mut running = candidates.to_vec();
    for point in runner.drop_points().to_vec() {
        runner.score(base, &running, point)?;
        // The budget may have left candidates out.
        let edit = |candidate: &Candidate| candidate.added_to(base);
        running.retain(|candidate| runner.outcomes(&edit(candidate)).is_some_and(|seen| seen.len() >= point));
        if point == total {
            break;
        }
        let first_items = |edit: &Edit| runner.outcomes(edit).map(|outcomes| outcomes.first(point));
        let of_running: Vec<Outcomes> = running.iter().filter_map(|c| first_items(&edit(c))).collect();
        let with_incumbent: Vec<Outcomes> = of_running.iter().cloned().chain(incumbent.and_then(first_items)).collect();
        let feasible: Vec<bool> = with_incumbent.iter().map(|outcomes| runner.value(outcomes).is_feasible()).collect();
        let error_rate = runner.context().settings.error_rate;
        let values_of = |values: fn(&TrialRunner<'_>, &Outcomes) -> Vec<f64>| -> Vec<Vec<f64>> {
            with_incumbent.iter().map(|outcomes| values(runner, outcomes)).collect()
        };
        // By the objective and by the finer measure: an edit that is good by either may be the one to choose.
        let evidence = values_of(|runner, outcomes| runner.item_values(outcomes));
        let by_evidence = may_lead(&evidence, &feasible, total, error_rate);
        let by_objective =
            may_lead(&values_of(|runner, outcomes| runner.measured_values(outcomes)), &feasible, total, error_rate);
        let reference = first_items(base).map(|base| runner.item_values(&base));
        let ahead = |values: &Vec<f64>| reference.as_ref().map_or_else(Vec::new, |base| differences(values, base));
        let ahead: Vec<Vec<f64>> = evidence[..of_running.len()].iter().map(ahead).collect();
        let spread = usual_variance(&ahead).sqrt();
        let is_futile = |ahead: &[f64]| {
            let least = if runner.context().settings.objective.measure == Measure::Accuracy { LEAST_GAIN } else { 0.0 };
            !ahead.is_empty() && gain_probability(ahead, spread, least, total) < error_rate
        };
        let stays = |i: usize| (by_evidence[i] || by_objective[i]) && !is_futile(&ahead[i]);
        let mut stays = (0..of_running.len()).map(stays).collect::<Vec<bool>>().into_iter();
        running.retain(|_| stays.next().unwrap_or(true));
    }
    Ok(running)
}

/// Probability that a candidate is better than the edit it is added to by at least `least`, and by at least one standard
/// error, once all `total` items are scored: a smaller gain would not be proposed. `ahead`: its values minus that edit's on
/// the items scored so far; `spread`: the usual size of such a difference among the candidates.
///
/// Counts as if [`PRIOR_ITEMS`] more items had been seen, half of them better and half of them worse by `spread`: where a
/// candidate was not seen to change anything, it may still do so as often as the others do.
fn gain_probability(ahead: &[f64], spread: f64, least: f64, total: usize) -> f64 {
    let prior = [spread, -spread].into_iter().cycle().take(PRIOR_ITEMS);
    let differences: Vec<f64> = ahead.iter().copied().chain(prior).collect();
    let total = total + PRIOR_ITEMS;
    let least = least.max(standard_deviation(&differences) / (total as f64).sqrt());
    let above: Vec<f64> = differences.iter().map(|difference| difference - least).collect();
    catch_up_probability(&above, total).unwrap_or(1.0)
}

/// Mean square of the differences of a typical candidate, the median of all, at least that of one change among them all.
fn usual_variance(ahead: &[Vec<f64>]) -> f64 {
    let square = |of: &Vec<f64>| of.iter().map(|x| x * x).sum::<f64>() / of.len().max(1) as f64;
    let mut squares: Vec<f64> = ahead.iter().map(square).collect();
    squares.sort_by(f64::total_cmp);
    let median = squares.get(squares.len() / 2).copied().unwrap_or(0.0);
    median.max(1.0 / ahead.iter().map(Vec::len).sum::<usize>().max(1) as f64)
}

fn standard_deviation(values: &[f64]) -> f64 {
    let mean = mean(values).unwrap_or(0.0);
    let degrees = values.len().saturating_sub(1).max(1);
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / degrees as f64).sqrt()
}

/// Values of one candidate minus those of another, item by item.
fn differences(of: &[f64], other: &[f64]) -> Vec<f64> {
    of.iter().zip(other).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_that_change_nothing_are_futile_if_none_does() {
        let inert = vec![0.0; 48];
        let none_changes = usual_variance(&vec![inert.clone(); 24]).sqrt();
        assert!(gain_probability(&inert, none_changes, LEAST_GAIN, 400) < 0.001);
        // Where others change a tenth of the answers, 48 items without a change are too few to tell.
        let mut lively = inert.clone();
        lively[..5].fill(1.0);
        let spread = usual_variance(&[inert.clone(), lively.clone(), lively.clone()]).sqrt();
        assert!(gain_probability(&inert, spread, LEAST_GAIN, 400) > 0.05);
        assert!(gain_probability(&lively, spread, LEAST_GAIN, 400) > 0.9);
        let harmful: Vec<f64> = lively.iter().map(|value| -2.0 * value).collect();
        assert!(gain_probability(&harmful, spread, LEAST_GAIN, 400) < 0.05);
    }
}
