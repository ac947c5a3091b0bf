//! The tile kernel in AVX2 with FMA: `R` rows by two registers of 8 outputs, one half of the panel after the other,
//! because 16 registers do not hold whole rows.

use std::arch::x86_64::{
    __m256, _MM_HINT_T1, _mm_loadu_si128, _mm_prefetch, _mm256_broadcast_ss, _mm256_castsi256_ps,
    _mm256_cvtepu16_epi32, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps, _mm256_slli_epi32,
    _mm256_storeu_ps,
};

use super::super::PANEL;
use super::{BF16, F16, F32, Kernel, Tile, TileFn, X_STRIDE};

pub(super) const KERNEL: Kernel = Kernel {
    tile_fns: [&tile_fns::<F32>(), &tile_fns::<BF16>(), &tile_fns::<F16>()],
    widen_fns: [widen::<BF16>, widen::<F16>],
};

const fn tile_fns<const TYPE: u8>() -> [TileFn; 6] {
    [
        compute::<1, TYPE>,
        compute::<2, TYPE>,
        compute::<3, TYPE>,
        compute::<4, TYPE>,
        compute::<5, TYPE>,
        compute::<6, TYPE>,
    ]
}

/// Eight weights, widened to f32.
///
/// # Safety
/// As for [`TileFn`]; eight weights of `TYPE` are at `weights`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn load<const TYPE: u8>(weights: *const u8) -> __m256 {
    // SAFETY: the caller's promise; unaligned loads may have any address.
    unsafe {
        match TYPE {
            F32 => _mm256_loadu_ps(weights.cast()),
            // A bf16 is the upper half of the f32 of the same value.
            BF16 => {
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(_mm_loadu_si128(weights.cast()))))
            }
            _ => _mm256_cvtph_ps(_mm_loadu_si128(weights.cast())),
        }
    }
}

/// Widens weights.
///
/// # Safety
/// As for [`super::WidenFn`].
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn widen<const TYPE: u8>(weights: *const u8, to: *mut f32, count: usize) {
    for i in (0..count).step_by(8) {
        // SAFETY: the caller's promise.
        unsafe { _mm256_storeu_ps(to.add(i), load::<TYPE>(weights.add(2 * i))) };
    }
}

/// Computes a tile of `R` rows.
///
/// # Safety
/// As for [`TileFn`]: the machine has AVX2, FMA and F16C.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn compute<const R: usize, const TYPE: u8>(tile: &Tile) {
    let size = const { if TYPE == F32 { 4 } else { 2 } };
    // SAFETY: every pointer stays inside the memory that the caller promises; a prefetch may have any address.
    unsafe {
        for half in [0, PANEL / 2] {
            let mut sums = [[_mm256_setzero_ps(); 2]; R];
            for (sums, initial) in sums.iter_mut().zip(&tile.initial) {
                let initial = initial.add(half);
                *sums = [_mm256_loadu_ps(initial), _mm256_loadu_ps(initial.add(8))];
            }
            let (mut x, mut weights) = (tile.x, tile.weights.add(half * size));
            let mut prefetch = tile.prefetch.wrapping_add(half * tile.prefetch_stride / PANEL);
            for _ in 0..tile.depth {
                let w = [load::<TYPE>(weights), load::<TYPE>(weights.add(8 * size))];
                _mm_prefetch::<_MM_HINT_T1>(prefetch.cast());
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = _mm256_broadcast_ss(&*x.add(r * X_STRIDE));
                    sums[0] = _mm256_fmadd_ps(x, w[0], sums[0]);
                    sums[1] = _mm256_fmadd_ps(x, w[1], sums[1]);
                }
                x = x.add(1);
                weights = weights.add(PANEL * size);
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
