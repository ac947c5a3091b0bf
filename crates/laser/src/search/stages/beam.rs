//! Beam composition: extends the best few edits of each size by every candidate.

use super::race::race;
use crate::edit::Edit;
use crate::error::Result;
use crate::search::candidate::Candidate;
use crate::search::stage::{Pool, Stage};
use crate::search::trial_runner::TrialRunner;

/// Composes edits of several matrices, `width` of them side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beam {
    /// Number of edits of one size that are extended.
    pub(super) width: usize,
}

impl Stage for Beam {
    fn run(&self, runner: &mut TrialRunner<'_>, pool: Pool) -> Result<Pool> {
        // Every comparison with the edit of no matrix needs its outcomes on all items.
        runner.score(&Edit::default(), &[], runner.n_items())?;
        let mut beam = vec![Edit::default()];
        let mut steps = Vec::new();
        let mut found = pool.ranked.clone();
        loop {
            let mut longer: Vec<Edit> = Vec::new();
            for base in &beam {
                let config = runner.config();
                let extends = |candidate: &&Candidate| {
                    candidate.changes_matrix(config)
                        && !base.reductions().any(|(id, _)| config.overlap(id, candidate.id))
                };
                let candidates: Vec<Candidate> = pool.candidates.iter().filter(extends).cloned().collect();
                let finishers = race(runner, base, &candidates, Some(base))?;
                longer.extend(finishers.into_iter().map(|candidate| candidate.added_to(base)));
            }
            // The best edit of the size before comes first, so that equals rank below it; only edits above it stay.
            let ranked = runner.rank(beam.iter().take(1).cloned().chain(longer));
            let better: Vec<Edit> =
                ranked.into_iter().take_while(|edit| *edit != beam[0]).take(self.width.max(1)).collect();
            let Some(best) = better.first() else { break };
            steps.push(best.clone());
            found.extend(better.iter().cloned());
            beam = better;
            if runner.budget_ended() {
                break;
            }
        }
        let ranked = runner.rank(found);
        Ok(Pool { ranked, steps, ..pool })
    }
}
