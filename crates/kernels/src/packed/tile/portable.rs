//! The tile kernel in plain arithmetic, one half of the panel after the other. Without FMA instructions, `mul_add` is
//! computed in software: slow, but with the same bits.

use super::super::PANEL;
use super::{Tile, TileFn, X_STRIDE};

pub(super) static TILE_FNS: [TileFn; 4] = [compute::<1>, compute::<2>, compute::<3>, compute::<4>];

/// Computes a tile of `R` rows.
///
/// # Safety
/// As for [`TileFn`], on any machine.
unsafe fn compute<const R: usize>(tile: &Tile) {
    const HALF: usize = PANEL / 2;
    // SAFETY: every pointer stays inside the memory that the caller promises.
    unsafe {
        for half in [0, HALF] {
            let mut sums = [[0f32; HALF]; R];
            for (sums, initial) in sums.iter_mut().zip(&tile.initial) {
                *sums = initial.add(half).cast::<[f32; HALF]>().read();
            }
            for input in 0..tile.depth {
                let w = tile.weights.add(input * PANEL + half).cast::<[f32; HALF]>().read();
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
