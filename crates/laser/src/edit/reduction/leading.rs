//! `0.01`, `r40`, `e0.9`: keeps the largest components (Sharma, Ash and Misra, arXiv 2312.13558).
//!
//! The type is [`RankRule`] of `laser-linalg`, which says how many components are kept.

use laser_linalg::{LowRank, RankRule, Spectrum};

use super::{Factors, Reduce, ReducedMatrix, SourceMatrix};
use crate::error::Result;
use laser_model::weight_id::{WeightId, WeightKind};

impl Reduce for RankRule {
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        let [m, n] = source.shape();
        let spectrum = if self.needs_spectrum() { Some(source.svd()?.s.as_slice()) } else { None };
        let rank = self.resolve(m, n, spectrum).map_err(source.error())?;
        if rank == source.max_rank() {
            return Ok(source.unchanged(Some(rank)));
        }
        if source.is_exact() {
            return source.components(&(0..rank).collect::<Vec<_>>());
        }
        let mut reduced = source.of_factors(Factors::Kept(source.leading(rank)?), rank)?;
        // The error of the exact truncation, although the factors come from a randomized one, so that reports of both
        // methods compare.
        reduced.relative_error = LowRank::relative_error(source.svd()?, rank);
        Ok(reduced)
    }

    fn components(&self, _: WeightId, spectrum: &Spectrum) -> Option<Vec<usize>> {
        let max = spectrum.values().len(); // a rule reads only the shorter side of a matrix
        Some((0..self.resolve(max, max, Some(spectrum.values())).ok()?).collect())
    }

    fn check(&self, kind: WeightKind, [m, n]: [usize; 2]) -> Result<(), String> {
        match self {
            Self::Absolute(rank) if *rank > m.min(n) => Err(format!("the largest rank of {kind} is {}", m.min(n))),
            _ => Ok(()),
        }
    }
}
