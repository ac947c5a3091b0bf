//! `band(a..b)`: components ⌊a·max⌋ (included) to ⌊b·max⌋ (excluded), counted from 0 at the largest.

use std::fmt;
use std::ops::Range;

use laser_linalg::{RankFraction, Spectrum};

use super::{Reduce, ReducedMatrix, SourceMatrix};
use crate::error::Result;
use laser_model::weight_id::{WeightId, WeightKind};

/// A band of the spectrum, with `from` < `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Band {
    from: RankFraction,
    to: RankFraction,
}

impl Band {
    /// Makes a band from the share `from` of the components, counted from the largest, to the share `to`.
    ///
    /// # Errors
    /// `from` is not below `to`.
    pub fn new(from: RankFraction, to: RankFraction) -> Result<Self, String> {
        if from < to { Ok(Self { from, to }) } else { Err(format!("the band {from}..{to} is empty")) }
    }

    /// Positions of the kept components among `max_rank`, counted from 0 at the largest.
    fn range(self, max_rank: usize) -> Range<usize> {
        self.from.of(max_rank)..self.to.of(max_rank)
    }
}

impl Reduce for Band {
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        source.components(&self.range(source.max_rank()).collect::<Vec<_>>())
    }

    fn components(&self, _: WeightId, spectrum: &Spectrum) -> Option<Vec<usize>> {
        Some(self.range(spectrum.values().len()).collect())
    }

    fn check(&self, kind: WeightKind, [m, n]: [usize; 2]) -> Result<(), String> {
        let max = m.min(n);
        if self.range(max).is_empty() {
            return Err(format!("the band {}..{} has none of the {max} components of {kind}", self.from, self.to));
        }
        Ok(())
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "band({}..{})", self.from, self.to)
    }
}
