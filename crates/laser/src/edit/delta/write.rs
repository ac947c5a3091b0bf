//! Writes a delta: the metadata, and the tensors of each matrix in its form.

use std::path::Path;

use laser_checkpoint::{Dtype, NewTensor, safetensors};
use laser_linalg::Matrix;

use super::description::{Description, Form, MatrixEntry};
use crate::edit::edited_matrix::EditedMatrix;
use crate::edit::reduction::Factors;
use crate::error::Result;

/// A matrix of a new delta.
#[derive(Debug)]
pub(crate) struct NewMatrix<'a> {
    edited: &'a EditedMatrix,
    form: Form,
    /// Type of the values of the form [`Form::Dense`].
    dtype: Dtype,
    /// Names of the base model's tensors that hold it.
    tensors: Vec<String>,
}

impl<'a> NewMatrix<'a> {
    /// Chooses the smaller form: factors, which are stored in F32, or all values as `dtype`, a float type, in which the
    /// base model's file stores them. `tensors` are the names of the base model's tensors that hold the matrix.
    pub(crate) fn new(edited: &'a EditedMatrix, dtype: Dtype, tensors: Vec<String>) -> Self {
        let bytes = |matrix: &Matrix, dtype: Dtype| matrix.data().len() * dtype.block_bytes();
        let form = match (&edited.matrix, &edited.factors) {
            (None, _) => Form::Unchanged,
            (Some(dense), Some(factors)) => {
                let low = factors.low_rank();
                match bytes(&low.us, Dtype::F32) + bytes(&low.vt, Dtype::F32) <= bytes(dense, dtype) {
                    true => form_of(factors),
                    false => Form::Dense,
                }
            }
            (Some(_), None) => Form::Dense,
        };
        Self { edited, form, dtype, tensors }
    }

    /// Its entry in the metadata.
    pub(crate) fn entry(&self) -> MatrixEntry {
        MatrixEntry { form: self.form, tensors: self.tensors.clone(), record: self.edited.record.clone() }
    }

    /// Its tensors.
    fn tensors(&self) -> impl Iterator<Item = NewTensor<'_>> {
        let values: Vec<(&Matrix, Dtype)> = match (self.form, &self.edited.factors) {
            (Form::Kept | Form::Removed, Some(factors)) => {
                let low = factors.low_rank();
                vec![(&low.us, Dtype::F32), (&low.vt, Dtype::F32)]
            }
            _ => self.edited.matrix.iter().map(|matrix| (matrix, self.dtype)).collect(),
        };
        let names = self.form.tensors(&self.edited.record.matrix);
        names.into_iter().zip(values).map(|(name, (matrix, dtype))| {
            let shape = [matrix.rows(), matrix.cols()];
            NewTensor::new(name, dtype, &shape, || Ok(matrix.data().to_vec()))
        })
    }
}

/// The form of a matrix that is held by its factors.
fn form_of(factors: &Factors) -> Form {
    match factors {
        Factors::Kept(_) => Form::Kept,
        Factors::Removed(_) => Form::Removed,
    }
}

/// Writes a delta to `path`.
///
/// # Errors
/// A path that cannot be written, or values that the type of the base model's tensors cannot hold.
pub(crate) fn write(path: &Path, description: &Description, matrices: &[NewMatrix<'_>]) -> Result<()> {
    let tensors = matrices.iter().flat_map(NewMatrix::tensors).collect();
    Ok(safetensors::write(path, tensors, &description.to_metadata()?)?)
}
