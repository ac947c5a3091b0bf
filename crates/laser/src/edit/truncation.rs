//! Edit + model → the overlay of replaced matrices, dense or as variants side by side, and a record of each matrix.

mod removed;
mod variants;

use std::collections::BTreeMap;
use std::sync::Arc;

use laser_linalg::{Matrix, Spectrum, Svd};
use serde::Serialize;

use crate::edit::Edit;
use crate::edit::activations::Activations;
use crate::edit::decomposition::Decomposer;
pub use crate::edit::decomposition::SvdMethod;
use crate::edit::reduction::{ReducedMatrix, Reduction, SourceMatrix};
use crate::edit::stored_matrices::{device_weight, stored_matrices};
pub use crate::edit::svd_cache::SvdCache;
use crate::error::Result;
use laser_model::weight_id::WeightId;
use laser_model::{Model, Replacement};

pub(crate) use removed::removal_notes;

/// Applies edits to models.
#[derive(Debug, Clone)]
pub struct Truncation {
    decomposer: Decomposer,
    activations: Option<Arc<Activations>>,
}

/// Record of one edited matrix, for reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TruncationRecord {
    /// Name of the matrix: `L27.gate_proj`.
    pub matrix: String,
    /// The reduction in the short form: `0.01`, `drop-bulk`.
    pub reduction: String,
    /// Number of components kept; `None` for reductions that do not choose among components.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// Largest rank.
    pub max_rank: usize,
    /// Number of values that describe the reduced matrix: r·(m + n) for factors, or m·n if that is less.
    pub parameters: usize,
    /// `‖W − Ŵ‖_F / ‖W‖_F`. Where the largest components are kept, the error of the exact truncation, computed from the
    /// singular values.
    pub relative_error: f64,
}

impl Truncation {
    /// Makes a truncation that keeps exact decompositions in `cache`, if there is one, and computes with `threads`
    /// threads.
    ///
    /// `method` applies to [`Reduction::Leading`]; all other reductions decompose exactly.
    pub fn new(method: SvdMethod, cache: Option<SvdCache>, threads: usize) -> Self {
        Self { decomposer: Decomposer::new(method, cache, threads), activations: None }
    }

    /// Adds the inputs of matrices, which reductions such as [`Reduction::Whitened`] need.
    #[must_use]
    pub fn with_activations(self, activations: Arc<Activations>) -> Self {
        Self { activations: Some(activations), ..self }
    }

    /// Method of the decomposition.
    pub fn method(&self) -> SvdMethod {
        self.decomposer.method()
    }

    /// Returns the model with an edit applied, one dense replacement for each changed stored matrix.
    ///
    /// A reduction that keeps everything leaves its matrix unchanged: with ρ = 1 the model is the same to the bit.
    ///
    /// # Errors
    /// Those of [`Truncation::matrices`].
    pub fn apply(&self, model: &Model, edit: &Edit) -> Result<(Model, Vec<TruncationRecord>)> {
        let (matrices, records) = self.matrices(model, edit)?;
        let dense = |(id, matrix)| Ok((id, Replacement::Dense(device_weight(matrix, model)?)));
        Ok((model.with_overlay(matrices.into_iter().map(dense).collect::<Result<_>>()?), records))
    }

    /// Computes the new values of the stored matrices that an edit changes, `[out, in]`.
    ///
    /// # Errors
    /// A matrix that the model does not have or that cannot be decomposed, or a reduction that needs inputs which were
    /// not measured.
    pub fn matrices(&self, model: &Model, edit: &Edit) -> Result<(BTreeMap<WeightId, Matrix>, Vec<TruncationRecord>)> {
        let mut stored = BTreeMap::new();
        let mut records = Vec::new();
        for (id, reduction) in edit.reductions() {
            let (matrix, record) = self.reduced(model, id, reduction)?;
            records.push(record);
            let Some(matrix) = matrix else { continue };
            // Two edited matrices may be parts of one stored matrix: the second starts from the result of the first.
            let unedited = |id: WeightId| {
                stored.get(&id).map_or_else(|| Ok(model.matrix(id)?), |matrix: &Matrix| Ok(matrix.clone()))
            };
            stored.extend(stored_matrices(model, id, &matrix, unedited)?);
        }
        Ok((stored, records))
    }

    /// Reduces one matrix; `None` if the reduction keeps everything.
    pub(crate) fn reduced(
        &self,
        model: &Model,
        id: WeightId,
        reduction: &Reduction,
    ) -> Result<(Option<Matrix>, TruncationRecord)> {
        let source = self.source(model, id)?;
        let ReducedMatrix { matrix, parameters, rank, relative_error } = reduction.reduce(&source)?;
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

    /// The matrix `id` of the model as loaded, ready to be reduced.
    fn source(&self, model: &Model, id: WeightId) -> Result<SourceMatrix<'_>> {
        let inputs = self.activations.as_ref().and_then(|activations| activations.inputs(id));
        Ok(SourceMatrix::new(id, model.matrix(id)?, &self.decomposer, inputs))
    }

    /// Computes the exact decomposition of the matrix `id` with values `w [m, n]`, or reads it from the cache.
    ///
    /// # Errors
    /// Values that are not finite, or a solver that does not converge.
    pub fn svd(&self, id: WeightId, w: &Matrix) -> Result<Svd> {
        self.decomposer.svd(id, w)
    }

    /// The singular values of the matrix `id` of the model as loaded, and the statistics computed from them.
    ///
    /// # Errors
    /// A matrix that the model does not have, and those of [`Truncation::svd`].
    pub fn spectrum(&self, model: &Model, id: WeightId) -> Result<Spectrum> {
        self.source(model, id)?.spectrum()
    }

    /// Whether the components of a smaller rank are the first components of a larger one, so that one stack of variants
    /// serves all ranks of a matrix.
    pub(crate) fn nests(&self) -> bool {
        self.decomposer.nests()
    }
}

#[cfg(test)]
mod tests;
