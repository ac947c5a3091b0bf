//! `drop-bulk`: removes the components that a random matrix of the same noise would have (Marchenko and Pastur 1967).

use std::fmt;

use laser_linalg::Spectrum;

use super::{Reduce, Reduced, Source};
use crate::error::Result;
use laser_model::weight_id::WeightId;

/// All components but those between the two edges of the bulk, as [`laser_linalg::Spectrum::noise_bulk`] estimates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DropBulk;

impl Reduce for DropBulk {
    fn reduce(&self, source: &Source<'_>) -> Result<Reduced> {
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
