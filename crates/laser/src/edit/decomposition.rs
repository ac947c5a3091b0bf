//! Matrix → its singular value decomposition, by the chosen method and from the cache on disk where it is there.
//!
//! The lowest file of `edit`: reductions read decompositions through [`Decomposer`] and know nothing of models.

use std::sync::{Arc, Mutex, PoisonError};

use laser_linalg::{LinalgError, LowRank, Matrix, Method, Svd, decompose, randomized_svd, truncate};
use serde::{Deserialize, Serialize};

use super::seed::derived_seed;
use super::svd_cache::SvdCache;
use crate::error::{Error, Result};
use laser_model::weight_id::WeightId;

/// Power iterations of the randomized decomposition, as in the reference code.
const POWER_ITERATIONS: usize = 2;

/// Number of values from which on matrices are decomposed one after another. A decomposition takes about 24 bytes a value, and has
/// all threads anyway: side by side, those of large matrices would only take more memory.
const LARGE: usize = 1 << 22;

/// Method of the decomposition from which the largest components of a matrix are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SvdMethod {
    /// The exact decomposition, which gives the best approximation of each rank, as the paper defines it.
    #[default]
    Exact,
    /// The randomized range finder of the reference code (no oversampling, 2 power iterations), with a seed.
    ///
    /// It differs from the paper, whose truncation is exact. The reference code sets no seed.
    Randomized {
        /// Seed from which the seed of each matrix and rank is derived.
        seed: u64,
    },
}

/// Computes singular value decompositions.
#[derive(Debug, Clone)]
pub(crate) struct Decomposer {
    method: SvdMethod,
    /// Exact decompositions on disk; `None` for no cache.
    cache: Option<SvdCache>,
    threads: usize,
    /// Held while a large matrix is decomposed.
    large: Arc<Mutex<()>>,
}

impl Decomposer {
    /// Makes a decomposer that keeps exact decompositions in `cache`, if there is one, and computes with `threads`
    /// threads, at least one.
    pub(crate) fn new(method: SvdMethod, cache: Option<SvdCache>, threads: usize) -> Self {
        Self { method, cache, threads: threads.max(1), large: Arc::default() }
    }

    /// Method of [`Decomposer::leading`].
    pub(crate) fn method(&self) -> SvdMethod {
        self.method
    }

    /// Number of threads.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// True if exact decompositions are kept on disk.
    pub(crate) fn has_cache(&self) -> bool {
        self.nests() && self.cache.is_some()
    }

    /// Whether the components of a smaller rank are the first components of a larger one.
    pub(crate) fn nests(&self) -> bool {
        self.method == SvdMethod::Exact
    }

    /// Computes the exact decomposition of the matrix `id` with values `w [m, n]`, or reads it from the cache.
    ///
    /// # Errors
    /// Values that are not finite, or a solver that does not converge.
    pub(crate) fn svd(&self, id: WeightId, w: &Matrix) -> Result<Svd> {
        let is_large = w.rows() * w.cols() >= LARGE;
        // The lock guards memory, not data: a thread that panicked with it left nothing half done.
        let _turn = is_large.then(|| self.large.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(svd) = self.cache.as_ref().and_then(|cache| cache.read(w, self.threads)) {
            return Ok(svd);
        }
        let svd = decompose(w.view(), Method::Auto, self.threads).map_err(matrix_error(id))?;
        if let Some(cache) = &self.cache {
            cache.write(w, &svd, self.threads);
        }
        Ok(svd)
    }

    /// Computes the largest `rank` components of the matrix `id` with values `w [m, n]` as two factors.
    ///
    /// The exact method takes them from `exact`, which is called only then.
    ///
    /// # Errors
    /// Those of `exact`, or values that are not finite.
    pub(crate) fn leading<'s>(
        &self,
        id: WeightId,
        w: &Matrix,
        rank: usize,
        exact: impl FnOnce() -> Result<&'s Svd>,
    ) -> Result<LowRank> {
        Ok(match self.method {
            SvdMethod::Exact => truncate(exact()?, rank),
            SvdMethod::Randomized { seed } => {
                let seed = derived_seed(seed, &format!("{id} {rank}"));
                let svd = randomized_svd(w.view(), rank, POWER_ITERATIONS, seed).map_err(matrix_error(id))?;
                truncate(&svd, rank)
            }
        })
    }
}

/// Adds the matrix's name to an error of linear algebra.
pub(crate) fn matrix_error(id: WeightId) -> impl Fn(LinalgError) -> Error {
    move |source| Error::Linalg { matrix: id.to_string(), source }
}
