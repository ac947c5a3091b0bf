//! `drop-bulk`: removes the components that a matrix of random noise would have (Marchenko and Pastur 1967).

use std::fmt;

use laser_linalg::Spectrum;

use super::{Reduce, ReducedMatrix, SourceMatrix};
use crate::error::Result;
use laser_model::weight_id::WeightId;

/// Removes the components between the two edges of the noise bulk, which [`laser_linalg::Spectrum::noise_bulk`]
/// estimates, and keeps all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DropBulk;

impl Reduce for DropBulk {
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        let bulk = source.spectrum()?.noise_bulk();
        source.components(&(0..bulk.start).chain(bulk.end..source.max_rank()).collect::<Vec<_>>())
    }

    fn components(&self, _: WeightId, spectrum: &Spectrum) -> Option<Vec<usize>> {
        let bulk = spectrum.noise_bulk();
        Some((0..bulk.start).chain(bulk.end..spectrum.values().len()).collect())
    }
}

impl fmt::Display for DropBulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("drop-bulk")
    }
}
