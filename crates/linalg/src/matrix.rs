//! Row-major f32 matrices: the input and the output of every other file of this crate.
//!
//! Nothing is computed here. A [`Matrix`] owns its elements. A [`MatrixView`] borrows them, for example from a loaded
//! tensor, so that a weight can be decomposed without a copy.

use crate::error::LinalgError;

/// A matrix that owns its elements; element (i, j) is at position `i * cols + j`.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    data: Vec<f32>,
}

/// A matrix that borrows its elements; element (i, j) is at position `i * cols + j`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatrixView<'a> {
    rows: usize,
    cols: usize,
    data: &'a [f32],
}

impl Matrix {
    /// Makes a matrix \[rows, cols\] of row-major `data`.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] if `data` does not have `rows * cols` elements.
    pub fn new(rows: usize, cols: usize, data: Vec<f32>) -> Result<Self, LinalgError> {
        check_shape(rows, cols, data.len())?;
        Ok(Self { rows, cols, data })
    }

    /// Makes a matrix \[rows, cols\] of zeros.
    #[must_use]
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self { rows, cols, data: vec![0.0; rows * cols] }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All elements, row by row.
    #[must_use]
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// All elements, row by row, to be changed in place.
    pub(crate) fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Turns the matrix into its elements, row by row.
    #[must_use]
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// The elements of row `i`, counted from 0.
    ///
    /// # Panics
    /// If `i` is not below [`rows`](Self::rows).
    #[must_use]
    pub fn row(&self, i: usize) -> &[f32] {
        self.view().row(i)
    }

    /// Borrows the whole matrix as a view.
    #[must_use]
    pub fn view(&self) -> MatrixView<'_> {
        MatrixView { rows: self.rows, cols: self.cols, data: &self.data }
    }
}

impl<'a> MatrixView<'a> {
    /// Makes a view \[rows, cols\] of row-major `data`.
    ///
    /// # Errors
    /// [`LinalgError::Shape`] if `data` does not have `rows * cols` elements.
    pub fn new(rows: usize, cols: usize, data: &'a [f32]) -> Result<Self, LinalgError> {
        check_shape(rows, cols, data.len())?;
        Ok(Self { rows, cols, data })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn cols(self) -> usize {
        self.cols
    }

    /// The maximum rank, min(rows, cols).
    #[must_use]
    pub fn max_rank(self) -> usize {
        self.rows.min(self.cols)
    }

    /// All elements, row by row.
    #[must_use]
    pub fn data(self) -> &'a [f32] {
        self.data
    }

    /// The elements of row `i`, counted from 0.
    ///
    /// # Panics
    /// If `i` is not below [`rows`](Self::rows).
    #[must_use]
    pub fn row(self, i: usize) -> &'a [f32] {
        assert!(i < self.rows, "row {i} of a matrix with {} rows", self.rows);
        &self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// Copies the elements, bit for bit, into a matrix that owns them.
    #[must_use]
    pub fn to_matrix(self) -> Matrix {
        Matrix { rows: self.rows, cols: self.cols, data: self.data.to_vec() }
    }

    /// Checks that no entry is NaN or infinite.
    ///
    /// # Errors
    /// [`LinalgError::NotFinite`] with the coordinates of the first such entry in row-major order.
    pub fn check_finite(self) -> Result<(), LinalgError> {
        match self.data.iter().position(|x| !x.is_finite()) {
            None => Ok(()),
            // There is an entry, so the number of columns is not 0.
            Some(at) => Err(LinalgError::NotFinite { row: at / self.cols, col: at % self.cols, value: self.data[at] }),
        }
    }
}

/// Checks that `found` elements fill the shape; a product that overflows is a mismatch, not a panic.
fn check_shape(rows: usize, cols: usize, found: usize) -> Result<(), LinalgError> {
    if rows.checked_mul(cols) == Some(found) { Ok(()) } else { Err(LinalgError::Shape { rows, cols, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_must_fit_the_data() {
        let m = Matrix::new(2, 3, vec![1., 2., 3., 4., 5., 6.]).unwrap();
        assert_eq!(m.row(1), [4., 5., 6.]);
        let error = Matrix::new(2, 3, vec![0.0; 5]).unwrap_err();
        assert_eq!(error, LinalgError::Shape { rows: 2, cols: 3, found: 5 });
        assert!(MatrixView::new(usize::MAX, 2, &[]).is_err());
    }

    #[test]
    fn the_first_entry_that_is_not_finite_is_named() {
        let mut data = vec![0.0; 12];
        data[7] = f32::NEG_INFINITY;
        data[9] = f32::NAN;
        let error = MatrixView::new(3, 4, &data).unwrap().check_finite().unwrap_err();
        let expected = LinalgError::NotFinite { row: 1, col: 3, value: f32::NEG_INFINITY };
        assert_eq!(error, expected);
        assert_eq!(MatrixView::new(0, 4, &[]).unwrap().check_finite(), Ok(()));
    }
}
