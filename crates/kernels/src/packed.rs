//! A packed weight: stored once, in the order in which the matrix product `x·wᵀ` reads it, and that product.
//!
//! Each element of a product is one chain of fused multiply-adds in ascending order of the inner dimension. So its bits
//! depend neither on the number of rows or threads, nor on the division of the inner dimension into blocks or column
//! ranges, nor on the instruction set.

mod product;
#[cfg(test)]
mod tests;
mod tile;

use std::ops::Range;

use crate::matrix_view::MatrixView;
use product::Product;
use tile::Kernel;

/// Number of outputs in one panel.
const PANEL: usize = 32;

/// The weights of one input for all outputs of a panel; aligned to cache lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct PanelSlice([f32; PANEL]);

/// A weight `w [out, width]`, stored in panels of 32 outputs: `[out/32][width][32]`. The last panel is filled up with
/// zeros.
pub struct Packed {
    /// `[panels · width]`.
    slices: Vec<PanelSlice>,
    out: usize,
    width: usize,
}

/// Values to which a product is added.
#[derive(Clone, Copy)]
pub(crate) enum InitialSums<'a> {
    /// Zero.
    Zero,
    /// The same row for all rows of the product, `[out]`.
    Bias(&'a [f32]),
    /// Row `i mod n` of these `[n, out]` for row `i` of the product.
    Residual(&'a [f32]),
    /// The last rows of the output so far, as many as the product has.
    LastRows,
}

impl Packed {
    /// Packs `w [out, width]`, row-major.
    ///
    /// # Panics
    /// If the number of values is not `out·width`.
    pub fn new(w: &[f32], out: usize, width: usize) -> Self {
        assert_eq!(w.len(), out * width, "a weight has one value for each output and input");
        const RUN: usize = 16; // inputs at a time, so that reads and writes both stay in the first-level cache
        let mut slices = vec![PanelSlice([0.0; PANEL]); out.div_ceil(PANEL) * width];
        for (panel, rows) in slices.chunks_exact_mut(width.max(1)).zip(w.chunks(PANEL * width.max(1))) {
            for (run, slices) in panel.chunks_mut(RUN).enumerate() {
                for (lane, row) in rows.chunks_exact(width).enumerate() {
                    for (slice, value) in slices.iter_mut().zip(&row[run * RUN..]) {
                        slice.0[lane] = *value;
                    }
                }
            }
        }
        Self { slices, out, width }
    }

    /// Number of outputs.
    #[inline]
    pub fn out(&self) -> usize {
        self.out
    }

    /// Number of inputs.
    #[inline]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The weights of output `index`, `[width]`.
    ///
    /// # Panics
    /// If the panel of the output does not exist.
    #[inline]
    pub fn row(&self, index: usize) -> impl Iterator<Item = f32> {
        let first = index / PANEL * self.width;
        self.slices[first..first + self.width].iter().map(move |slice| slice.0[index % PANEL])
    }

    /// All values, `[out, width]`, row-major.
    pub fn unpack(&self) -> Vec<f32> {
        let mut w = Vec::with_capacity(self.out * self.width);
        (0..self.out).for_each(|row| w.extend(self.row(row)));
        w
    }

    /// All columns.
    pub(crate) fn all(&self) -> PackedColumns<'_> {
        self.columns(0..self.width)
    }

    /// A range of columns: the weights of these inputs.
    ///
    /// # Panics
    /// If the range exceeds the width.
    pub(crate) fn columns(&self, columns: Range<usize>) -> PackedColumns<'_> {
        assert!(columns.start <= columns.end && columns.end <= self.width, "columns {columns:?} of {}", self.width);
        PackedColumns { packed: self, columns }
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed [{}, {}]", self.out, self.width)
    }
}

/// A range of columns of a packed weight, `[out, columns]`.
#[derive(Clone)]
pub(crate) struct PackedColumns<'a> {
    packed: &'a Packed,
    columns: Range<usize>,
}

/// Appends `initial + x·wᵀ` to `y`: `x [m, columns]`, `w [out, columns]` → `m·out` values.
///
/// # Panics
/// If shapes do not fit.
pub(crate) fn append_product(
    y: &mut Vec<f32>,
    x: MatrixView<'_>,
    w: &PackedColumns<'_>,
    initial: InitialSums<'_>,
    threads: usize,
) {
    Product { x, w, kernel: Kernel::best(), threads }.append(y, initial);
}

/// Adds `x·wᵀ` to `y`: `x [m, columns]`, `w [out, columns]`, `y [m, out]`.
///
/// # Panics
/// If shapes do not fit.
pub(crate) fn add_product(y: &mut [f32], x: MatrixView<'_>, w: &PackedColumns<'_>, threads: usize) {
    Product { x, w, kernel: Kernel::best(), threads }.add(y);
}
