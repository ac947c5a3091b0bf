//! The path between a matrix and the residual stream: the words that a component writes and reads are looked for there.
//!
//! Matrices beside the residual stream write into it, or read from it, themselves. Vectors between the matrices of an MLP are
//! carried by the neighbouring matrix, without gate and activation function; norms are left out. The insides of attention heads
//! have no such path.

use laser_linalg::Matrix;
use laser_model::Model;
use laser_model::weight_id::{WeightId, WeightKind};

use crate::error::Result;

/// The matrices between an MLP matrix and the residual stream.
pub(crate) struct ResidualPath {
    kind: WeightKind,
    /// Down projection, `[d_model, d_mlp]`, for matrices that write into the MLP.
    down: Option<Matrix>,
    /// Up projection, `[d_mlp, d_model]`, for matrices that read from the MLP.
    up: Option<Matrix>,
}

impl ResidualPath {
    /// The path of the matrix `id`.
    ///
    /// # Errors
    /// Values that cannot be read.
    pub(crate) fn of(model: &Model, id: WeightId) -> Result<Self> {
        let sibling = |kind: WeightKind| WeightId { kind, ..id };
        let matrix = |kind: WeightKind| model.matrix(sibling(kind));
        let down =
            matches!(id.kind, WeightKind::Gate | WeightKind::Up).then(|| matrix(WeightKind::Down)).transpose()?;
        let up = (id.kind == WeightKind::Down).then(|| matrix(WeightKind::Up)).transpose()?;
        Ok(Self { kind: id.kind, down, up })
    }

    /// The direction that an output direction writes into the residual stream, `[d_model]`; `None` for a matrix that writes nothing there.
    pub(crate) fn written(&self, u: &[f32]) -> Option<Vec<f32>> {
        match (self.kind, &self.down) {
            (WeightKind::O | WeightKind::ConvOut | WeightKind::Down, _) => Some(u.to_vec()),
            (_, Some(down)) => Some(times(down, u)),
            _ => None,
        }
    }

    /// The direction that an input direction reads from the residual stream, `[d_model]`; `None` for a matrix that reads nothing there.
    pub(crate) fn read(&self, v: &[f32]) -> Option<Vec<f32>> {
        match (self.kind, &self.up) {
            (WeightKind::O | WeightKind::ConvOut, _) => None,
            // They read the vectors of latent attention.
            (WeightKind::QueryB | WeightKind::KeyB | WeightKind::ValueB | WeightKind::KeyValueB, _) => None,
            (WeightKind::Down, Some(up)) => Some(transposed_times(up, v)),
            (WeightKind::Down, None) => None,
            _ => Some(v.to_vec()),
        }
    }
}

/// `M·x`, `[rows]`.
fn times(matrix: &Matrix, x: &[f32]) -> Vec<f32> {
    matrix
        .data()
        .chunks_exact(matrix.cols().max(1))
        .map(|row| row.iter().zip(x).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() as f32)
        .collect()
}

/// `Mᵀ·x`, `[cols]`.
fn transposed_times(matrix: &Matrix, x: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0f64; matrix.cols()];
    for (row, factor) in matrix.data().chunks_exact(matrix.cols().max(1)).zip(x) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value) * f64::from(*factor));
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_take_the_neighbouring_matrix() {
        let matrix = |rows, cols, data: &[f32]| Matrix::new(rows, cols, data.to_vec()).expect("a matrix");
        let down = matrix(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let up = matrix(3, 2, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let path = |kind, down, up| ResidualPath { kind, down, up };
        let gate = path(WeightKind::Gate, Some(down), None);
        assert_eq!(gate.written(&[1.0, 0.0, -1.0]), Some(vec![-2.0, -2.0]));
        assert_eq!(gate.read(&[7.0, 8.0]), Some(vec![7.0, 8.0]));
        let down = path(WeightKind::Down, None, Some(up));
        assert_eq!(down.read(&[1.0, 0.0, -1.0]), Some(vec![-4.0, -4.0]));
        assert_eq!(down.written(&[7.0, 8.0]), Some(vec![7.0, 8.0]));
        let output = path(WeightKind::O, None, None);
        assert_eq!((output.read(&[1.0]), output.written(&[1.0])), (None, Some(vec![1.0])));
        let query = path(WeightKind::Q, None, None);
        assert_eq!((query.read(&[1.0]), query.written(&[1.0])), (Some(vec![1.0]), None));
    }
}
