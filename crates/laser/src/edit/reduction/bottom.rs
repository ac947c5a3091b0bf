//! `bottom(ρ)`: the smallest components, the opposite of a truncation (arXiv 2312.13558, figure 5).

use std::fmt;

use laser_linalg::{RankFraction, Spectrum};

use super::{Reduce, Reduced, Source};
use crate::error::Result;
use laser_model::weight_id::WeightId;

/// The ⌊keep·max⌋ smallest components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bottom {
    /// ρ, the share of the components kept.
    pub keep: RankFraction,
}

impl Reduce for Bottom {
    fn reduce(&self, source: &Source<'_>) -> Result<Reduced> {
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
