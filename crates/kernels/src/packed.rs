//! A packed weight: stored once, in the order in which the matrix product `x·wᵀ` reads it, and that product.
//!
//! Each element of a product is one chain of fused multiply-adds in ascending order of the inner dimension. So its bits
//! depend neither on the number of rows or threads, nor on the division of the inner dimension into blocks or column
//! ranges, nor on the instruction set.

mod codes;
mod panel_slice;
mod product;
mod storage;
#[cfg(test)]
mod tests;
mod tile;

use std::ops::Range;

use candle_core::Result;

use crate::float_type::FloatType;
use crate::matrix_view::MatrixView;
use codes::CodePanels;
pub use codes::{CodeFormat, CodeRows};
pub(crate) use product::Factor;
use product::Product;
use storage::Storage;
use tile::Kernel;

/// Number of outputs in one panel.
const PANEL: usize = 32;

/// A weight `w [out, width]`, stored in panels of 32 outputs: `[out/32][width][32]`. The last panel is filled up with
/// zeros.
pub struct Packed {
    storage: Storage,
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
        let mut storage = Storage::zeros(FloatType::F32, out.div_ceil(PANEL) * width);
        for (panel, rows) in w.chunks(PANEL * width.max(1)).enumerate() {
            storage.set_panel(panel * width, rows, width);
        }
        Self { storage, out, width }
    }

    /// Packs a weight `[out, width]` that `read` gives some rows at a time: it fills the second argument with the values of
    /// these rows. They are stored in `float_type`, or in f32 if that type does not have all of the values: nothing is
    /// rounded.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn from_rows<E>(
        float_type: FloatType,
        out: usize,
        width: usize,
        mut read: impl FnMut(Range<usize>, &mut [f32]) -> std::result::Result<(), E>,
    ) -> std::result::Result<Self, E> {
        let mut storage = Storage::zeros(float_type, out.div_ceil(PANEL) * width);
        let mut values = vec![0.0; PANEL.min(out) * width];
        for first in (0..out).step_by(PANEL) {
            let rows = first..out.min(first + PANEL);
            let values = &mut values[..rows.len() * width];
            read(rows, values)?;
            let slice = first / PANEL * width;
            if !storage.set_panel(slice, values, width) {
                storage = storage.widened();
                storage.set_panel(slice, values, width);
            }
        }
        Ok(Self { storage, out, width })
    }

    /// Packs a weight `[out, width]` whose rows `read` gives as values and as codes, some at a time. Codes are stored, or f32 if
    /// they do not stand for exactly these values: nothing is rounded.
    ///
    /// # Errors
    /// Those of `read`.
    ///
    /// # Panics
    /// If the run of the format does not divide the width.
    pub fn from_codes<E>(
        format: CodeFormat,
        out: usize,
        width: usize,
        mut read: impl FnMut(Range<usize>, &mut [f32], &mut CodeRows) -> std::result::Result<(), E>,
    ) -> std::result::Result<Self, E> {
        assert!(width.is_multiple_of(format.run), "runs do not cross rows");
        let mut storage = Storage::Codes(CodePanels::zeros(format, out.div_ceil(PANEL) * width));
        let mut values = vec![0.0; PANEL.min(out) * width];
        for first in (0..out).step_by(PANEL) {
            let rows = first..out.min(first + PANEL);
            let values = &mut values[..rows.len() * width];
            let mut codes = CodeRows::zeros(format, rows.len(), width);
            read(rows, values, &mut codes)?;
            let slice = first / PANEL * width;
            if let Storage::Codes(panels) = &mut storage {
                panels.set_panel(slice, &codes, width);
                if panels.holds(slice, values, width) {
                    continue;
                }
                storage = storage.widened();
            }
            storage.set_panel(slice, values, width);
        }
        Ok(Self { storage, out, width })
    }

    /// Number of bytes that a weight `[out, width]` of codes takes in memory.
    pub fn bytes_of_codes(format: CodeFormat, [out, width]: [usize; 2]) -> usize {
        format.bytes_of(out.div_ceil(PANEL) * width)
    }

    /// Number of bytes that a weight `[out, width]` takes in memory.
    pub fn bytes_of(float_type: FloatType, [out, width]: [usize; 2]) -> usize {
        Storage::bytes_of(float_type, out.div_ceil(PANEL) * width)
    }

    /// Number of bytes of the values in memory.
    pub fn bytes(&self) -> usize {
        self.storage.bytes()
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

    /// Appends the weights of output `index`, `[width]`, to `to`.
    ///
    /// # Panics
    /// If the panel of the output does not exist.
    pub fn append_row(&self, index: usize, to: &mut Vec<f32>) {
        self.storage.append_row(index, self.width, to);
    }

    /// All values, `[out, width]`, row-major.
    pub fn unpack(&self) -> Vec<f32> {
        let mut w = Vec::with_capacity(self.out * self.width);
        (0..self.out).for_each(|row| self.append_row(row, &mut w));
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
    append_product_with(y, x, Factor::Packed(w), initial, threads).expect("a packed weight is in memory");
}

/// As [`append_product`], with a weight that may be in a file.
///
/// # Errors
/// Rows that cannot be read; nothing is appended then.
///
/// # Panics
/// If shapes do not fit.
pub(crate) fn append_product_with(
    y: &mut Vec<f32>,
    x: MatrixView<'_>,
    w: Factor<'_>,
    initial: InitialSums<'_>,
    threads: usize,
) -> Result<()> {
    Product { x, w, kernel: Kernel::best(), threads }.append(y, initial)
}

/// Adds `x·wᵀ` to `y`: `x [m, columns]`, `w [out, columns]`, `y [m, out]`.
///
/// # Panics
/// If shapes do not fit.
pub(crate) fn add_product(y: &mut [f32], x: MatrixView<'_>, w: &PackedColumns<'_>, threads: usize) {
    add_product_with(y, x, Factor::Packed(w), threads).expect("a packed weight is in memory");
}

/// As [`add_product`], with a weight that may be in a file.
///
/// # Errors
/// Rows that cannot be read; `y` has any values then.
///
/// # Panics
/// If shapes do not fit.
pub(crate) fn add_product_with(y: &mut [f32], x: MatrixView<'_>, w: Factor<'_>, threads: usize) -> Result<()> {
    Product { x, w, kernel: Kernel::best(), threads }.add(y)
}
