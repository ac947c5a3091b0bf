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
use laser_statistics::{catch_up_probability, may_lead};

/// Smallest gain in (soft) accuracy that a race looks for, a fraction of the items. A smaller one could hardly be proved.
const LEAST_GAIN: f64 = 0.01;

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
        let reference = first_items(base);
        let error_rate = runner.context().settings.error_rate;
        // By the objective and by the finer measure: an edit that is good by either may be the one to choose.
        let [by_evidence, by_objective] = [TrialRunner::item_values, TrialRunner::measured_values].map(|values| {
            let values: Vec<Vec<f64>> = with_incumbent.iter().map(|outcomes| values(runner, outcomes)).collect();
            may_lead(&values, &feasible, total, error_rate)
        });
        let is_futile = |outcomes: &Outcomes| {
            reference.as_ref().is_some_and(|base| {
                let ahead = differences(&runner.item_values(outcomes), &runner.item_values(base));
                gain_probability(ahead, total, runner.context().settings.objective.measure) < error_rate
            })
        };
        let stays = |i: usize| (by_evidence[i] || by_objective[i]) && !is_futile(&of_running[i]);
        let mut stays = (0..of_running.len()).map(stays).collect::<Vec<bool>>().into_iter();
        running.retain(|_| stays.next().unwrap_or(true));
    }
    Ok(running)
}

/// Probability that a candidate is better than the edit it is added to, by [`LEAST_GAIN`] if the search is for accuracy, once
/// all `total` items are scored; `differences`: its values minus that edit's on the items scored so far.
fn gain_probability(mut differences: Vec<f64>, total: usize, measure: Measure) -> f64 {
    let (mut total, mut least) = (total, 0.0);
    if measure == Measure::Accuracy {
        // As if one more item had turned right and another one wrong: where nothing was seen to change, something still
        // may.
        differences.extend([1.0, -1.0]);
        (total, least) = (total + 2, LEAST_GAIN);
    }
    let differences: Vec<f64> = differences.iter().map(|difference| difference - least).collect();
    catch_up_probability(&differences, total).unwrap_or(1.0)
}

/// Values of one candidate minus those of another, item by item.
fn differences(of: &[f64], other: &[f64]) -> Vec<f64> {
    of.iter().zip(other).map(|(a, b)| a - b).collect()
}
