//! Greedy composition: matrix by matrix, the best reduction given those accepted before.
//!
//! The paper's idea, from the last layer backwards: the best reduction of a layer depends on the edits already made
//! (`docs/method.md`, "Composition"). A reduction is accepted if, and only if, the objective on the search split is
//! better than that of the best composition so far by at least the standard error of the difference.
//!
//! Differs from the reference code, which accepts every edit: it compares an accuracy with a list that already contains
//! it. It also never visits the last layer, and its roll-back cannot happen.

use std::collections::BTreeMap;

use super::race::race;
use crate::edit::Edit;
use crate::error::Result;
use crate::search::candidate::Candidate;
use crate::search::greedy_order::GreedyOrder;
use crate::search::stage::{Pool, Stage};
use crate::search::trial_runner::TrialRunner;
use laser_model::config::ModelConfig;
use laser_model::weight_id::WeightId;

/// A step of a composition must gain this many standard errors. That is weak evidence: the decision compares the steps
/// again, with the validation split.
pub(super) const STEP_Z: f64 = 1.0;

/// Composes an edit of several matrices.
#[derive(Debug, Clone, Copy)]
pub(super) struct Greedy {
    /// Order in which the matrices are visited: deep or shallow. [`BestFirst`](super::best_first::BestFirst) is the third.
    pub(super) order: GreedyOrder,
    /// Largest number of rounds over all matrices, at least 1. Rounds after the first revise the reductions accepted;
    /// a round that changes nothing is the last.
    pub(super) rounds: usize,
}

impl Stage for Greedy {
    fn run(&self, runner: &mut TrialRunner<'_>, pool: Pool) -> Result<Pool> {
        let visits = self.visits(&pool, runner.config());
        let rounds = self.rounds.max(1);
        let mut current = Edit::default();
        runner.score(&current, &[], runner.n_items())?;
        let mut steps: Vec<Edit> = Vec::new();
        for round in 0..rounds {
            let before = current.clone();
            for (i, (id, candidates)) in visits.iter().enumerate() {
                let observer = runner.context().observer;
                observer.progress("greedy: matrices", round * visits.len() + i, rounds * visits.len());
                if let Some(better) = improve(runner, &current, *id, candidates)? {
                    current = better;
                    steps.push(current.clone());
                }
                if runner.budget_ended() {
                    break;
                }
            }
            if current == before || runner.budget_ended() {
                break;
            }
        }
        let mut found = pool.ranked;
        // A revision may remove the last reduction; the unedited model is no candidate.
        found.extend(steps.iter().filter(|step| !step.is_empty()).cloned());
        let ranked = runner.rank(found);
        Ok(Pool { ranked, steps, ..pool })
    }
}

/// Races the candidates of matrix `id`, and the matrix unedited, against the reduction that `current` has of it.
/// Returns the best edit if it improves on `current`.
fn improve(
    runner: &mut TrialRunner<'_>,
    current: &Edit,
    id: WeightId,
    candidates: &[Candidate],
) -> Result<Option<Edit>> {
    let without = current.without(id, runner.config());
    if without != *current {
        // A later round: the other reductions may have made this one superfluous.
        runner.score(&without, &[], runner.n_items())?;
    }
    let finishers = race(runner, &without, candidates, Some(current))?;
    let tried = finishers.into_iter().map(|candidate| candidate.added_to(&without));
    // `current` comes first, so that an edit of equal value does not replace it.
    let ranked = runner.rank([current.clone(), without.clone()].into_iter().chain(tried));
    Ok(ranked.into_iter().next().filter(|best| best != current && runner.improves(current, best, STEP_Z)))
}

impl Greedy {
    /// Matrices in the order of their visits, each with the candidates that change it.
    fn visits(&self, pool: &Pool, config: &ModelConfig) -> Vec<(WeightId, Vec<Candidate>)> {
        let mut by_matrix: BTreeMap<WeightId, Vec<Candidate>> = BTreeMap::new();
        for candidate in pool.candidates.iter().filter(|candidate| candidate.changes_matrix(config)) {
            by_matrix.entry(candidate.id).or_default().push(candidate.clone());
        }
        let mut visits: Vec<_> = by_matrix.into_iter().collect();
        // Matrices are sorted by layer, ascending.
        if self.order == GreedyOrder::Deep {
            visits.reverse();
        }
        visits
    }
}
