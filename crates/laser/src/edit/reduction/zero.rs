//! `zero`: replaces the matrix by zeros, the baseline that shows what the matrix contributes.

use std::fmt;

use laser_linalg::{Matrix, Spectrum};

use super::{Reduce, ReducedMatrix, SourceMatrix};
use crate::error::Result;
use laser_model::weight_id::WeightId;

/// A matrix of zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zero;

impl Reduce for Zero {
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        let [m, n] = source.shape();
        Ok(ReducedMatrix { rank: Some(0), ..source.dense(Matrix::zeros(m, n), 0) })
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
