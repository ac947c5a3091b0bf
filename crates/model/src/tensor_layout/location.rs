//! The location of one stored matrix in a file: its tensor, and the rows of that tensor that belong to it.

use laser_checkpoint::{Checkpoint, CheckpointError};

/// Location of a stored matrix in a file.
///
/// Rows of the tensor are counted in the orientation `[out, in]`, even if the file stores `[in, out]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorLocation {
    /// Name of the tensor, without `.weight`.
    pub stem: String,
    /// Shape of the tensor in the file.
    pub shape: Vec<usize>,
    /// Whether the file stores `[in, out]`.
    pub(super) transposed: bool,
    /// The tensor's row for each row of the matrix.
    pub(super) rows: Vec<usize>,
    /// Number of rows of the whole tensor.
    pub(super) total_rows: usize,
}

impl TensorLocation {
    /// Name of the tensor that holds the matrix.
    pub fn weight_name(&self) -> String {
        format!("{}.weight", self.stem)
    }

    /// Number of rows of the whole tensor.
    pub fn total_rows(&self) -> usize {
        self.total_rows
    }

    /// Whether the file stores `[in, out]`.
    pub fn is_transposed(&self) -> bool {
        self.transposed
    }

    /// The tensor's row for each row of the matrix.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Whether the matrix is one range of consecutive rows of the tensor.
    pub fn is_contiguous(&self) -> bool {
        !self.transposed && self.rows.windows(2).all(|pair| pair[1] == pair[0] + 1)
    }

    /// Reads the values of the matrix, `[out, in]` row-major.
    ///
    /// # Errors
    /// A tensor that is missing or cannot be read.
    pub fn read(&self, checkpoint: &Checkpoint) -> Result<Vec<f32>, CheckpointError> {
        let view = checkpoint.tensor(&self.weight_name())?;
        match self.rows.first() {
            Some(first) if self.is_contiguous() => view.rows_to_f32(*first..*first + self.rows.len()),
            _ => Ok(self.extract(&view.to_f32()?)),
        }
    }

    /// Reads the values of the bias, `[out]`.
    ///
    /// # Errors
    /// A tensor that is missing or cannot be read.
    pub fn read_bias(&self, checkpoint: &Checkpoint) -> Result<Vec<f32>, CheckpointError> {
        let all = checkpoint.tensor(&format!("{}.bias", self.stem))?.to_f32()?;
        Ok(self.rows.iter().map(|row| all[*row]).collect())
    }

    /// Copies the values of the matrix, `[out, in]` row-major, out of the values of the whole tensor.
    pub fn extract(&self, tensor: &[f32]) -> Vec<f32> {
        let width = tensor.len() / self.total_rows.max(1);
        let mut values = Vec::with_capacity(self.rows.len() * width);
        for row in &self.rows {
            if self.transposed {
                values.extend((0..width).map(|col| tensor[col * self.total_rows + row]));
            } else {
                values.extend_from_slice(&tensor[row * width..(row + 1) * width]);
            }
        }
        values
    }

    /// Copies the values of the matrix, `[out, in]` row-major, into the values of the whole tensor: the inverse of
    /// [`TensorLocation::extract`].
    pub fn insert(&self, values: &[f32], tensor: &mut [f32]) {
        let width = values.len() / self.rows.len().max(1);
        for (row, values) in self.rows.iter().zip(values.chunks_exact(width.max(1))) {
            if self.transposed {
                values.iter().enumerate().for_each(|(col, value)| tensor[col * self.total_rows + row] = *value);
            } else {
                tensor[row * width..(row + 1) * width].copy_from_slice(values);
            }
        }
    }

    /// Copies the values of the bias, `[out]`, into the values of the whole tensor.
    pub fn insert_bias(&self, values: &[f32], tensor: &mut [f32]) {
        self.rows.iter().zip(values).for_each(|(row, value)| tensor[*row] = *value);
    }
}
