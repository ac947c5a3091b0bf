//! `bottom(ρ)`: keeps the smallest components, which a truncation removes (arXiv 2312.13558, figure 5).

use std::fmt;

use laser_linalg::{RankFraction, Spectrum};

use super::{Reduce, ReducedMatrix, SourceMatrix};
use crate::error::Result;
use laser_model::weight_id::WeightId;

/// Keeps the ⌊keep·max⌋ smallest components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bottom {
    /// ρ, the share of components that is kept.
    pub keep: RankFraction,
}

impl Reduce for Bottom {
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        let max = source.max_rank();
        source.components(&(max - self.keep.of(max)..max).collect::<Vec<_>>())
    }

    fn components(&self, _: WeightId, spectrum: &Spectrum) -> Option<Vec<usize>> {
        let max = spectrum.values().len();
        Some((max - self.keep.of(max)..max).collect())
    }
}

impl fmt::Display for Bottom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bottom({})", self.keep)
    }
}
