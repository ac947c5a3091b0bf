//! `zero`: replaces the matrix by zeros, the baseline that shows what the matrix contributes.

use std::fmt;

use laser_linalg::{LowRank, Matrix, Spectrum};

use super::{Factors, Reduce, ReducedMatrix, SourceMatrix};
use crate::error::Result;
use laser_model::weight_id::WeightId;

/// A matrix of zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zero;

impl Reduce for Zero {
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        let [m, n] = source.shape();
        let nothing = LowRank { us: Matrix::zeros(m, 0), vt: Matrix::zeros(0, n), rank: 0 };
        source.of_factors(Factors::Kept(nothing), 0)
    }

    fn components(&self, _: WeightId, _: &Spectrum) -> Option<Vec<usize>> {
        Some(Vec::new())
    }
}

impl fmt::Display for Zero {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("zero")
    }
}
