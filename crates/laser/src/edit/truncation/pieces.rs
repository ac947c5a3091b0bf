//! An editable matrix's new values → those of the stored matrices it is made of, whole or in part.

use laser_linalg::Matrix;

use crate::error::{Error, Result};
use laser_model::Model;
use laser_model::config::Piece;
use laser_model::weight_id::WeightId;

/// The stored matrices that `id` is made of, with its values from `matrix` and all others from `rest`.
pub(crate) fn placed(
    model: &Model,
    id: WeightId,
    matrix: &Matrix,
    rest: impl Fn(WeightId) -> Result<Matrix>,
) -> Result<Vec<(WeightId, Matrix)>> {
    let mut above = 0; // rows of the pieces before
    let mut stored = Vec::new();
    for piece in model.pieces(id)? {
        let rows = piece.rows.len();
        let whole = model.config().shape(piece.id) == [rows, piece.cols.len()];
        let values =
            if whole { rows_of(matrix, above, rows)? } else { pasted(rest(piece.id)?, &piece, matrix, above)? };
        stored.push((piece.id, values));
        above += rows;
    }
    Ok(stored)
}

/// Some rows of a matrix.
pub(super) fn rows_of(matrix: &Matrix, first: usize, rows: usize) -> Result<Matrix> {
    let width = matrix.cols();
    matrix_of(rows, width, matrix.data()[first * width..(first + rows) * width].to_vec())
}

/// `whole` with a piece of it taken from `matrix`, from its row `first` on.
fn pasted(whole: Matrix, piece: &Piece, matrix: &Matrix, first: usize) -> Result<Matrix> {
    let (rows, width) = (whole.rows(), whole.cols());
    let mut values = whole.into_data();
    let from = matrix.data()[first * matrix.cols()..].chunks_exact(matrix.cols().max(1));
    for (row, from) in piece.rows.clone().zip(from) {
        values[row * width..][piece.cols.clone()].copy_from_slice(from);
    }
    matrix_of(rows, width, values)
}

fn matrix_of(rows: usize, cols: usize, values: Vec<f32>) -> Result<Matrix> {
    Matrix::new(rows, cols, values).map_err(|source| Error::Linalg { matrix: "part of a matrix".into(), source })
}
