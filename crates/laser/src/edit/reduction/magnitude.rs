//! `magnitude(ρ)`: magnitude pruning with the parameter count of a truncation (arXiv 2312.13558, appendix D).

use std::fmt;

use laser_linalg::{RankFraction, keep_largest};

use super::{Reduce, ReducedMatrix, SourceMatrix};
use crate::error::Result;

/// Keeps the r·(m + n) entries with the largest |w|, at most all, with r = ⌊keep·max⌋; of equal entries those that come
/// first in row-major order.
///
/// The positions of the entries do not count as parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Magnitude {
    /// ρ of the truncation with as many parameters.
    pub keep: RankFraction,
}

impl Reduce for Magnitude {
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        let count = source.parameters(self.keep.of(source.max_rank()));
        if count == source.matrix().data().len() {
            return Ok(source.unchanged(None));
        }
        let kept = keep_largest(source.matrix().view(), count).map_err(source.error())?;
        Ok(source.dense(kept, count))
    }
}

impl fmt::Display for Magnitude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "magnitude({})", self.keep)
    }
}
