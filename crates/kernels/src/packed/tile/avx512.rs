//! The tile kernel in AVX-512: `R` rows by two registers of 16 outputs, 28 of the 32 registers in a full tile.

use std::arch::x86_64::{
    _MM_HINT_T0, _MM_HINT_T1, _mm_prefetch, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_storeu_ps,
};

use super::super::PANEL;
use super::{MAX_ROWS, Tile, TileFn, X_STRIDE};

pub(super) static TILE_FNS: [TileFn; MAX_ROWS] = [
    compute::<1>,
    compute::<2>,
    compute::<3>,
    compute::<4>,
    compute::<5>,
    compute::<6>,
    compute::<7>,
    compute::<8>,
    compute::<9>,
    compute::<10>,
    compute::<11>,
    compute::<12>,
    compute::<13>,
    compute::<14>,
];

/// Computes a tile of `R` rows.
///
/// # Safety
/// As for [`TileFn`]: the machine has AVX-512F.
#[target_feature(enable = "avx512f")]
unsafe fn compute<const R: usize>(tile: &Tile) {
    // SAFETY: every pointer stays inside the memory that the caller promises; a prefetch may have any address.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); 2]; R];
        for (sums, initial) in sums.iter_mut().zip(&tile.initial) {
            *sums = [_mm512_loadu_ps(*initial), _mm512_loadu_ps(initial.add(16))];
        }
        for r in 0..R {
            // The output is written at the end: by then its cache lines have arrived.
            let out = tile.out.wrapping_add(r * tile.out_stride);
            _mm_prefetch::<_MM_HINT_T0>(out.cast());
            _mm_prefetch::<_MM_HINT_T0>(out.wrapping_add(16).cast());
        }
        let (mut x, mut weights, mut prefetch) = (tile.x, tile.weights, tile.prefetch);
        for _ in 0..tile.depth {
            let w = [_mm512_loadu_ps(weights), _mm512_loadu_ps(weights.add(16))];
            _mm_prefetch::<_MM_HINT_T1>(prefetch.cast());
            _mm_prefetch::<_MM_HINT_T1>(prefetch.wrapping_add(tile.prefetch_stride / 2).cast());
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*x.add(r * X_STRIDE));
                sums[0] = _mm512_fmadd_ps(x, w[0], sums[0]);
                sums[1] = _mm512_fmadd_ps(x, w[1], sums[1]);
            }
            x = x.add(1);
            weights = weights.add(PANEL);
            prefetch = prefetch.wrapping_add(tile.prefetch_stride);
        }
        for (r, sums) in sums.iter().enumerate() {
            let out = tile.out.add(r * tile.out_stride);
            _mm512_storeu_ps(out, sums[0]);
            _mm512_storeu_ps(out.add(16), sums[1]);
        }
    }
}
