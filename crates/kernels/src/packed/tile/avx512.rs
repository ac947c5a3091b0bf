//! The tile kernel in AVX-512: `R` rows by two registers of 16 outputs, 28 of the 32 registers in a full tile.

use std::arch::x86_64::{
    __m512, _MM_HINT_T0, _MM_HINT_T1, _mm_prefetch, _mm256_loadu_si256, _mm512_castsi512_ps, _mm512_cvtepu16_epi32,
    _mm512_cvtph_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_slli_epi32,
    _mm512_storeu_ps,
};

use super::super::PANEL;
use super::{BF16, F16, F32, Kernel, MAX_ROWS, Tile, TileFn, X_STRIDE};

pub(super) const KERNEL: Kernel = Kernel {
    tile_fns: [&tile_fns::<F32>(), &tile_fns::<BF16>(), &tile_fns::<F16>()],
    widen_fns: [widen::<BF16>, widen::<F16>],
};

const fn tile_fns<const TYPE: u8>() -> [TileFn; MAX_ROWS] {
    [
        compute::<1, TYPE>,
        compute::<2, TYPE>,
        compute::<3, TYPE>,
        compute::<4, TYPE>,
        compute::<5, TYPE>,
        compute::<6, TYPE>,
        compute::<7, TYPE>,
        compute::<8, TYPE>,
        compute::<9, TYPE>,
        compute::<10, TYPE>,
        compute::<11, TYPE>,
        compute::<12, TYPE>,
        compute::<13, TYPE>,
        compute::<14, TYPE>,
    ]
}

/// Sixteen weights, widened to f32.
///
/// # Safety
/// As for [`TileFn`]; sixteen weights of `TYPE` are at `weights`.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load<const TYPE: u8>(weights: *const u8) -> __m512 {
    // SAFETY: the caller's promise; unaligned loads may have any address.
    unsafe {
        match TYPE {
            F32 => _mm512_loadu_ps(weights.cast()),
            // A bf16 is the upper half of the f32 of the same value.
            BF16 => {
                _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(_mm256_loadu_si256(weights.cast()))))
            }
            _ => _mm512_cvtph_ps(_mm256_loadu_si256(weights.cast())),
        }
    }
}

/// Widens weights.
///
/// # Safety
/// As for [`super::WidenFn`].
#[target_feature(enable = "avx512f")]
unsafe fn widen<const TYPE: u8>(weights: *const u8, to: *mut f32, count: usize) {
    for i in (0..count).step_by(16) {
        // SAFETY: the caller's promise.
        unsafe { _mm512_storeu_ps(to.add(i), load::<TYPE>(weights.add(2 * i))) };
    }
}

/// Computes a tile of `R` rows.
///
/// # Safety
/// As for [`TileFn`]: the machine has AVX-512F.
#[target_feature(enable = "avx512f")]
unsafe fn compute<const R: usize, const TYPE: u8>(tile: &Tile) {
    let size = const { if TYPE == F32 { 4 } else { 2 } };
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
            let w = [load::<TYPE>(weights), load::<TYPE>(weights.add(16 * size))];
            _mm_prefetch::<_MM_HINT_T1>(prefetch.cast());
            _mm_prefetch::<_MM_HINT_T1>(prefetch.wrapping_add(tile.prefetch_stride / 2).cast());
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*x.add(r * X_STRIDE));
                sums[0] = _mm512_fmadd_ps(x, w[0], sums[0]);
                sums[1] = _mm512_fmadd_ps(x, w[1], sums[1]);
            }
            x = x.add(1);
            weights = weights.add(PANEL * size);
            prefetch = prefetch.wrapping_add(tile.prefetch_stride);
        }
        for (r, sums) in sums.iter().enumerate() {
            let out = tile.out.add(r * tile.out_stride);
            _mm512_storeu_ps(out, sums[0]);
            _mm512_storeu_ps(out.add(16), sums[1]);
        }
    }
}
