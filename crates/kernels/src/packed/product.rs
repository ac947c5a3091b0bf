//! The loops of the packed product: shares the output among threads, cuts it into blocks that fit the caches, and calls
//! a kernel for each tile.
//!
//! From the outside in: a thread computes a range of panels; for a block of rows and of the inner dimension, it copies
//! `x` into a buffer and goes through its panels; for a panel, it goes through the tiles of the block. Where many tiles
//! need the same weights of 16 bits, it widens them into another buffer first; codes it always widens, a short part of the
//! inner dimension at a time where few tiles need them. Of a weight in a file, a thread reads and packs some panels at a time.

// Threads write to different columns of the same rows, which slices cannot express; so the output is a pointer.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ops::Range;

use candle_core::Result;
use rayon::prelude::*;

use super::panel_slice::PanelSlice;
use super::storage::{PanelPart, Storage};
use super::tile::{self, Kernel, MAX_DEPTH, MAX_ROWS, Tile, X_STRIDE};
use super::{InitialSums, PANEL, Packed, PackedColumns};
use crate::float_type::FloatType;
use crate::matrix_view::MatrixView;
use crate::row_reader::RowReader;

/// Tiles in one block of rows: with `MAX_DEPTH` they take half of a second-level cache of 1 MiB.
const BLOCK_TILES: usize = 12;
/// Largest number of tiles that widen the same weights in their registers. Where there are more, it is faster to widen the
/// weights once into a buffer.
const WIDENING_TILES: usize = 2;
/// Inputs of a panel of codes that are widened at a time for few tiles: they take half of a first-level cache.
const CODE_DEPTH: usize = 128;
/// Smallest number of multiplications that is worth another thread.
const MIN_THREAD_WORK: usize = 1 << 18;

/// Most values of a weight in a file that a thread packs at a time, so that they stay in a cache.
const VALUES_FROM_FILE: usize = 1 << 20;

/// A weight `[out, columns]` of a product.
#[derive(Clone, Copy)]
pub(crate) enum Factor<'a> {
    /// Columns in memory.
    Packed(&'a PackedColumns<'a>),
    /// Rows that are read and packed for this product.
    InFile(&'a dyn RowReader),
}

impl Factor<'_> {
    /// Number of outputs.
    pub(crate) fn out(&self) -> usize {
        match self {
            Self::Packed(w) => w.packed.out,
            Self::InFile(w) => w.dims()[0],
        }
    }

    fn columns(&self) -> usize {
        match self {
            Self::Packed(w) => w.columns.len(),
            Self::InFile(w) => w.dims()[1],
        }
    }
}

/// A product `x·wᵀ` that is to be computed.
pub(super) struct Product<'a> {
    /// `[rows, columns]`.
    pub(super) x: MatrixView<'a>,
    /// `[out, columns]`.
    pub(super) w: Factor<'a>,
    pub(super) kernel: Kernel,
    pub(super) threads: usize,
}

/// Part of a block of the inner dimension.
struct BlockPart {
    /// First input of the block.
    from: usize,
    /// Inputs of the part, counted from the first of the block.
    inputs: Range<usize>,
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
    /// Number of outputs, which is the distance in values between two rows of the output.
    columns: usize,
}

// SAFETY: `Product::compute` gives each thread its own panels, which are disjoint columns of the output; the initial
// sums are either only read or the same elements that the thread itself writes.
unsafe impl Send for Target {}
// SAFETY: as for `Send`.
unsafe impl Sync for Target {}

static ZEROS: [f32; PANEL] = [0.0; PANEL];

/// Memory of a thread, allocated once.
struct Buffers {
    /// Copy of a block of `x`.
    x: Vec<f32>,
    /// Widened weights of a block of inputs of one panel.
    weights: Vec<PanelSlice<f32>>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = const { RefCell::new(Buffers { x: Vec::new(), weights: Vec::new() }) };
}

impl Product<'_> {
    /// Appends `initial + x·wᵀ` to `y`.
    ///
    /// # Errors
    /// Rows of a weight in a file that cannot be read; nothing is appended then.
    pub(super) fn append(&self, y: &mut Vec<f32>, initial: InitialSums<'_>) -> Result<()> {
        let (rows, out) = (self.x.rows, self.w.out());
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
            let target =
                Target { initial, initial_stride, initial_rows, zero, out: y.as_mut_ptr().add(len), columns: out };
            self.compute(target)?;
            y.set_len(len + new);
        }
        Ok(())
    }

    /// Adds `x·wᵀ` to `y [rows, out]`.
    ///
    /// # Errors
    /// Rows of a weight in a file that cannot be read; `y` has any values then.
    pub(super) fn add(&self, y: &mut [f32]) -> Result<()> {
        let (rows, out) = (self.x.rows, self.w.out());
        assert_eq!(y.len(), rows * out, "one output for each row and output");
        let y = y.as_mut_ptr();
        let target =
            Target { initial: y, initial_stride: out, initial_rows: rows.max(1), zero: false, out: y, columns: out };
        // SAFETY: `y` has `rows·out` values, which are its own initial sums.
        unsafe { self.compute(target) }
    }

    /// Shares the panels among threads.
    ///
    /// # Safety
    /// `target.out` has room for `rows·out` values, and `target.initial` has its rows of `out` values.
    unsafe fn compute(&self, target: Target) -> Result<()> {
        let (x, out) = (&self.x, self.w.out());
        assert_eq!(x.cols, self.w.columns(), "inner dimensions differ");
        let panels = out.div_ceil(PANEL);
        if x.rows == 0 || panels == 0 {
            return Ok(());
        }
        let work = x.rows * x.cols * out;
        let shares = if self.threads > 1 { (work / MIN_THREAD_WORK).clamp(1, self.threads).min(panels) } else { 1 };
        if shares == 1 {
            // SAFETY: the caller's promise.
            return unsafe { self.compute_share(target, 0..panels) };
        }
        (0..shares).into_par_iter().try_for_each(|share| {
            // SAFETY: the caller's promise; shares are disjoint.
            unsafe { self.compute_share(target, share * panels / shares..(share + 1) * panels / shares) }
        })
    }

    /// Computes the panels of one thread.
    ///
    /// # Safety
    /// As for [`Product::compute`].
    unsafe fn compute_share(&self, target: Target, panels: Range<usize>) -> Result<()> {
        let reader = match self.w {
            // SAFETY: the caller's promise.
            Factor::Packed(w) => unsafe {
                self.compute_panels(target, w, panels);
                return Ok(());
            },
            Factor::InFile(reader) => reader,
        };
        let [out, width] = reader.dims();
        let at_once = (VALUES_FROM_FILE / (PANEL * width.max(1))).max(1);
        for first in panels.clone().step_by(at_once) {
            let rows = first * PANEL..out.min(panels.end.min(first + at_once) * PANEL);
            let read = |part: Range<usize>, values: &mut [f32]| {
                reader.read(rows.start + part.start..rows.start + part.end, values)
            };
            let packed = Packed::from_rows(reader.float_type(), rows.len(), width, read)?;
            // SAFETY: the caller's promise; these are columns of the target, and only this thread has them.
            unsafe { self.compute_panels(target.from(rows.start), &packed.all(), 0..rows.len().div_ceil(PANEL)) };
        }
        Ok(())
    }

    /// Computes a range of panels for all rows, in blocks of rows and of the inner dimension. Each block of `x` is
    /// copied into a buffer with a stride that suits the tiles, and stays in the second-level cache for all panels.
    ///
    /// # Safety
    /// As for [`Product::compute`], for the columns of `w`.
    unsafe fn compute_panels(&self, target: Target, w: &PackedColumns<'_>, panels: Range<usize>) {
        let (rows, depth) = (self.x.rows, self.x.cols);
        // Tiles of almost equal size, instead of full ones and a small rest, which would be slow for its size.
        let tiles = rows.div_ceil(self.kernel.max_rows());
        let blocks = tiles.div_ceil(BLOCK_TILES);
        let first_row = |tile: usize| tile * rows / tiles;
        BUFFERS.with_borrow_mut(|buffers| {
            buffers.x.resize(MAX_ROWS * BLOCK_TILES * X_STRIDE, 0.0);
            buffers.weights.resize(MAX_DEPTH, PanelSlice([0.0; PANEL]));
            for block in 0..blocks {
                let tiles = block * tiles / blocks..(block + 1) * tiles / blocks;
                // An empty inner dimension has one block, too, which writes the initial sums to the output.
                for from in (0..depth.max(1)).step_by(MAX_DEPTH) {
                    let inputs = from..depth.min(from + MAX_DEPTH);
                    let rows = first_row(tiles.start)..first_row(tiles.end);
                    for (to, row) in buffers.x.chunks_exact_mut(X_STRIDE).zip(rows) {
                        let row = &self.x.data[row * self.x.stride..][inputs.clone()];
                        to[..row.len()].copy_from_slice(row);
                    }
                    for panel in panels.clone() {
                        let tiles = tiles.clone().map(|tile| first_row(tile)..first_row(tile + 1));
                        // Widened codes of a part of the inputs stay in the first-level cache for the few tiles that need them.
                        let is_short = matches!(w.packed.storage, Storage::Codes(_)) && tiles.len() <= WIDENING_TILES;
                        let at_once = if is_short { CODE_DEPTH } else { MAX_DEPTH };
                        for offset in (0..inputs.len().max(1)).step_by(at_once) {
                            let part = BlockPart { from, inputs: offset..inputs.len().min(offset + at_once) };
                            // SAFETY: the caller's promise; the block holds these rows and inputs of `x`.
                            unsafe { self.compute_panel(target, w, panel, part, tiles.clone(), buffers) };
                        }
                    }
                }
            }
        });
    }

    /// Computes one panel over a part of a block of inputs for some tiles, which are given by their rows; `buffers.x` holds
    /// these rows and the inputs of the block of `x`.
    ///
    /// # Safety
    /// As for [`Product::compute`].
    unsafe fn compute_panel(
        &self,
        mut target: Target,
        w: &PackedColumns<'_>,
        panel: usize,
        part: BlockPart,
        tiles: impl ExactSizeIterator<Item = Range<usize>>,
        buffers: &mut Buffers,
    ) {
        let packed = w.packed;
        let (stride, column, count) = (target.columns, panel * PANEL, tiles.len());
        let (depth, offset) = (part.inputs.len(), part.inputs.start);
        let start = part.from + offset;
        if start > 0 {
            // A later block of the inner dimension continues the sums that the block before has written.
            let initial_rows = self.x.rows;
            target = Target { initial: target.out, initial_stride: stride, initial_rows, zero: false, ..target };
        }
        let first = panel * packed.width + w.columns.start + start;
        let part = match &packed.storage {
            Storage::Codes(panels) => {
                let (weights, stride) = panels.codes_from(first);
                panels.widen(first, &mut buffers.weights[..depth]);
                PanelPart { float_type: FloatType::F32, weights, stride }
            }
            floats => floats.part(first, depth),
        };
        // Addresses without memory behind them are slow to fetch, because the processor looks them up in vain each time.
        let is_last = (panel + 1) * PANEL >= packed.out;
        let next_panel = part.weights.wrapping_add(if is_last { 0 } else { packed.width * part.stride });
        let prefetch_stride = part.stride / count;
        let (mut float_type, mut weights) = (part.float_type, part.weights);
        if matches!(packed.storage, Storage::Codes(_)) {
            weights = buffers.weights.as_ptr().cast();
        } else if float_type != FloatType::F32 && count > WIDENING_TILES {
            let buffer = &mut buffers.weights[..depth];
            // SAFETY: the part has `depth` slices of its type, as the buffer has.
            unsafe { self.kernel.widen(float_type, weights, buffer) };
            (float_type, weights) = (FloatType::F32, buffer.as_ptr().cast());
        }
        let mut x_row = 0;
        for (tile, rows) in tiles.enumerate() {
            let compute = self.kernel.tile_fn(float_type, rows.len());
            // SAFETY: all reads are inside `buffers.x` and the part or its widened copy; the output has these rows and columns, as the caller
            // promises, and if it has fewer columns than a panel, `compute_ragged` gives the kernel a buffer instead.
            unsafe {
                let mut call = Tile {
                    initial: target.initial_of_rows(rows.start, column),
                    out: target.out.add(rows.start * stride + column),
                    out_stride: stride,
                    x: buffers.x[x_row * X_STRIDE + offset..].as_ptr(),
                    weights,
                    depth,
                    prefetch: next_panel.wrapping_add(tile * depth * prefetch_stride), // each tile fetches its share
                    prefetch_stride,
                };
                let columns = packed.out - column;
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
    /// The columns from `column` on.
    ///
    /// # Safety
    /// The column exists.
    unsafe fn from(self, column: usize) -> Self {
        let initial = if self.zero { self.initial } else { self.initial.wrapping_add(column) };
        // SAFETY: the caller's promise.
        Self { initial, out: unsafe { self.out.add(column) }, ..self }
    }

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
