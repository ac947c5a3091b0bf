//! Writes an edit as a delta: one file with the reduced matrices, from which the base model gives the edited one to the byte.

use std::collections::BTreeMap;
use std::path::Path;

use laser_checkpoint::Dtype;
use laser_linalg::Matrix;
use sha2::{Digest, Sha256};

use super::verify::{EditedTensor, StoredMatrix, StoredTensor};
use super::{Export, ExportedModel, TemporaryTarget, check_head};
use crate::edit::delta::{Delta, DeltaCard, DeltaTensor, Description, EXTENSION, NewMatrix, write};
use crate::edit::edited_matrix::EditedMatrix;
use crate::error::{Error, Result};
use laser_model::load::ModelFiles;
use laser_model::weight_id::WeightId;

impl Export<'_> {
    /// Checks, before any matrix is computed, that a delta of models like `files` can be written to `out`.
    ///
    /// # Errors
    /// A target that cannot be written, or adapters that untie the output head.
    pub fn check_delta(files: &ModelFiles, out: &Path) -> Result<()> {
        check_head(files)?;
        TemporaryTarget::file(out, files.path(), EXTENSION)?; // leaves nothing on disk
        Ok(())
    }

    /// Writes the matrices `edited`, of which the export's are made, as one file to `out`, which must not exist. Then
    /// reads it, has `rebuild` make the export's matrices from it, and compares the tensors that they give.
    ///
    /// # Errors
    /// A target that cannot be written, values beyond the type of their tensor, or a file that gives another model.
    pub(crate) fn to_delta(
        &self,
        out: &Path,
        edited: &[EditedMatrix],
        rebuild: impl FnOnce(Delta) -> Result<BTreeMap<WeightId, Matrix>>,
    ) -> Result<ExportedModel> {
        let target = TemporaryTarget::file(out, self.files.path(), EXTENSION)?;
        let written = self.write_delta(target.path(), edited, rebuild);
        let matrices = written.map_err(|e| target.rename_in_error(e))?;
        let notes = self.merge_note().into_iter().collect();
        Ok(ExportedModel { notes, matrices, ..ExportedModel::new(target.commit()?) })
    }

    fn write_delta(
        &self,
        file: &Path,
        edited: &[EditedMatrix],
        rebuild: impl FnOnce(Delta) -> Result<BTreeMap<WeightId, Matrix>>,
    ) -> Result<Vec<StoredMatrix>> {
        let planned = self.as_in_delta(self.planned(&self.matrices)?)?;
        let matrices: Vec<NewMatrix<'_>> =
            edited.iter().map(|matrix| self.new_matrix(matrix)).collect::<Result<_>>()?;
        let (repository, revision) = self.card.repository(self.files);
        let description = Description {
            recipe: self.recipe.clone(),
            card: DeltaCard {
                base_model: self.card.base_model.clone(),
                task: self.card.task.clone(),
                results: self.card.results.clone(),
            },
            repository,
            revision,
            matrices: matrices.iter().map(NewMatrix::entry).collect(),
            tensors: self.before_and_after_all(&planned)?,
        };
        write(file, &description, &matrices)?;
        let again = self.planned(&rebuild(Delta::open(file, self.files.config())?)?)?;
        match planned.iter().zip(&again).find(|(a, b)| a.sha256 != b.sha256) {
            Some((tensor, _)) => Err(differs(file, &tensor.tensor)),
            None => Ok(planned),
        }
    }

    /// The tensors that would be written with `matrices` in the source's own format and types, ordered by layer.
    fn planned(&self, matrices: &BTreeMap<WeightId, Matrix>) -> Result<Vec<StoredMatrix>> {
        let mut planned = BTreeMap::new();
        for (name, tensor) in self.edited_tensors_of(matrices, None)? {
            let EditedTensor { ids, dtype, values, .. } = tensor;
            if ids.is_empty() {
                continue; // changed by an adapter only
            }
            let old = self.files.checkpoint().tensor(&name)?;
            let (bytes, stored) = old.after_rewrite(&values)?;
            let stored = StoredTensor { bytes: &bytes, values: &stored };
            let matrix = StoredMatrix::new(&ids, &name, dtype, stored, &values, &old.to_f32()?);
            planned.insert((ids, name), matrix);
        }
        Ok(planned.into_values().collect())
    }

    /// An edited matrix as a delta holds it.
    fn new_matrix<'m>(&self, edited: &'m EditedMatrix) -> Result<NewMatrix<'m>> {
        let tensors = self.files.tensor_names(edited.id);
        let mut types = tensors.iter().map(|name| Ok(self.files.checkpoint().tensor(name)?.info().dtype));
        let dtype = types.next().transpose()?.unwrap_or(Dtype::F32);
        let others = types.collect::<Result<Vec<_>>>()?;
        // The blocks of quantised types hold several values, and a matrix may be part of some.
        let is_exact = matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) && others.iter().all(|d| *d == dtype);
        Ok(NewMatrix::new(edited, if is_exact { dtype } else { Dtype::F32 }, tensors))
    }

    /// The tensors that `matrices` change, with the hashes that they have before and after, as the delta of them would say.
    ///
    /// # Errors
    /// Values beyond the type of their tensor.
    pub(crate) fn tensors_of(&self, matrices: &BTreeMap<WeightId, Matrix>) -> Result<Vec<DeltaTensor>> {
        self.before_and_after_all(&self.planned(matrices)?)
    }

    fn before_and_after_all(&self, planned: &[StoredMatrix]) -> Result<Vec<DeltaTensor>> {
        planned.iter().map(|matrix| self.before_and_after(matrix)).collect()
    }

    /// The hashes of a tensor in the base model and in the edited one.
    fn before_and_after(&self, matrix: &StoredMatrix) -> Result<DeltaTensor> {
        let old = self.files.checkpoint().tensor(&matrix.tensor)?;
        Ok(DeltaTensor {
            tensor: matrix.tensor.clone(),
            dtype: old.info().dtype.to_string(),
            shape: old.info().shape.clone(),
            base_sha256: hex::encode(Sha256::digest(old.bytes())),
            sha256: matrix.sha256.clone(),
            max_abs: matrix.max_abs,
            relative: matrix.relative,
        })
    }

    /// The stored matrices of a model in the base model's own format, compared with the delta they are from, if any: with
    /// the rounding errors that they had where the delta was made.
    ///
    /// # Errors
    /// A tensor with another hash.
    pub(super) fn as_in_delta(&self, mut stored: Vec<StoredMatrix>) -> Result<Vec<StoredMatrix>> {
        let Some(delta) = self.delta else { return Ok(stored) };
        for matrix in &mut stored {
            let expected = delta.tensors().iter().find(|tensor| tensor.tensor == matrix.tensor);
            let expected = expected.filter(|expected| expected.sha256 == matrix.sha256);
            let expected = expected.ok_or_else(|| differs(delta.path(), &matrix.tensor))?;
            (matrix.max_abs, matrix.relative) = (expected.max_abs, expected.relative);
        }
        Ok(stored)
    }
}

/// The error of a delta whose matrices give another tensor than the one that it promises.
fn differs(delta: &Path, tensor: &str) -> Error {
    let problem = format!(
        "its matrices do not give the tensor `{tensor}` whose SHA-256 the file names: the file is damaged, or this program \
         has a fault"
    );
    Error::Run { path: delta.to_owned(), problem }
}
