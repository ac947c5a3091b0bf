//! Exhaustive stage: scores every candidate on every item of the search split.

use crate::edit::Edit;
use crate::error::Result;
use crate::search::candidate::Candidate;
use crate::search::stage::{Pool, Stage};
use crate::search::trial_runner::TrialRunner;

/// Scores every candidate on all items.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exhaustive;

impl Stage for Exhaustive {
    fn run(&self, runner: &mut TrialRunner<'_>, pool: Pool) -> Result<Pool> {
        runner.score(&Edit::default(), &pool.candidates, runner.n_items())?;
        let ranked = runner.rank(pool.candidates.iter().map(Candidate::edit));
        Ok(Pool { ranked, ..pool })
    }
}
