//! Interface of a search stage: takes a pool of candidates, returns a smaller or better one.

use super::candidate::Candidate;
use super::trial_runner::TrialRunner;
use crate::edit::Edit;
use crate::error::Result;

/// Result of one stage and input of the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    /// Candidates that no stage has dropped, the most promising first after a screen.
    pub(super) candidates: Vec<Candidate>,
    /// Edits scored on all items of the search split, best first.
    pub(super) ranked: Vec<Edit>,
    /// Edits that a composition accepted, in order: each is the next step from one matrix to many.
    pub(super) steps: Vec<Edit>,
}

/// One stage of a search: a screen, a scoring stage or a composition.
pub(super) trait Stage {
    /// Runs the stage on `pool`; trials go through `runner`.
    ///
    /// # Errors
    /// If an edit cannot be made or scored, or the store cannot be written.
    fn run(&self, runner: &mut TrialRunner<'_>, pool: Pool) -> Result<Pool>;
}
