//! Best-first composition: starts from the best single edit, and adds the most promising reduction as long as that helps.
//!
//! Which further reduction helps depends on the edits already made, so that the gradient is taken anew at the current
//! composition; only the few reductions that it ranks first are tried. One is accepted if its measured gain over the
//! composition is at least its standard error: a gain of one item is no evidence (`docs/search.md`, "Composition").

use super::gradient_screen::GradientScreen;
use super::greedy::STEP_Z;
use super::race::race;
use crate::edit::Edit;
use crate::error::Result;
use crate::search::candidate::Candidate;
use crate::search::stage::{Pool, Stage};
use crate::search::trial_runner::TrialRunner;

/// The single edit that a composition starts from must gain this many standard errors: the best of many edits without
/// effect gains one nearly always, and a composition would cost more than the race before it.
const START_Z: f64 = 2.0;

/// Composes an edit of several matrices, the most promising first.
#[derive(Debug, Clone, Copy)]
pub(super) struct BestFirst {
    /// Screen that ranks the reductions to add.
    pub(super) screen: GradientScreen,
    /// Largest number of reductions added to the best single edit.
    pub(super) most_added: usize,
}

impl Stage for BestFirst {
    fn run(&self, runner: &mut TrialRunner<'_>, pool: Pool) -> Result<Pool> {
        runner.score(&Edit::default(), &[], runner.n_items())?;
        let mut current = pool.ranked.first().cloned().unwrap_or_default();
        // A plan without a race has tried nothing yet, and starts from the unedited model.
        let has_start = match current.is_empty() {
            true => runner.n_trials() == 0,
            false => runner.improves(&Edit::default(), &current, START_Z),
        };
        if !has_start {
            // Nothing to build on: no single edit is clearly better than the unedited model.
            return Ok(pool);
        }
        let mut steps: Vec<Edit> = Some(current.clone()).into_iter().filter(|edit| !edit.is_empty()).collect();
        for step in 0..self.most_added {
            runner.context().observer.progress("greedy: matrices", step, self.most_added);
            let candidates = self.screen.rank(runner, &current, &self.candidates(runner, &current))?;
            let finishers = race(runner, &current, &candidates, Some(&current))?;
            let tried = finishers.into_iter().map(|candidate| candidate.added_to(&current));
            let Some(best) = runner.rank(tried).into_iter().next() else { break };
            if !runner.improves(&current, &best, STEP_Z) || runner.budget_ended() {
                break;
            }
            current = best;
            steps.push(current.clone());
        }
        let ranked = runner.rank(pool.ranked.iter().chain(&steps).cloned());
        let steps = if steps.len() > 1 { steps } else { Vec::new() };
        Ok(Pool { ranked, steps, ..pool })
    }
}

impl BestFirst {
    /// Reductions of the whole search space that change a matrix which `current` leaves alone.
    fn candidates(&self, runner: &TrialRunner<'_>, current: &Edit) -> Vec<Candidate> {
        let config = runner.config();
        let is_free = |candidate: &Candidate| {
            candidate.changes_matrix(config) && !current.reductions().any(|(id, _)| config.overlap(id, candidate.id))
        };
        runner.context().settings.all_candidates(config).into_iter().filter(is_free).collect()
    }
}
