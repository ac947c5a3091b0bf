//! A weight stored once, in the order the product reads it, and the product `x·wᵀ` with it.
//!
//! Every element of a product is one chain of fused multiply-adds in ascending order of the inner dimension, so its
//! bits depend neither on the number of rows, nor on threads, blocks, bands or the instruction set.

mod kernel;

use std::ops::Range;

use super::matmul::View;
use kernel::{Kernel, Product};

/// Outputs in one panel.
const PANEL: usize = 32;

/// One value of the inner dimension for all outputs of a panel; aligned to cache lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Step([f32; PANEL]);

/// A weight `w [out, width]` in panels of 32 outputs: `[out/32][width][32]`, the last panel filled up with zeros.
pub struct Packed {
    /// `[panels · width]`.
    steps: Vec<Step>,
    out: usize,
    width: usize,
}

/// What the sums of a product start from.
#[derive(Clone, Copy)]
pub enum Start<'a> {
    /// Zero.
    Zero,
    /// The same row for all, `[out]`: a bias.
    Row(&'a [f32]),
    /// Row `i` from row `i mod n` of these, `[n, out]`: a residual.
    BatchLayout(&'a [f32]),
    /// The rows that the output ends with, as many as the product has.
    Last,
}

impl Packed {
    /// Packs `w [out, width]`, row-major.
    ///
    /// # Panics
    /// If the number of values is not `out·width`.
    pub fn new(w: &[f32], out: usize, width: usize) -> Self {
        assert_eq!(w.len(), out * width, "a weight has one value for each output and input");
        const RUN: usize = 16; // steps at a time, so that reads and writes both stay in the first-level cache
        let mut steps = vec![Step([0.0; PANEL]); out.div_ceil(PANEL) * width];
        for (panel, rows) in steps.chunks_exact_mut(width.max(1)).zip(w.chunks(PANEL * width.max(1))) {
            for (run, steps) in panel.chunks_mut(RUN).enumerate() {
                for (lane, row) in rows.chunks_exact(width).enumerate() {
                    for (step, value) in steps.iter_mut().zip(&row[run * RUN..]) {
                        step.0[lane] = *value;
                    }
                }
            }
        }
        Self { steps, out, width }
    }

    /// Number of outputs.
    pub fn out(&self) -> usize {
        self.out
    }

    /// Number of inputs.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The values of output `index`, `[width]`.
    pub fn row(&self, index: usize) -> impl Iterator<Item = f32> {
        let first = index / PANEL * self.width;
        self.steps[first..first + self.width].iter().map(move |step| step.0[index % PANEL])
    }

    /// All values, `[out, width]`, row-major.
    pub fn unpack(&self) -> Vec<f32> {
        let mut w = Vec::with_capacity(self.out * self.width);
        (0..self.out).for_each(|row| w.extend(self.row(row)));
        w
    }

    /// All columns.
    pub fn all(&self) -> Band<'_> {
        self.columns(0..self.width)
    }

    /// Some columns: a band of inputs.
    ///
    /// # Panics
    /// If they exceed the width.
    pub fn columns(&self, columns: Range<usize>) -> Band<'_> {
        assert!(columns.start <= columns.end && columns.end <= self.width, "columns {columns:?} of {}", self.width);
        Band { packed: self, columns }
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed [{}, {}]", self.out, self.width)
    }
}

/// Some columns of a packed weight.
#[derive(Clone)]
pub struct Band<'a> {
    packed: &'a Packed,
    columns: Range<usize>,
}

/// Appends `start + x·wᵀ` to `y`: `x [m, columns]`, `w [out, columns]` → `m·out` values.
///
/// # Panics
/// If shapes do not fit.
pub fn append(y: &mut Vec<f32>, x: View<'_>, w: &Band<'_>, start: Start<'_>, threads: usize) {
    Product { x, w, kernel: Kernel::best(), threads }.append(y, start);
}

/// Adds `x·wᵀ` to `y`: `x [m, columns]`, `w [out, columns]`, `y [m, out]`.
///
/// # Panics
/// If shapes do not fit.
pub fn accumulate(y: &mut [f32], x: View<'_>, w: &Band<'_>, threads: usize) {
    Product { x, w, kernel: Kernel::best(), threads }.accumulate(y);
}

#[cfg(test)]
mod tests;
