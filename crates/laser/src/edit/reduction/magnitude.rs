//! `magnitude(ρ)`: magnitude pruning at equal parameter count (arXiv 2312.13558, appendix D).

use std::fmt;

use laser_linalg::{RankFraction, keep_largest};

use super::{Reduce, Reduced, Source};
use crate::error::Result;

/// The r·(m + n) entries of largest |w|, r = ⌊keep·max⌋, at most all; of equals the first in row-major order.
///
/// Where the entries stand is not counted as parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Magnitude {
    /// ρ of the truncation that has as many parameters.
    pub keep: RankFraction,
}

impl Reduce for Magnitude {
    fn reduce(&self, source: &Source<'_>) -> Result<Reduced> {
        let count = source.parameters(self.keep.of(source.max_rank()));
        if count == source.matrix().data().len() {
            return Ok(source.untouched(None));
        }
        let kept = keep_largest(source.matrix().view(), count).map_err(source.wrong())?;
        Ok(source.dense(kept, count))
    }
}

impl fmt::Display for Magnitude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "magnitude({})", self.keep)
    }
}
