//! The tile kernel in plain arithmetic, one half of the panel after the other. Without FMA instructions, `mul_add` is
//! computed in software: slow, but with the same bits.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::super::PANEL;
use super::{BF16, F16, F32, Kernel, Tile, TileFn, X_STRIDE};

pub(super) const KERNEL: Kernel = Kernel {
    tile_fns: [&tile_fns::<F32>(), &tile_fns::<BF16>(), &tile_fns::<F16>()],
    widen_fns: [widen::<BF16>, widen::<F16>],
};

const HALF: usize = PANEL / 2;

const fn tile_fns<const TYPE: u8>() -> [TileFn; 4] {
    [compute::<1, TYPE>, compute::<2, TYPE>, compute::<3, TYPE>, compute::<4, TYPE>]
}

/// Half of a panel's weights of one input, widened to f32.
///
/// # Safety
/// As many weights of `TYPE` are at `weights`.
#[inline]
unsafe fn load<const TYPE: u8>(weights: *const u8) -> [f32; HALF] {
    let mut values = [0f32; HALF];
    // SAFETY: the caller's promise; these reads may have any address.
    unsafe {
        match TYPE {
            F32 => values = weights.cast::<[f32; HALF]>().read_unaligned(),
            BF16 => weights.cast::<[bf16; HALF]>().read_unaligned().convert_to_f32_slice(&mut values),
            _ => weights.cast::<[f16; HALF]>().read_unaligned().convert_to_f32_slice(&mut values),
        }
    }
    values
}

/// Widens weights.
///
/// # Safety
/// As for [`super::WidenFn`].
unsafe fn widen<const TYPE: u8>(weights: *const u8, to: *mut f32, count: usize) {
    for i in (0..count).step_by(16) {
        // SAFETY: the caller's promise.
        unsafe { to.add(i).cast::<[f32; HALF]>().write(load::<TYPE>(weights.add(2 * i))) };
    }
}

/// Computes a tile of `R` rows.
///
/// # Safety
/// As for [`TileFn`], on any machine.
unsafe fn compute<const R: usize, const TYPE: u8>(tile: &Tile) {
    let size = const { if TYPE == F32 { 4 } else { 2 } };
    // SAFETY: every pointer stays inside the memory that the caller promises.
    unsafe {
        for half in [0, HALF] {
            let mut sums = [[0f32; HALF]; R];
            for (sums, initial) in sums.iter_mut().zip(&tile.initial) {
                *sums = initial.add(half).cast::<[f32; HALF]>().read();
            }
            for input in 0..tile.depth {
                let w = load::<TYPE>(tile.weights.add((input * PANEL + half) * size));
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = *tile.x.add(r * X_STRIDE + input);
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
