//! The loops of the packed product and its tiles in AVX-512, AVX2 and portable form; all the `unsafe` of it.
//!
//! A tile is up to 14 rows of `x` by one panel of outputs, kept in registers over a block of the inner dimension. It
//! starts from given values and is stored to the output, from where the next block of the inner dimension goes on:
//! the chain of additions is the same however it is cut.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::{Band, PANEL, Start};
use crate::matmul::View;

/// Most rows of a tile.
const ROWS: usize = 14;
/// Inner dimension of one block.
const DEPTH: usize = 768;
/// Distance of two rows of a block of `x`: known to the compiler, so that one pointer serves a tile, and an odd number
/// of cache lines, so that the rows of a tile do not compete for the same lines of the first-level cache.
const STRIDE: usize = DEPTH + 16;
/// Tiles in one block: with `DEPTH` half a second-level cache of 1 MiB.
const TILES: usize = 12;
/// Fewest multiplications worth handing to another thread.
const SHARE: usize = 1 << 18;

/// One call of a kernel: `rows × PANEL` sums over `depth` steps.
struct Tile {
    /// What each row starts from.
    starts: [*const f32; ROWS],
    out: *mut f32,
    out_stride: usize,
    /// Rows `STRIDE` apart.
    x: *const f32,
    steps: *const f32,
    depth: usize,
    /// Memory needed soon: this much of it a step is fetched into the second-level cache.
    ahead: *const f32,
    ahead_stride: usize,
}

/// Computes a tile.
///
/// # Safety
/// The machine has the instructions; `starts` and `out` have the tile's rows of `PANEL` values (an output may be its
/// own start), `x` its rows, `STRIDE` apart, of `depth` values, and `steps` has `depth` steps. `ahead` may be any address.
type TileFn = unsafe fn(&Tile);

/// A form of the kernel: a function for each number of rows, from 1.
#[derive(Clone, Copy)]
pub(super) struct Kernel(&'static [TileFn]);

impl Kernel {
    /// The fastest that this machine has.
    pub(super) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self(&AVX512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self(&AVX2);
            }
        }
        Self(&PORTABLE)
    }

    /// Every one that this machine has, by name.
    #[cfg(test)]
    pub(super) fn all() -> Vec<(&'static str, Self)> {
        let mut all = vec![("portable", Self(&PORTABLE))];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(("AVX2", Self(&AVX2)));
            }
            if is_x86_feature_detected!("avx512f") {
                all.push(("AVX-512", Self(&AVX512)));
            }
        }
        all
    }
}

/// `x·wᵀ` with its operands.
pub(super) struct Product<'a> {
    pub(super) x: View<'a>,
    pub(super) w: &'a Band<'a>,
    pub(super) kernel: Kernel,
    pub(super) threads: usize,
}

/// Where the sums start and where they go. Threads share it and write different columns.
#[derive(Clone, Copy)]
struct Target {
    start: *const f32,
    /// Distance of the starts of two rows, and number of rows after which they repeat.
    start_stride: usize,
    start_rows: usize,
    /// Whether all columns start alike: from one run of `PANEL` zeros.
    zero: bool,
    out: *mut f32,
}

// SAFETY: `Product::run` gives each thread its own panels, which are disjoint columns of the output; the starts are
// either only read or the very elements that the same thread writes.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

static ZEROS: [f32; PANEL] = [0.0; PANEL];

impl Product<'_> {
    /// Appends the result to `y`.
    pub(super) fn append(&self, y: &mut Vec<f32>, start: Start<'_>) {
        let (rows, out) = (self.x.rows, self.w.packed.out);
        let (len, new) = (y.len(), rows * out);
        y.reserve(new);
        let (start, start_stride, start_rows) = match start {
            Start::Zero => (ZEROS.as_ptr(), 0, 1),
            Start::Row(row) => {
                assert_eq!(row.len(), out, "one start for each output");
                (row.as_ptr(), 0, 1)
            }
            Start::BatchLayout(values) => {
                assert!(
                    new == 0 || (!values.is_empty() && values.len().is_multiple_of(out)),
                    "whole rows to start from"
                );
                (values.as_ptr(), out, (values.len() / out.max(1)).max(1))
            }
            Start::Last => {
                assert!(len >= new, "the output has fewer rows than the product");
                // SAFETY: `new` values stand before the end, as just checked.
                (unsafe { y.as_ptr().add(len - new) }, out, rows.max(1))
            }
        };
        let zero = std::ptr::eq(start, ZEROS.as_ptr());
        // SAFETY: `reserve` made room for `new` values after the first `len`; `run` writes all of them, and the starts
        // were checked to have whole rows.
        unsafe {
            let target = Target { start, start_stride, start_rows, zero, out: y.as_mut_ptr().add(len) };
            self.run(target);
            y.set_len(len + new);
        }
    }

    /// Adds the result to `y`.
    pub(super) fn accumulate(&self, y: &mut [f32]) {
        let (rows, out) = (self.x.rows, self.w.packed.out);
        assert_eq!(y.len(), rows * out, "one output for each row and output");
        let y = y.as_mut_ptr();
        let target = Target { start: y, start_stride: out, start_rows: rows.max(1), zero: false, out: y };
        // SAFETY: `y` has `rows·out` values, which are their own starts.
        unsafe { self.run(target) }
    }

    /// Shares the panels among threads.
    ///
    /// # Safety
    /// `target.out` has room for `rows·out` values, `target.start` has its rows of `out` values.
    unsafe fn run(&self, target: Target) {
        let (x, columns) = (&self.x, &self.w.columns);
        assert_eq!(x.cols, columns.len(), "inner dimensions differ");
        let panels = self.w.packed.out.div_ceil(PANEL);
        if x.rows == 0 || panels == 0 {
            return;
        }
        let work = x.rows * x.cols * self.w.packed.out;
        let shares = if self.threads > 1 { (work / SHARE).clamp(1, self.threads).min(panels) } else { 1 };
        if shares == 1 {
            // SAFETY: as the caller promises.
            return unsafe { self.panels(target, 0..panels) };
        }
        (0..shares).into_par_iter().for_each(|share| {
            // SAFETY: as the caller promises; the shares are disjoint.
            unsafe { self.panels(target, share * panels / shares..(share + 1) * panels / shares) }
        });
    }

    /// Some panels for all rows: blocks of rows and of the inner dimension. A block of `x` is copied to where its rows
    /// lie well and stays in the second-level cache while the panels pass by.
    ///
    /// # Safety
    /// As [`Product::run`].
    unsafe fn panels(&self, target: Target, panels: Range<usize>) {
        let (rows, depth) = (self.x.rows, self.x.cols);
        let tiles = rows.div_ceil(self.kernel.0.len()); // which divide the rows evenly
        let blocks = tiles.div_ceil(TILES);
        let first_row = |tile: usize| tile * rows / tiles;
        X_BLOCK.with_borrow_mut(|x_block| {
            x_block.resize(ROWS * TILES * STRIDE, 0.0);
            for block in 0..blocks {
                let tiles = block * tiles / blocks..(block + 1) * tiles / blocks;
                for from in (0..depth.max(1)).step_by(DEPTH) {
                    let steps = from..depth.min(from + DEPTH);
                    let rows = first_row(tiles.start)..first_row(tiles.end);
                    for (to, row) in x_block.chunks_exact_mut(STRIDE).zip(rows) {
                        let row = &self.x.data[row * self.x.stride..][steps.clone()];
                        to[..row.len()].copy_from_slice(row);
                    }
                    for panel in panels.clone() {
                        let tiles = tiles.clone().map(|tile| first_row(tile)..first_row(tile + 1));
                        // SAFETY: as the caller promises; the block holds these rows and steps of `x`.
                        unsafe { self.column(target, panel, steps.clone(), tiles, x_block) };
                    }
                }
            }
        });
    }

    /// One panel for some tiles, given by their rows, which `x_block` holds.
    ///
    /// # Safety
    /// As [`Product::run`].
    unsafe fn column(
        &self,
        mut target: Target,
        panel: usize,
        steps: Range<usize>,
        tiles: impl ExactSizeIterator<Item = Range<usize>>,
        x_block: &[f32],
    ) {
        let packed = self.w.packed;
        let (out, column, count) = (packed.out, panel * PANEL, tiles.len());
        if steps.start > 0 {
            target = Target { start: target.out, start_stride: out, start_rows: self.x.rows, zero: false, ..target };
        }
        let first_step = panel * packed.width + self.w.columns.start + steps.start;
        let next = packed.steps.as_ptr().wrapping_add(first_step + packed.width).cast::<f32>();
        let (panel_steps, depth) = (&packed.steps[first_step..first_step + steps.len()], steps.len());
        let mut x_row = 0;
        for (tile, rows) in tiles.enumerate() {
            let compute = self.kernel.0[rows.len() - 1];
            // SAFETY: the slices were just taken; the output has these rows and columns, as the caller promises, and
            // where it has fewer columns than a panel, `ragged` hands the kernel a buffer instead.
            unsafe {
                let mut call = Tile {
                    starts: target.rows(rows.start, column),
                    out: target.out.add(rows.start * out + column),
                    out_stride: out,
                    x: x_block[x_row * STRIDE..].as_ptr(),
                    steps: panel_steps.as_ptr().cast(),
                    depth,
                    ahead: next.wrapping_add(tile * depth * PANEL / count), // each tile fetches its share
                    ahead_stride: PANEL / count,
                };
                let columns = out - column;
                if columns < PANEL { ragged(&mut call, compute, rows.len(), columns) } else { compute(&call) }
            }
            x_row += rows.len();
        }
    }
}

thread_local! {
    /// A block of `x`: made once a thread.
    static X_BLOCK: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Target {
    /// What the rows from `first` on start from, at `column`.
    ///
    /// # Safety
    /// There is such a column.
    unsafe fn rows(&self, first: usize, column: usize) -> [*const f32; ROWS] {
        let mut row = first % self.start_rows;
        let column = if self.zero { 0 } else { column };
        std::array::from_fn(|_| {
            let start = self.start.wrapping_add(row * self.start_stride + column);
            row = if row + 1 == self.start_rows { 0 } else { row + 1 };
            start
        })
    }
}

/// A tile of the last panel where it has fewer than `PANEL` columns: computed in a buffer.
///
/// # Safety
/// As [`TileFn`], but only `columns` values of each row of the starts and the output are there.
unsafe fn ragged(tile: &mut Tile, compute: TileFn, rows: usize, columns: usize) {
    let mut buffer = [0f32; ROWS * PANEL];
    let out = tile.out;
    // SAFETY: `columns` values are copied from and to each row; the kernel sees the buffer, which has full rows.
    unsafe {
        for (row, start) in tile.starts[..rows].iter_mut().enumerate() {
            let to = buffer.as_mut_ptr().add(row * PANEL);
            std::ptr::copy_nonoverlapping(*start, to, columns);
            *start = to;
        }
        let stride = std::mem::replace(&mut tile.out_stride, PANEL);
        tile.out = buffer.as_mut_ptr();
        compute(tile);
        for row in 0..rows {
            std::ptr::copy_nonoverlapping(buffer.as_ptr().add(row * PANEL), out.add(row * stride), columns);
        }
    }
}

/// The tile in AVX-512: `R` rows by two registers.
///
/// # Safety
/// As [`TileFn`]: the machine has AVX-512F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512<const R: usize>(tile: &Tile) {
    use std::arch::x86_64::{
        _MM_HINT_T0, _MM_HINT_T1, _mm_prefetch, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps,
        _mm512_storeu_ps,
    };
    // SAFETY: every pointer stays inside what the caller promises; a prefetch may have any address.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); 2]; R];
        for (sums, start) in sums.iter_mut().zip(&tile.starts) {
            *sums = [_mm512_loadu_ps(*start), _mm512_loadu_ps(start.add(16))];
        }
        for r in 0..R {
            // The output is written at the end: by then it has arrived.
            let out = tile.out.wrapping_add(r * tile.out_stride);
            _mm_prefetch::<_MM_HINT_T0>(out.cast());
            _mm_prefetch::<_MM_HINT_T0>(out.wrapping_add(16).cast());
        }
        let (mut x, mut steps, mut ahead) = (tile.x, tile.steps, tile.ahead);
        for _ in 0..tile.depth {
            let w = [_mm512_loadu_ps(steps), _mm512_loadu_ps(steps.add(16))];
            _mm_prefetch::<_MM_HINT_T1>(ahead.cast());
            _mm_prefetch::<_MM_HINT_T1>(ahead.wrapping_add(tile.ahead_stride / 2).cast());
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*x.add(r * STRIDE));
                sums[0] = _mm512_fmadd_ps(x, w[0], sums[0]);
                sums[1] = _mm512_fmadd_ps(x, w[1], sums[1]);
            }
            x = x.add(1);
            steps = steps.add(PANEL);
            ahead = ahead.wrapping_add(tile.ahead_stride);
        }
        for (r, sums) in sums.iter().enumerate() {
            let out = tile.out.add(r * tile.out_stride);
            _mm512_storeu_ps(out, sums[0]);
            _mm512_storeu_ps(out.add(16), sums[1]);
        }
    }
}

/// The tile in AVX2 with FMA: one half of the columns after the other, `R` rows by two registers.
///
/// # Safety
/// As [`TileFn`]: the machine has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<const R: usize>(tile: &Tile) {
    use std::arch::x86_64::{
        _MM_HINT_T1, _mm_prefetch, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps,
        _mm256_storeu_ps,
    };
    // SAFETY: every pointer stays inside what the caller promises; a prefetch may have any address.
    unsafe {
        for half in [0, PANEL / 2] {
            let mut sums = [[_mm256_setzero_ps(); 2]; R];
            for (sums, start) in sums.iter_mut().zip(&tile.starts) {
                let start = start.add(half);
                *sums = [_mm256_loadu_ps(start), _mm256_loadu_ps(start.add(8))];
            }
            let (mut x, mut steps) = (tile.x, tile.steps.add(half));
            let mut ahead = tile.ahead.wrapping_add(half * tile.ahead_stride / PANEL);
            for _ in 0..tile.depth {
                let w = [_mm256_loadu_ps(steps), _mm256_loadu_ps(steps.add(8))];
                _mm_prefetch::<_MM_HINT_T1>(ahead.cast());
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = _mm256_broadcast_ss(&*x.add(r * STRIDE));
                    sums[0] = _mm256_fmadd_ps(x, w[0], sums[0]);
                    sums[1] = _mm256_fmadd_ps(x, w[1], sums[1]);
                }
                x = x.add(1);
                steps = steps.add(PANEL);
                ahead = ahead.wrapping_add(tile.ahead_stride);
            }
            for (r, sums) in sums.iter().enumerate() {
                let out = tile.out.add(r * tile.out_stride + half);
                _mm256_storeu_ps(out, sums[0]);
                _mm256_storeu_ps(out.add(8), sums[1]);
            }
        }
    }
}

/// The tile in plain arithmetic, one half of the columns after the other. Without FMA instructions `mul_add` is
/// computed in software: slow, but the same bits.
///
/// # Safety
/// As [`TileFn`].
unsafe fn portable<const R: usize>(tile: &Tile) {
    const HALF: usize = PANEL / 2;
    // SAFETY: every pointer stays inside what the caller promises.
    unsafe {
        for half in [0, HALF] {
            let mut sums = [[0f32; HALF]; R];
            for (sums, start) in sums.iter_mut().zip(&tile.starts) {
                *sums = start.add(half).cast::<[f32; HALF]>().read();
            }
            for step in 0..tile.depth {
                let w = tile.steps.add(step * PANEL + half).cast::<[f32; HALF]>().read();
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = *tile.x.add(r * STRIDE + step);
                    for (sum, w) in sums.iter_mut().zip(w) {
                        *sum = x.mul_add(w, *sum);
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                tile.out.add(r * tile.out_stride + half).cast::<[f32; HALF]>().write(*sums);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
static AVX512: [TileFn; ROWS] = [
    avx512::<1>,
    avx512::<2>,
    avx512::<3>,
    avx512::<4>,
    avx512::<5>,
    avx512::<6>,
    avx512::<7>,
    avx512::<8>,
    avx512::<9>,
    avx512::<10>,
    avx512::<11>,
    avx512::<12>,
    avx512::<13>,
    avx512::<14>,
];
#[cfg(target_arch = "x86_64")]
static AVX2: [TileFn; 6] = [avx2::<1>, avx2::<2>, avx2::<3>, avx2::<4>, avx2::<5>, avx2::<6>];
static PORTABLE: [TileFn; 4] = [portable::<1>, portable::<2>, portable::<3>, portable::<4>];
