//! The kernels of the packed product: each computes one tile, up to 14 rows of `x` by one panel of outputs, and keeps
//! its sums in registers over a block of the inner dimension.
//!
//! A tile starts from given sums and stores its sums to the output, where the next block of the inner dimension
//! continues them. So the chain of additions is the same wherever the inner dimension is cut.
//!
//! Weights of 16 bits are widened to f32 in registers, which is exact: the bits are those of the same weights in f32.

#![allow(unsafe_code)] // SIMD instructions, and tiles of an output that threads share

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use super::PANEL;
use super::panel_slice::PanelSlice;
use crate::float_type::FloatType;

/// Largest number of rows in one tile, of all kernels.
pub(super) const MAX_ROWS: usize = 14;
/// Largest inner dimension of one tile.
pub(super) const MAX_DEPTH: usize = 768;
/// Distance in values between two rows of the copied block of `x`. It is a constant, so that one pointer serves all
/// rows of a tile, and an odd number of cache lines, so that the rows do not compete for the same lines of the
/// first-level cache.
pub(super) const X_STRIDE: usize = MAX_DEPTH + 16;

/// Arguments of one call of a kernel: `rows × PANEL` sums over `depth` inputs.
pub(super) struct Tile {
    /// Initial sums of each row, `PANEL` values.
    pub(super) initial: [*const f32; MAX_ROWS],
    pub(super) out: *mut f32,
    /// Distance in values between two rows of the output.
    pub(super) out_stride: usize,
    /// Rows of `depth` values, `X_STRIDE` apart.
    pub(super) x: *const f32,
    /// `[depth, PANEL]` in the type of the tile function.
    pub(super) weights: *const u8,
    pub(super) depth: usize,
    /// Memory that the next tiles need: `prefetch_stride` bytes for each input are fetched into the second-level cache.
    pub(super) prefetch: *const u8,
    pub(super) prefetch_stride: usize,
}

/// Computes a tile.
///
/// # Safety
/// The machine has the instructions. `initial` and `out` have the tile's rows of `PANEL` values (a row of the output
/// may be its own initial sums), `x` has its rows of `depth` values, `X_STRIDE` apart, and `weights` has `depth·PANEL`
/// values. `prefetch` may be any address.
pub(super) type TileFn = unsafe fn(&Tile);

/// Widens so many weights of 16 bits to f32. The number is a multiple of 16.
///
/// # Safety
/// The machine has the instructions; there are so many weights, and room for them at the second pointer.
pub(super) type WidenFn = unsafe fn(*const u8, *mut f32, usize);

/// [`FloatType::F32`] as a parameter of a tile function, which is compiled once for each type.
const F32: u8 = FloatType::F32 as u8;
/// [`FloatType::Bf16`].
const BF16: u8 = FloatType::Bf16 as u8;
/// [`FloatType::F16`].
const F16: u8 = FloatType::F16 as u8;

/// The tile functions of one instruction set.
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    /// For each [`FloatType`] of the weights, the functions; the one at index `i` computes `i + 1` rows.
    tile_fns: [&'static [TileFn]; 3],
    /// The same for bf16 and f16: widens weights of 16 bits.
    widen_fns: [WidenFn; 2],
}

impl Kernel {
    /// The fastest kernel that this machine supports.
    pub(super) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return avx512::KERNEL;
            }
            if has_avx2() {
                return avx2::KERNEL;
            }
        }
        portable::KERNEL
    }

    /// All kernels that this machine supports, with their names.
    #[cfg(test)]
    pub(super) fn all() -> Vec<(&'static str, Self)> {
        let mut all = vec![("portable", portable::KERNEL)];
        #[cfg(target_arch = "x86_64")]
        {
            if has_avx2() {
                all.push(("AVX2", avx2::KERNEL));
            }
            if is_x86_feature_detected!("avx512f") {
                all.push(("AVX-512", avx512::KERNEL));
            }
        }
        all
    }

    /// Largest number of rows in one tile of this kernel.
    #[inline]
    pub(super) fn max_rows(self) -> usize {
        self.tile_fns[0].len()
    }

    /// Widens weights `[to.len(), PANEL]` of a type of 16 bits.
    ///
    /// # Safety
    /// There are so many weights of the type.
    pub(super) unsafe fn widen(self, from: FloatType, weights: *const u8, to: &mut [PanelSlice<f32>]) {
        let widen = self.widen_fns[if from == FloatType::Bf16 { 0 } else { 1 }];
        // SAFETY: the machine has the instructions of its kernel, and the caller promises the weights.
        unsafe { widen(weights, to.as_mut_ptr().cast(), to.len() * PANEL) }
    }

    /// The function for tiles of `rows` rows and weights of a type.
    #[inline]
    pub(super) fn tile_fn(self, weights: FloatType, rows: usize) -> TileFn {
        self.tile_fns[weights as usize][rows - 1]
    }
}

/// True if the machine has all instructions of the kernel in AVX2.
#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

/// Computes a tile of the last panel if the output has only `columns < PANEL` columns there, through a buffer.
///
/// # Safety
/// As for [`TileFn`], but each row of the initial sums and of the output has only `columns` values.
pub(super) unsafe fn compute_ragged(tile: &mut Tile, compute: TileFn, rows: usize, columns: usize) {
    let mut buffer = [0f32; MAX_ROWS * PANEL];
    let out = tile.out;
    // SAFETY: `columns` values are copied from and to each row; the kernel gets the buffer, which has full rows.
    unsafe {
        for (row, initial) in tile.initial[..rows].iter_mut().enumerate() {
            let to = buffer.as_mut_ptr().add(row * PANEL);
            std::ptr::copy_nonoverlapping(*initial, to, columns);
            *initial = to;
        }
        let stride = std::mem::replace(&mut tile.out_stride, PANEL);
        tile.out = buffer.as_mut_ptr();
        compute(tile);
        for row in 0..rows {
            std::ptr::copy_nonoverlapping(buffer.as_ptr().add(row * PANEL), out.add(row * stride), columns);
        }
    }
}
