//! `0.01`, `r40`, `e0.9`: the largest components (Sharma, Ash and Misra, arXiv 2312.13558).

use laser_linalg::{LowRank, RankRule, Spectrum};

use super::{Reduce, Reduced, Source};
use crate::error::Result;
use laser_model::weight_id::{WeightId, WeightKind};

impl Reduce for RankRule {
    fn reduce(&self, source: &Source<'_>) -> Result<Reduced> {
        let [m, n] = source.shape();
        let spectrum = if self.needs_spectrum() { Some(source.svd()?.s.as_slice()) } else { None };
        let rank = self.resolve(m, n, spectrum).map_err(source.wrong())?;
        if rank == source.max_rank() {
            return Ok(source.untouched(Some(rank)));
        }
        let mut reduced = source.low_rank(&source.leading(rank)?);
        // Also of a randomized decomposition: the error the exact one has, from the singular values.
        reduced.relative_error = LowRank::relative_error(source.svd()?, rank);
        Ok(reduced)
    }

    fn components(&self, _: WeightId, spectrum: &Spectrum) -> Option<Vec<usize>> {
        let max = spectrum.values().len(); // the larger side counts in no rule
        Some((0..self.resolve(max, max, Some(spectrum.values())).ok()?).collect())
    }

    fn check(&self, kind: WeightKind, [m, n]: [usize; 2]) -> Result<(), String> {
        match self {
            Self::Absolute(rank) if *rank > m.min(n) => Err(format!("the largest rank of {kind} is {}", m.min(n))),
            _ => Ok(()),
        }
    }
}
