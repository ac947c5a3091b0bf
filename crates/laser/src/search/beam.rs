//! Beam composition: the best few compositions of each size, each extended by every candidate.

use crate::edit::Edit;
use crate::error::Result;

use super::Candidate;
use super::race::race;
use super::strategy::{Pool, Strategy};
use super::trials::Trials;

/// Composes edits of several matrices, `width` of them side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beam {
    /// Compositions of one size that are extended.
    pub(super) width: usize,
}

impl Strategy for Beam {
    fn run(&self, trials: &mut Trials<'_>, pool: Pool) -> Result<Pool> {
        let n = trials.order().len();
        trials.extend(&Edit::default(), &[], n)?;
        let mut beam = vec![Edit::default()];
        let mut steps = Vec::new();
        let mut found = pool.found.clone();
        loop {
            let mut longer: Vec<Edit> = Vec::new();
            for base in &beam {
                let more = |arm: &&Candidate| {
                    arm.changes(trials.config())
                        && !base.reductions().any(|(id, _)| trials.config().overlap(id, arm.id))
                };
                let arms: Vec<Candidate> = pool.arms.iter().filter(more).cloned().collect();
                let left = race(trials, base, &arms, Some(base))?;
                longer.extend(left.into_iter().map(|arm| base.with(arm.id, arm.reduction)));
            }
            // The best of the size before stands first: a size that does not improve on it is the last.
            let ranked = trials.ranked(beam.iter().take(1).cloned().chain(longer));
            let better: Vec<Edit> =
                ranked.into_iter().take_while(|edit| *edit != beam[0]).take(self.width.max(1)).collect();
            let Some(best) = better.first() else { break };
            steps.push(best.clone());
            found.extend(better.iter().cloned());
            beam = better;
            if trials.exhausted() {
                break;
            }
        }
        let found = trials.ranked(found);
        Ok(Pool { found, steps, ..pool })
    }
}
