//! Edit + model → the overlay of replaced matrices, dense or as variants side by side, and a record of each matrix.

mod removed;
mod variants;

use std::collections::BTreeMap;
use std::sync::Arc;

use laser_linalg::{Matrix, Spectrum, Svd};

use crate::edit::Edit;
use crate::edit::activations::Activations;
use crate::edit::decomposition::Decomposer;
pub use crate::edit::decomposition::SvdMethod;
use crate::edit::delta::Delta;
use crate::edit::edited_matrix::EditedMatrix;
pub use crate::edit::edited_matrix::TruncationRecord;
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
    /// Reduced matrices that a file holds, which are not computed again.
    delta: Option<Arc<Delta>>,
}

impl Truncation {
    /// Makes a truncation that keeps exact decompositions in `cache`, if there is one, and computes with `threads`
    /// threads.
    ///
    /// `method` applies to [`Reduction::Leading`]; all other reductions decompose exactly.
    pub fn new(method: SvdMethod, cache: Option<SvdCache>, threads: usize) -> Self {
        Self { decomposer: Decomposer::new(method, cache, threads), activations: None, delta: None }
    }

    /// Adds the inputs of matrices, which reductions such as [`Reduction::Whitened`] need.
    #[must_use]
    pub fn with_activations(self, activations: Arc<Activations>) -> Self {
        Self { activations: Some(activations), ..self }
    }

    /// Takes the matrices that `delta` holds from there, instead of computing them.
    #[must_use]
    pub fn with_delta(self, delta: Option<Arc<Delta>>) -> Self {
        Self { delta, ..self }
    }

    /// The file from which matrices are taken.
    pub(crate) fn delta(&self) -> Option<&Delta> {
        self.delta.as_deref()
    }

    /// Number of threads.
    pub(crate) fn threads(&self) -> usize {
        self.decomposer.threads()
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
            let edited = self.reduced(model, id, reduction)?;
            add_stored(model, &edited, &mut stored)?;
            records.push(edited.record);
        }
        Ok((stored, records))
    }

    /// The new values of the stored matrices that contain the matrices `edited`, `[out, in]`.
    ///
    /// # Errors
    /// A matrix that the model does not have.
    pub(crate) fn stored(model: &Model, edited: &[EditedMatrix]) -> Result<BTreeMap<WeightId, Matrix>> {
        let mut stored = BTreeMap::new();
        edited.iter().try_for_each(|edited| add_stored(model, edited, &mut stored))?;
        Ok(stored)
    }

    /// Reduces one matrix, or takes it from the delta if that holds it.
    pub(crate) fn reduced(&self, model: &Model, id: WeightId, reduction: &Reduction) -> Result<EditedMatrix> {
        if let Some(delta) = self.delta.as_ref().filter(|delta| delta.holds(id, reduction)) {
            return delta.reduced(id, &model.matrix(id)?, self.threads());
        }
        let source = self.source(model, id)?;
        let ReducedMatrix { matrix, factors, parameters, rank, relative_error } = reduction.reduce(&source)?;
        let record = TruncationRecord {
            matrix: id.to_string(),
            reduction: reduction.to_string(),
            rank,
            max_rank: source.max_rank(),
            parameters,
            relative_error,
        };
        Ok(EditedMatrix { id, matrix, factors, record })
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

    /// True if exact decompositions are kept on disk.
    pub(crate) fn has_cache(&self) -> bool {
        self.decomposer.has_cache()
    }

    /// Whether the components of a smaller rank are the first components of a larger one, so that one stack of variants
    /// serves all ranks of a matrix.
    pub(crate) fn nests(&self) -> bool {
        self.decomposer.nests()
    }
}

/// Adds the stored matrices that contain an edited matrix.
fn add_stored(model: &Model, edited: &EditedMatrix, stored: &mut BTreeMap<WeightId, Matrix>) -> Result<()> {
    let Some(matrix) = &edited.matrix else { return Ok(()) };
    // Two edited matrices may be parts of one stored matrix: the second starts from the result of the first.
    let unedited =
        |id: WeightId| stored.get(&id).map_or_else(|| Ok(model.matrix(id)?), |matrix: &Matrix| Ok(matrix.clone()));
    let changed = stored_matrices(model, edited.id, matrix, unedited)?;
    stored.extend(changed);
    Ok(())
}

#[cfg(test)]
mod tests;
