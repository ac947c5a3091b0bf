//! `clusters(c,ρ)`: rows in c clusters, each truncated on its own, at the size of one truncation.

use std::fmt;

use laser_linalg::{RankFraction, cluster_rows, truncate_clusters};

use super::{Reduce, Reduced, Source};
use crate::error::Result;
use laser_model::weight_id::WeightKind;

/// Seed of the k-means: always the same, so that the short form says all.
const SEED: u64 = 0;

/// c clusters of rows by k-means++ with seed 0; cluster i of m_i rows keeps r_i components of its own decomposition.
///
/// Σ r_i·(m_i + n) ≤ r·(m + n) with r = ⌊keep·max⌋: never more numbers than the plain truncation. The budget is spent
/// one component at a time where it keeps the most energy a number, σ²/(m_i + n). Which rows form which cluster is not
/// counted. One cluster is the plain truncation; r = max leaves the matrix alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clusters {
    clusters: usize,
    keep: RankFraction,
}

impl Clusters {
    /// `clusters` clusters at the size of a truncation to ρ = `keep`.
    ///
    /// # Errors
    /// No clusters.
    pub fn new(clusters: usize, keep: RankFraction) -> Result<Self, String> {
        if clusters == 0 {
            return Err("0 clusters, expected at least 1, such as clusters(8,0.1)".into());
        }
        Ok(Self { clusters, keep })
    }
}

impl Reduce for Clusters {
    fn reduce(&self, source: &Source<'_>) -> Result<Reduced> {
        let ([m, n], rank) = (source.shape(), self.keep.of(source.max_rank()));
        if rank == source.max_rank() {
            return Ok(source.untouched(None));
        }
        let w = source.matrix().view();
        let labels = cluster_rows(w, self.clusters, SEED).map_err(source.wrong())?;
        let found = truncate_clusters(w, &labels, rank * (m + n), source.threads()).map_err(source.wrong())?;
        if found.matrix == *source.matrix() {
            return Ok(source.untouched(None)); // every cluster keeps all its components
        }
        Ok(source.dense(found.matrix, found.parameters.min(m * n)))
    }

    fn check(&self, kind: WeightKind, [m, _]: [usize; 2]) -> Result<(), String> {
        if self.clusters > m {
            return Err(format!("{} clusters, and {kind} has {m} rows", self.clusters));
        }
        Ok(())
    }
}

impl fmt::Display for Clusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clusters({},{})", self.clusters, self.keep)
    }
}
