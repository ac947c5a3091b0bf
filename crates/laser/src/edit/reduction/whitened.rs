//! `whitened(ρ)`: the truncation that changes the outputs least on the matrix's own inputs.

use std::fmt;

use laser_linalg::RankFraction;

use super::{Reduce, Reduced, Source};
use crate::error::Result;

/// The best matrix of rank ⌊keep·max⌋ in the norm ‖(W − Ŵ)·C^½‖_F, with C = XᵀX/N of the matrix's inputs
/// ([`laser_linalg::WhitenedSvd`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Whitened {
    /// ρ, the share of the largest rank kept.
    pub keep: RankFraction,
}

impl Reduce for Whitened {
    fn reduce(&self, source: &Source<'_>) -> Result<Reduced> {
        let rank = self.keep.of(source.max_rank());
        if rank == source.max_rank() {
            return Ok(source.untouched(Some(rank)));
        }
        let low = source.whitened(self)?.truncate(rank).map_err(source.wrong())?;
        Ok(source.low_rank(&low))
    }
}

impl fmt::Display for Whitened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "whitened({})", self.keep)
    }
}
