//! New values of an edited matrix → new values of the stored matrices that contain it, and their weights.
//!
//! An edited matrix such as `qkv` consists of several stored matrices, one such as `h2.q_proj` is part of one.

use candle_core::{Device, Tensor};
use laser_linalg::Matrix;

use crate::error::{Error, Result};
use laser_kernels::weight::Weight;
use laser_model::Model;
use laser_model::config::Piece;
use laser_model::weight_id::WeightId;

/// The stored matrices that contain the matrix `id`, `[out, in]`, with the values `matrix` in its place.
///
/// `unedited(id)` gives the values of a stored matrix of which only a part is replaced.
///
/// # Errors
/// A matrix that the model does not have, and the errors of `unedited`.
pub(crate) fn stored_matrices(
    model: &Model,
    id: WeightId,
    matrix: &Matrix,
    unedited: impl Fn(WeightId) -> Result<Matrix>,
) -> Result<Vec<(WeightId, Matrix)>> {
    let mut first_row = 0; // of `matrix`, where the values of the next piece begin
    let mut stored = Vec::new();
    for piece in model.pieces(id)? {
        let rows = piece.rows.len();
        let is_whole = model.config().shape(piece.id) == [rows, piece.cols.len()];
        let values = if is_whole {
            row_range(matrix, first_row, rows)?
        } else {
            with_piece(unedited(piece.id)?, &piece, matrix, first_row)?
        };
        stored.push((piece.id, values));
        first_row += rows;
    }
    Ok(stored)
}

/// Copies `rows` rows of a matrix, from row `first` on.
pub(super) fn row_range(matrix: &Matrix, first: usize, rows: usize) -> Result<Matrix> {
    let width = matrix.cols();
    new_matrix(rows, width, matrix.data()[first * width..(first + rows) * width].to_vec())
}

/// Replaces the piece of `whole` by the rows of `matrix` from row `first` on.
fn with_piece(whole: Matrix, piece: &Piece, matrix: &Matrix, first: usize) -> Result<Matrix> {
    let (rows, width) = (whole.rows(), whole.cols());
    let mut values = whole.into_data();
    let new_rows = matrix.data()[first * matrix.cols()..].chunks_exact(matrix.cols().max(1));
    for (row, new) in piece.rows.clone().zip(new_rows) {
        values[row * width..][piece.cols.clone()].copy_from_slice(new);
    }
    new_matrix(rows, width, values)
}

fn new_matrix(rows: usize, cols: usize, values: Vec<f32>) -> Result<Matrix> {
    Matrix::new(rows, cols, values).map_err(|source| Error::Linalg { matrix: "part of a matrix".into(), source })
}

/// Converts a matrix to a weight on the model's device, in the model's element type.
pub(crate) fn device_weight(matrix: Matrix, model: &Model) -> Result<Weight> {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    let tensor = Tensor::from_vec(matrix.into_data(), (rows, cols), &Device::Cpu)?;
    Ok(Weight::new(tensor.to_device(model.device())?.to_dtype(model.dtype())?)?)
}
