//! `clusters(c,ρ)`: divides the rows into c clusters and truncates each, with as many values in all as one truncation.

use std::fmt;

use laser_linalg::{RankFraction, cluster_rows, truncate_clusters};

use super::{Reduce, ReducedMatrix, SourceMatrix};
use crate::error::Result;
use laser_model::weight_id::WeightKind;

/// Seed of k-means, constant so that the short form describes the reduction completely.
const SEED: u64 = 0;

/// Divides the rows into c clusters by k-means++ with seed 0 and decomposes each cluster by itself; cluster i with m_i
/// rows keeps r_i components.
///
/// Σ r_i·(m_i + n) ≤ r·(m + n) with r = ⌊keep·max⌋: never more values than a truncation to rank r. Components are kept
/// one at a time, in the order of their energy per value, σ²/(m_i + n). The assignment of rows to clusters does not
/// count as values. One cluster equals the truncation; r = max leaves the matrix unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clusters {
    clusters: usize,
    keep: RankFraction,
}

impl Clusters {
    /// Makes a reduction to `clusters` clusters that has at most as many values as a truncation to ρ = `keep`.
    ///
    /// # Errors
    /// `clusters` is 0.
    pub fn new(clusters: usize, keep: RankFraction) -> Result<Self, String> {
        if clusters == 0 {
            return Err("0 clusters, expected at least 1, such as clusters(8,0.1)".into());
        }
        Ok(Self { clusters, keep })
    }
}

impl Reduce for Clusters {
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        let ([m, n], rank) = (source.shape(), self.keep.of(source.max_rank()));
        if rank == source.max_rank() {
            return Ok(source.unchanged(None));
        }
        let w = source.matrix().view();
        let labels = cluster_rows(w, self.clusters, SEED).map_err(source.error())?;
        let truncated = truncate_clusters(w, &labels, rank * (m + n), source.threads()).map_err(source.error())?;
        if truncated.matrix == *source.matrix() {
            return Ok(source.unchanged(None)); // every cluster keeps all its components
        }
        Ok(source.dense(truncated.matrix, truncated.parameters.min(m * n)))
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
