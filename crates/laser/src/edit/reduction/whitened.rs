//! `whitened(ρ)`: the approximation of a given rank that changes the matrix's outputs least on measured inputs.

use std::fmt;

use laser_linalg::RankFraction;

use super::{Factors, Reduce, ReducedMatrix, SourceMatrix};
use crate::error::Result;

/// The matrix Ŵ of rank ⌊keep·max⌋ with the smallest ‖(W − Ŵ)·C^½‖_F, where C = XᵀX/N is the second moment of the
/// matrix's inputs ([`laser_linalg::WhitenedSvd`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Whitened {
    /// ρ, the share of components that is kept.
    pub keep: RankFraction,
}

impl Reduce for Whitened {
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        let rank = self.keep.of(source.max_rank());
        if rank == source.max_rank() {
            return Ok(source.unchanged(Some(rank)));
        }
        let low = source.whitened(self)?.truncate(rank).map_err(source.error())?;
        source.of_factors(Factors::Kept(low), rank)
    }
}

impl fmt::Display for Whitened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "whitened({})", self.keep)
    }
}
