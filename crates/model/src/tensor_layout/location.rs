//! The location of one stored matrix in a file: its tensor, and the rows of that tensor that belong to it.

use laser_checkpoint::{Checkpoint, CheckpointError};

use crate::arch::tensor_names::Endings;

/// Location of a stored matrix in a file.
///
/// Rows of the tensor are counted in the orientation `[out, in]`, even if the file stores `[in, out]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorLocation {
    /// Name of the tensor, without its ending.
    pub stem: String,
    /// Shape of the tensor in the file.
    pub shape: Vec<usize>,
    /// Whether the file stores `[in, out]`.
    pub(super) transposed: bool,
    /// Number of rows of a block of the tensor, `[in, out]` if the file stores that: all, or those of one expert or head.
    pub(super) rows_of_block: usize,
    /// True if each head has a matrix of its own in the tensor.
    pub(super) by_head: bool,
    /// The tensor's row for each row of the matrix.
    pub(super) rows: Vec<usize>,
    /// Number of rows of the whole tensor.
    pub(super) total_rows: usize,
    /// Endings of the names of the tensors with weights and with biases.
    pub(super) endings: Endings,
    /// Shape of the tensor with the biases.
    pub(super) bias_shape: Vec<usize>,
}

impl TensorLocation {
    /// Name of the tensor that holds the matrix.
    pub fn weight_name(&self) -> String {
        format!("{}{}", self.stem, self.endings.weight)
    }

    /// Name of the tensor that holds the bias of the matrix.
    pub fn bias_name(&self) -> String {
        format!("{}{}", self.stem, self.endings.bias)
    }

    /// Shape of the tensor that holds the bias of the matrix.
    pub fn bias_shape(&self) -> &[usize] {
        &self.bias_shape
    }

    /// Number of rows of the whole tensor.
    pub fn total_rows(&self) -> usize {
        self.total_rows
    }

    /// Whether the file stores `[in, out]`.
    pub fn is_transposed(&self) -> bool {
        self.transposed
    }

    /// True if each head has a matrix of its own in the tensor.
    pub fn is_by_head(&self) -> bool {
        self.by_head
    }

    /// The tensor's row for each row of the matrix.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Whether the matrix is one range of consecutive rows of the tensor.
    pub fn is_contiguous(&self) -> bool {
        !self.transposed && self.rows.windows(2).all(|pair| pair[1] == pair[0] + 1)
    }

    /// True if the matrix can be read without the rest of its tensor.
    pub(crate) fn is_read_alone(&self) -> bool {
        self.is_contiguous() || self.only_block().is_some()
    }

    /// The block with all rows of the matrix, in a tensor that holds several blocks `[in, out]`: that of its expert.
    fn only_block(&self) -> Option<usize> {
        let mut blocks = self.rows.iter().map(|row| row / self.rows_of_block);
        let first = blocks.next().filter(|_| self.transposed && self.rows_of_block < self.total_rows)?;
        blocks.all(|block| block == first).then_some(first)
    }

    /// Reads the values of the matrix, `[out, in]` row-major.
    ///
    /// # Errors
    /// A tensor that is missing or cannot be read.
    pub fn read(&self, checkpoint: &Checkpoint) -> Result<Vec<f32>, CheckpointError> {
        let view = checkpoint.tensor(&self.weight_name())?;
        if let Some(block) = self.only_block() {
            // Its values follow one another, and the whole tensor may be many times as large.
            let width = view.info().rows() / (self.total_rows / self.rows_of_block);
            let values = view.rows_to_f32(block * width..(block + 1) * width)?;
            let rows = self.rows.iter().map(|row| row % self.rows_of_block).collect();
            return Ok(Self { rows, total_rows: self.rows_of_block, ..self.clone() }.extract(&values));
        }
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
        let all = checkpoint.tensor(&self.bias_name())?.to_f32()?;
        Ok(self.rows.iter().map(|row| all[*row]).collect())
    }

    /// Copies the values of the matrix, `[out, in]` row-major, out of the values of the whole tensor.
    pub fn extract(&self, tensor: &[f32]) -> Vec<f32> {
        let width = tensor.len() / self.total_rows.max(1);
        let mut values = Vec::with_capacity(self.rows.len() * width);
        for row in &self.rows {
            if self.transposed {
                values.extend((0..width).map(|col| tensor[self.place(*row, col, width)]));
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
                values.iter().enumerate().for_each(|(col, value)| tensor[self.place(*row, col, width)] = *value);
            } else {
                tensor[row * width..(row + 1) * width].copy_from_slice(values);
            }
        }
    }

    /// Place of a value of a tensor with `width` columns that is stored `[in, out]`, or as one such block for each expert
    /// or head.
    fn place(&self, row: usize, col: usize, width: usize) -> usize {
        let (block, within) = (row / self.rows_of_block, row % self.rows_of_block);
        (block * width + col) * self.rows_of_block + within
    }

    /// Copies the values of the bias, `[out]`, into the values of the whole tensor.
    pub fn insert_bias(&self, values: &[f32], tensor: &mut [f32]) {
        self.rows.iter().zip(values).for_each(|(row, value)| tensor[*row] = *value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_transposed_parts_return_to_their_places() {
        // Two parts of three rows and two columns, of which the matrix has the last row of each.
        let location = TensorLocation {
            stem: String::new(),
            shape: vec![2, 2, 3],
            transposed: true,
            rows_of_block: 3,
            by_head: true,
            rows: vec![2, 5],
            total_rows: 6,
            endings: Endings::USUAL,
            bias_shape: vec![6],
        };
        let tensor: Vec<f32> = (0..12u8).map(f32::from).collect();
        let values = location.extract(&tensor);
        assert_eq!(values, [2.0, 5.0, 8.0, 11.0]);
        let mut stored = vec![0.0; 12];
        location.insert(&values, &mut stored);
        assert_eq!(stored, [0.0, 0.0, 2.0, 0.0, 0.0, 5.0, 0.0, 0.0, 8.0, 0.0, 0.0, 11.0]);
    }
}
