//! Edits → overlay: decomposes the edited matrices (once each, cached on disk) and builds their replacements.

mod pieces;
mod svd_cache;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use laser_linalg::{Covariance, LowRank, Matrix, Method, Svd, decompose, randomized_svd, truncate};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::edit::Edit;
use crate::edit::reduction::{Reduced, Reduction, Source};
use crate::error::{Error, Result};
use crate::evaluate::activation::Activations;
use laser_kernels::linear::Weight;
use laser_kernels::variants::Variants;
use laser_model::config::Piece;
use laser_model::weight_id::WeightId;
use laser_model::{Model, Replacement};
pub(crate) use pieces::placed;
use pieces::rows_of;

/// How a matrix is decomposed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SvdMethod {
    /// The exact decomposition: the best approximation of each rank, as the paper defines it.
    #[default]
    Exact,
    /// The range finder of the reference code (no oversampling, 2 power iterations), with a seed.
    ///
    /// Differs from the paper, whose truncation is exact; the reference's is unseeded.
    Randomized {
        /// Seed; each matrix and rank derives its own from it.
        seed: u64,
    },
}

/// Makes replacements for matrices.
#[derive(Debug, Clone)]
pub struct Truncation {
    method: SvdMethod,
    /// Folder of cached decompositions.
    cache: Option<PathBuf>,
    threads: usize,
    activations: Option<Arc<Activations>>,
}

/// An edited matrix, as a report shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TruncationRecord {
    /// `L27.gate_proj`.
    pub matrix: String,
    /// What was kept, in the short form: `0.01`, `drop-bulk`.
    pub reduction: String,
    /// Components kept, where the matrix is made of components.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// Largest rank.
    pub max_rank: usize,
    /// Numbers that describe what was kept: r·(m + n) for factors, or m·n if that is less.
    pub parameters: usize,
    /// `‖W − Ŵ‖_F / ‖W‖_F`; of the largest components that of the exact truncation, from the singular values.
    pub relative_error: f64,
}

impl Truncation {
    /// `cache`: folder to keep decompositions in.
    ///
    /// The method is that of [`Reduction::Leading`]; the other reductions decompose exactly.
    pub fn new(method: SvdMethod, cache: Option<PathBuf>, threads: usize) -> Self {
        Self { method, cache, threads: threads.max(1), activations: None }
    }

    /// The same with the inputs of matrices, which reductions like [`Reduction::Whitened`] need.
    pub fn with_activations(self, activations: Arc<Activations>) -> Self {
        Self { activations: Some(activations), ..self }
    }

    /// How matrices are decomposed.
    pub fn method(&self) -> SvdMethod {
        self.method
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// The inputs of a matrix, where they were measured.
    pub(crate) fn inputs(&self, id: WeightId) -> Option<&Covariance> {
        self.activations.as_ref()?.inputs(id)
    }

    /// The model with an edit applied: dense replacements, one a matrix.
    ///
    /// A reduction that keeps everything leaves the matrix alone, so ρ = 1 is the same model to the bit.
    pub fn apply(&self, model: &Model, edit: &Edit) -> Result<(Model, Vec<TruncationRecord>)> {
        let (matrices, records) = self.matrices(model, edit)?;
        let dense = |(id, matrix)| Ok((id, Replacement::Dense(on_device(matrix, model)?)));
        Ok((model.with_overlay(matrices.into_iter().map(dense).collect::<Result<_>>()?), records))
    }

    /// The stored matrices that an edit changes, as they are after it: `[out, in]`.
    ///
    /// # Errors
    /// A matrix that the model does not have, or that cannot be decomposed.
    pub fn matrices(&self, model: &Model, edit: &Edit) -> Result<(BTreeMap<WeightId, Matrix>, Vec<TruncationRecord>)> {
        let mut stored = BTreeMap::new();
        let mut records = Vec::new();
        for (id, reduction) in edit.reductions() {
            let (matrix, record) = self.reduced(model, id, reduction)?;
            records.push(record);
            let Some(matrix) = matrix else { continue };
            let rest = |id: WeightId| {
                stored.get(&id).map_or_else(|| Ok(model.matrix(id)?), |matrix: &Matrix| Ok(matrix.clone()))
            };
            stored.extend(placed(model, id, &matrix, rest)?);
        }
        Ok((stored, records))
    }

    /// One matrix reduced; `None` where everything is kept.
    pub fn reduced(
        &self,
        model: &Model,
        id: WeightId,
        reduction: &Reduction,
    ) -> Result<(Option<Matrix>, TruncationRecord)> {
        let source = self.source(model, id)?;
        let Reduced { matrix, parameters, rank, relative_error } = reduction.reduce(&source)?;
        let record = TruncationRecord {
            matrix: id.to_string(),
            reduction: reduction.to_string(),
            rank,
            max_rank: source.max_rank(),
            parameters,
            relative_error,
        };
        Ok((matrix, record))
    }

    /// Reductions of one matrix side by side, one variant each, in the order given.
    ///
    /// Those that keep the largest components and say how many come first, sorted upwards: they share one pair of
    /// factors. All others, and a rank that keeps everything, are dense.
    ///
    /// # Panics
    /// If a rank known beforehand follows another reduction, or a larger one.
    pub(crate) fn variants(
        &self,
        model: &Model,
        id: WeightId,
        reductions: &[Reduction],
    ) -> Result<Vec<(WeightId, Replacement)>> {
        let source = self.source(model, id)?;
        let max_rank = source.max_rank();
        let ranks: Vec<usize> =
            reductions.iter().map_while(|r| r.leading_rank(max_rank)).take_while(|r| *r < max_rank).collect();
        let (nested, dense) = reductions.split_at(ranks.len());
        assert!(ranks.is_sorted(), "the ranks of variants are sorted upwards");
        let behind = dense.iter().any(|r| r.leading_rank(max_rank).is_some_and(|rank| rank < max_rank));
        assert!(!behind, "the ranks of variants come first");

        let pieces = model.pieces(id)?;
        let mut parts: Vec<Vec<Variants>> = vec![Vec::new(); pieces.len()]; // of each piece
        // Part of a stored matrix has no factors of its own: the rest of the matrix stays.
        let whole = pieces.iter().all(|piece| model.config().shape(piece.id) == [piece.rows.len(), piece.cols.len()]);
        let (nested, dense) = if whole { (nested, dense) } else { reductions.split_at(0) };
        // Randomized factors differ from rank to rank and cannot be shared.
        let shares: Vec<&[usize]> = match self.method {
            SvdMethod::Exact if nested.is_empty() => Vec::new(),
            SvdMethod::Exact => vec![&ranks],
            SvdMethod::Randomized { .. } => ranks.chunks(1).collect(),
        };
        for ranks in shares {
            let low = source.leading(ranks[ranks.len() - 1])?;
            let vt = on_device(low.vt, model)?;
            let mut below = 0; // rows of the pieces before
            for (piece, parts) in pieces.iter().zip(&mut parts) {
                let us = on_device(rows_of(&low.us, below, piece.rows.len())?, model)?;
                parts.push(Variants::nested(us, vt.clone(), ranks.to_vec())?);
                below += piece.rows.len();
            }
        }
        if !dense.is_empty() {
            let mut weights: Vec<Vec<Weight>> = vec![Vec::new(); pieces.len()];
            for reduction in dense {
                let matrix = reduction.reduce(&source)?.matrix;
                let matrix = matrix.as_ref().unwrap_or(source.matrix());
                // The rest of a matrix of which only a part is edited may have been edited before.
                let placed = placed(model, id, matrix, |id| Ok(model.current(id)?))?;
                for ((_, matrix), weights) in placed.into_iter().zip(&mut weights) {
                    weights.push(on_device(matrix, model)?);
                }
            }
            parts.iter_mut().zip(weights).for_each(|(parts, weights)| parts.push(Variants::dense(weights)));
        }
        let stack = |(piece, parts): (Piece, Vec<Variants>)| {
            (piece.id, Replacement::Variants(Arc::new(Variants::stack(parts))))
        };
        Ok(pieces.into_iter().zip(parts).map(stack).collect())
    }

    /// Whether ranks of one matrix share their components, so that one stack of variants serves them all.
    pub(crate) fn nests(&self) -> bool {
        self.method == SvdMethod::Exact
    }

    fn source(&self, model: &Model, id: WeightId) -> Result<Source<'_>> {
        Ok(Source::new(id, model.matrix(id)?, self))
    }

    /// The largest `rank` components of a matrix, by the method.
    pub(crate) fn leading(&self, source: &Source<'_>, rank: usize) -> Result<LowRank> {
        Ok(match self.method {
            SvdMethod::Exact => truncate(source.svd()?, rank),
            SvdMethod::Randomized { seed } => {
                let id = source.id();
                let seed = derived_seed(seed, &format!("{id} {rank}"));
                let svd = randomized_svd(source.matrix().view(), rank, 2, seed);
                truncate(&svd.map_err(|source| Error::Linalg { matrix: id.to_string(), source })?, rank)
            }
        })
    }

    /// The exact decomposition of a matrix, from the cache if it is there.
    pub fn svd(&self, id: WeightId, w: &Matrix) -> Result<Svd> {
        let file = |folder: &PathBuf| folder.join(format!("{}.safetensors", svd_cache::content_key(w)));
        let path = self.cache.as_ref().map(file);
        if let Some(svd) = path.as_deref().and_then(|path| svd_cache::read(path, w)) {
            return Ok(svd);
        }
        let svd = decompose(w.view(), Method::Auto, self.threads)
            .map_err(|source| Error::Linalg { matrix: id.to_string(), source })?;
        if let Some(path) = path {
            svd_cache::write(&path, &svd)?;
        }
        Ok(svd)
    }
}

/// The seed that one use derives from the user's.
pub(crate) fn derived_seed(seed: u64, of: &str) -> u64 {
    let digest = Sha256::digest(format!("{seed} {of}"));
    u64::from_le_bytes(std::array::from_fn(|i| digest[i]))
}

/// A matrix as a weight where the model computes, in its element type.
pub(crate) fn on_device(matrix: Matrix, model: &Model) -> Result<Weight> {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    let tensor = Tensor::from_vec(matrix.into_data(), (rows, cols), &Device::Cpu)?;
    Ok(Weight::new(tensor.to_device(model.device())?.to_dtype(model.dtype())?)?)
}

#[cfg(test)]
mod tests;
