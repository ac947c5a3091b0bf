//! `sparse(ρ)`: magnitude pruning to a share of the entries, as in the paper's figure 10 (arXiv 2312.13558, appendix D).

use std::fmt;

use laser_linalg::{RankFraction, keep_largest};

use super::{Reduce, ReducedMatrix, SourceMatrix};
use crate::error::Result;

/// Keeps the ⌊keep·m·n⌋ entries with the largest |w|; of equal entries those that come first in row-major order.
///
/// The paper's code sets |w| ≤ sorted[⌊removed·m·n⌋] to zero, which also removes every entry that is equal to the
/// threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sparse {
    /// Share of the entries.
    pub keep: RankFraction,
}

impl Reduce for Sparse {
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        let entries = source.matrix().data().len();
        let count = self.keep.of(entries);
        if count == entries {
            return Ok(source.unchanged(None));
        }
        let kept = keep_largest(source.matrix().view(), count).map_err(source.error())?;
        Ok(source.dense(kept, count))
    }
}

impl fmt::Display for Sparse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sparse({})", self.keep)
    }
}
