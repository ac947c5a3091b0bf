//! The tile kernel in AVX2 with FMA: `R` rows by two registers of 8 outputs, one half of the panel after the other,
//! because 16 registers do not hold whole rows.

use std::arch::x86_64::{
    _MM_HINT_T1, _mm_prefetch, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps,
    _mm256_storeu_ps,
};

use super::super::PANEL;
use super::{Tile, TileFn, X_STRIDE};

pub(super) static TILE_FNS: [TileFn; 6] =
    [compute::<1>, compute::<2>, compute::<3>, compute::<4>, compute::<5>, compute::<6>];

/// Computes a tile of `R` rows.
///
/// # Safety
/// As for [`TileFn`]: the machine has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
unsafe fn compute<const R: usize>(tile: &Tile) {
    // SAFETY: every pointer stays inside the memory that the caller promises; a prefetch may have any address.
    unsafe {
        for half in [0, PANEL / 2] {
            let mut sums = [[_mm256_setzero_ps(); 2]; R];
            for (sums, initial) in sums.iter_mut().zip(&tile.initial) {
                let initial = initial.add(half);
                *sums = [_mm256_loadu_ps(initial), _mm256_loadu_ps(initial.add(8))];
            }
            let (mut x, mut weights) = (tile.x, tile.weights.add(half));
            let mut prefetch = tile.prefetch.wrapping_add(half * tile.prefetch_stride / PANEL);
            for _ in 0..tile.depth {
                let w = [_mm256_loadu_ps(weights), _mm256_loadu_ps(weights.add(8))];
                _mm_prefetch::<_MM_HINT_T1>(prefetch.cast());
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = _mm256_broadcast_ss(&*x.add(r * X_STRIDE));
                    sums[0] = _mm256_fmadd_ps(x, w[0], sums[0]);
                    sums[1] = _mm256_fmadd_ps(x, w[1], sums[1]);
                }
                x = x.add(1);
                weights = weights.add(PANEL);
                prefetch = prefetch.wrapping_add(tile.prefetch_stride);
            }
            for (r, sums) in sums.iter().enumerate() {
                let out = tile.out.add(r * tile.out_stride + half);
                _mm256_storeu_ps(out, sums[0]);
                _mm256_storeu_ps(out.add(8), sums[1]);
            }
        }
    }
}
