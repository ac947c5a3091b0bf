//! The exhaustive search: every candidate on every item.

use crate::edit::Edit;
use crate::error::Result;

use super::Candidate;
use super::strategy::{Pool, Strategy};
use super::trials::Trials;

/// Tries every candidate on all items.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exhaustive;

impl Strategy for Exhaustive {
    fn run(&self, trials: &mut Trials<'_>, pool: Pool) -> Result<Pool> {
        trials.extend(&Edit::default(), &pool.arms, trials.order().len())?;
        let found = trials.ranked(pool.arms.iter().map(Candidate::edit));
        Ok(Pool { found, ..pool })
    }
}
