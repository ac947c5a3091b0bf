//! The loops of the packed product: shares the output among threads, cuts it into blocks that fit the caches, and calls
//! a kernel for each tile.
//!
//! From the outside in: a thread computes a range of panels; for a block of rows and of the inner dimension, it copies
//! `x` into a buffer and goes through its panels; for a panel, it goes through the tiles of the block.

// Threads write to different columns of the same rows, which slices cannot express; so the output is a pointer.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::tile::{self, Kernel, MAX_DEPTH, MAX_ROWS, Tile, X_STRIDE};
use super::{InitialSums, PANEL, PackedColumns};
use crate::matrix_view::MatrixView;

/// Tiles in one block of rows: with `MAX_DEPTH` they take half of a second-level cache of 1 MiB.
const BLOCK_TILES: usize = 12;
/// Smallest number of multiplications that is worth another thread.
const MIN_THREAD_WORK: usize = 1 << 18;

/// A product `x·wᵀ` that is to be computed.
pub(super) struct Product<'a> {
    /// `[rows, columns]`.
    pub(super) x: MatrixView<'a>,
    /// `[out, columns]`.
    pub(super) w: &'a PackedColumns<'a>,
    pub(super) kernel: Kernel,
    pub(super) threads: usize,
}

/// Memory that a product reads its initial sums from, and memory that it writes to. All threads share it, and write to
/// different columns.
#[derive(Clone, Copy)]
struct Target {
    initial: *const f32,
    /// Distance in values between the initial sums of two rows.
    initial_stride: usize,
    /// Number of rows after which the initial sums repeat.
    initial_rows: usize,
    /// Whether all sums start from zero: `initial` then has one row of `PANEL` zeros for all columns.
    zero: bool,
    /// `[rows, out]`.
    out: *mut f32,
}

// SAFETY: `Product::compute` gives each thread its own panels, which are disjoint columns of the output; the initial
// sums are either only read or the same elements that the thread itself writes.
unsafe impl Send for Target {}
// SAFETY: as for `Send`.
unsafe impl Sync for Target {}

static ZEROS: [f32; PANEL] = [0.0; PANEL];

thread_local! {
    /// Copy of a block of `x`, allocated once per thread.
    static X_BLOCK: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Product<'_> {
    /// Appends `initial + x·wᵀ` to `y`.
    pub(super) fn append(&self, y: &mut Vec<f32>, initial: InitialSums<'_>) {
        let (rows, out) = (self.x.rows, self.w.packed.out);
        let (len, new) = (y.len(), rows * out);
        y.reserve(new); // before pointers into `y` are taken
        let zero = matches!(initial, InitialSums::Zero);
        let (initial, initial_stride, initial_rows) = match initial {
            InitialSums::Zero => (ZEROS.as_ptr(), 0, 1),
            InitialSums::Bias(row) => {
                assert_eq!(row.len(), out, "one initial sum for each output");
                (row.as_ptr(), 0, 1)
            }
            InitialSums::Residual(values) => {
                assert!(
                    new == 0 || (!values.is_empty() && values.len().is_multiple_of(out)),
                    "initial sums have whole rows"
                );
                (values.as_ptr(), out, (values.len() / out.max(1)).max(1))
            }
            InitialSums::LastRows => {
                assert!(len >= new, "the output has fewer rows than the product");
                // SAFETY: `y` has at least `new` values, as checked in the line above.
                (unsafe { y.as_ptr().add(len - new) }, out, rows.max(1))
            }
        };
        // SAFETY: `reserve` made room for `new` values after the first `len`, and `compute` writes all of them; the
        // initial sums were checked to have whole rows.
        unsafe {
            let target = Target { initial, initial_stride, initial_rows, zero, out: y.as_mut_ptr().add(len) };
            self.compute(target);
            y.set_len(len + new);
        }
    }

    /// Adds `x·wᵀ` to `y [rows, out]`.
    pub(super) fn add(&self, y: &mut [f32]) {
        let (rows, out) = (self.x.rows, self.w.packed.out);
        assert_eq!(y.len(), rows * out, "one output for each row and output");
        let y = y.as_mut_ptr();
        let target = Target { initial: y, initial_stride: out, initial_rows: rows.max(1), zero: false, out: y };
        // SAFETY: `y` has `rows·out` values, which are its own initial sums.
        unsafe { self.compute(target) }
    }

    /// Shares the panels among threads.
    ///
    /// # Safety
    /// `target.out` has room for `rows·out` values, and `target.initial` has its rows of `out` values.
    unsafe fn compute(&self, target: Target) {
        let (x, columns) = (&self.x, &self.w.columns);
        assert_eq!(x.cols, columns.len(), "inner dimensions differ");
        let panels = self.w.packed.out.div_ceil(PANEL);
        if x.rows == 0 || panels == 0 {
            return;
        }
        let work = x.rows * x.cols * self.w.packed.out;
        let shares = if self.threads > 1 { (work / MIN_THREAD_WORK).clamp(1, self.threads).min(panels) } else { 1 };
        if shares == 1 {
            // SAFETY: the caller's promise.
            return unsafe { self.compute_panels(target, 0..panels) };
        }
        (0..shares).into_par_iter().for_each(|share| {
            // SAFETY: the caller's promise; shares are disjoint.
            unsafe { self.compute_panels(target, share * panels / shares..(share + 1) * panels / shares) }
        });
    }

    /// Computes a range of panels for all rows, in blocks of rows and of the inner dimension. Each block of `x` is
    /// copied into a buffer with a stride that suits the tiles, and stays in the second-level cache for all panels.
    ///
    /// # Safety
    /// As for [`Product::compute`].
    unsafe fn compute_panels(&self, target: Target, panels: Range<usize>) {
        let (rows, depth) = (self.x.rows, self.x.cols);
        // Tiles of almost equal size, instead of full ones and a small rest, which would be slow for its size.
        let tiles = rows.div_ceil(self.kernel.max_rows());
        let blocks = tiles.div_ceil(BLOCK_TILES);
        let first_row = |tile: usize| tile * rows / tiles;
        X_BLOCK.with_borrow_mut(|x_block| {
            x_block.resize(MAX_ROWS * BLOCK_TILES * X_STRIDE, 0.0);
            for block in 0..blocks {
                let tiles = block * tiles / blocks..(block + 1) * tiles / blocks;
                // An empty inner dimension has one block, too, which writes the initial sums to the output.
                for from in (0..depth.max(1)).step_by(MAX_DEPTH) {
                    let inputs = from..depth.min(from + MAX_DEPTH);
                    let rows = first_row(tiles.start)..first_row(tiles.end);
                    for (to, row) in x_block.chunks_exact_mut(X_STRIDE).zip(rows) {
                        let row = &self.x.data[row * self.x.stride..][inputs.clone()];
                        to[..row.len()].copy_from_slice(row);
                    }
                    for panel in panels.clone() {
                        let tiles = tiles.clone().map(|tile| first_row(tile)..first_row(tile + 1));
                        // SAFETY: the caller's promise; the block holds these rows and inputs of `x`.
                        unsafe { self.compute_panel(target, panel, inputs.clone(), tiles, x_block) };
                    }
                }
            }
        });
    }

    /// Computes one panel over a block of inputs for some tiles, which are given by their rows; `x_block` holds these
    /// rows and inputs of `x`.
    ///
    /// # Safety
    /// As for [`Product::compute`].
    unsafe fn compute_panel(
        &self,
        mut target: Target,
        panel: usize,
        inputs: Range<usize>,
        tiles: impl ExactSizeIterator<Item = Range<usize>>,
        x_block: &[f32],
    ) {
        let packed = self.w.packed;
        let (out, column, count) = (packed.out, panel * PANEL, tiles.len());
        if inputs.start > 0 {
            // A later block of the inner dimension continues the sums that the block before has written.
            target =
                Target { initial: target.out, initial_stride: out, initial_rows: self.x.rows, zero: false, ..target };
        }
        let first = panel * packed.width + self.w.columns.start + inputs.start;
        let next_panel = packed.slices.as_ptr().wrapping_add(first + packed.width).cast::<f32>();
        let (slices, depth) = (&packed.slices[first..first + inputs.len()], inputs.len());
        let mut x_row = 0;
        for (tile, rows) in tiles.enumerate() {
            let compute = self.kernel.tile_fn(rows.len());
            // SAFETY: all reads are inside `x_block` and `slices`; the output has these rows and columns, as the caller
            // promises, and if it has fewer columns than a panel, `compute_ragged` gives the kernel a buffer instead.
            unsafe {
                let mut call = Tile {
                    initial: target.initial_of_rows(rows.start, column),
                    out: target.out.add(rows.start * out + column),
                    out_stride: out,
                    x: x_block[x_row * X_STRIDE..].as_ptr(),
                    weights: slices.as_ptr().cast(),
                    depth,
                    prefetch: next_panel.wrapping_add(tile * depth * PANEL / count), // each tile fetches its share
                    prefetch_stride: PANEL / count,
                };
                let columns = out - column;
                if columns < PANEL {
                    tile::compute_ragged(&mut call, compute, rows.len(), columns);
                } else {
                    compute(&call);
                }
            }
            x_row += rows.len();
        }
    }
}

impl Target {
    /// The initial sums at `column` of the rows from `first` on.
    ///
    /// # Safety
    /// The column exists. Pointers for rows beyond the last are not read.
    unsafe fn initial_of_rows(&self, first: usize, column: usize) -> [*const f32; MAX_ROWS] {
        let mut row = first % self.initial_rows;
        let column = if self.zero { 0 } else { column };
        std::array::from_fn(|_| {
            let initial = self.initial.wrapping_add(row * self.initial_stride + column);
            row = if row + 1 == self.initial_rows { 0 } else { row + 1 };
            initial
        })
    }
}
