//! The factors of a reduced matrix: takes the unreduced matrix, gives the reduced one, with the same bits on every machine.

use laser_linalg::{LinalgError, LowRank, Matrix, MatrixView};

/// Two thin factors that determine a reduced matrix Ŵ to the bit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Factors {
    /// Ŵ = U·V: the components that are kept.
    Kept(LowRank),
    /// Ŵ = W − U·V: the components that are removed. The form of reductions that keep more than half of the components: it
    /// is smaller, and rounds only what changes.
    Removed(LowRank),
}

impl Factors {
    /// U and V.
    pub(crate) fn low_rank(&self) -> &LowRank {
        match self {
            Self::Kept(low) | Self::Removed(low) => low,
        }
    }

    /// The reduced matrix `[m, n]`, where `w [m, n]` is the unreduced one.
    ///
    /// # Errors
    /// Values beyond the range of f32, or a `w` of another shape.
    pub(crate) fn dense(&self, w: MatrixView<'_>, threads: usize) -> Result<Matrix, LinalgError> {
        match self {
            Self::Kept(low) => low.materialise_finite(threads),
            Self::Removed(low) => low.subtract_from(w, threads),
        }
    }
}
