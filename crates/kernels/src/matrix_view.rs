//! A borrowed row-major matrix of f32: the operand of the matrix products.

use std::ops::Range;

/// A row-major matrix `[rows, cols]` inside a slice; the starts of two consecutive rows are `stride` values apart.
#[derive(Clone, Copy)]
pub(crate) struct MatrixView<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) stride: usize,
}

impl<'a> MatrixView<'a> {
    /// The matrix whose rows follow one another without gaps.
    ///
    /// # Panics
    /// If `data` is shorter than `rows·cols`.
    #[inline]
    pub(crate) fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// The matrix whose rows start `stride` values apart.
    ///
    /// # Panics
    /// If `data` is too short, or if rows overlap. The unsafe code of the products relies on this check.
    #[inline]
    pub(crate) fn strided(data: &'a [f32], rows: usize, cols: usize, stride: usize) -> Self {
        let needed = if rows == 0 || cols == 0 { 0 } else { (rows - 1) * stride + cols };
        assert!(data.len() >= needed && (rows <= 1 || stride >= cols), "view exceeds its buffer, or its rows overlap");
        Self { data, rows, cols, stride }
    }

    /// A range of rows, with all columns.
    #[inline]
    pub(crate) fn rows(self, rows: Range<usize>) -> Self {
        let start = (rows.start * self.stride).min(self.data.len());
        Self::strided(&self.data[start..], rows.len(), self.cols, self.stride)
    }

    /// The columns `from..to` of all rows.
    #[inline]
    pub(crate) fn columns(self, from: usize, to: usize) -> Self {
        Self::strided(&self.data[from.min(self.data.len())..], self.rows, to - from, self.stride)
    }
}
