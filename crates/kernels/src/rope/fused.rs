//! Rotary positions as a CPU kernel: rotates plain values in place.

use candle_core::Result;
use multiversion::multiversion;

use super::RotaryTables;
use crate::host::with_values;

/// Rotates rows of `width` values; the rows of the tables repeat for each copy of the batch.
///
/// # Errors
/// If the tables are not f32 in host memory.
pub(super) fn rotate(y: &mut [f32], tables: &RotaryTables, d_head: usize, width: usize) -> Result<()> {
    let (rows, half) = tables.cos.dims2()?;
    with_values(&tables.cos, |cos| {
        with_values(&tables.sin, |sin| {
            for copy in y.chunks_exact_mut((rows * width).max(1)) {
                rotate_copy(copy, cos, sin, half, d_head, width);
            }
        })
    })?
}

/// Rotates one copy of the batch, `y [rows, width]`, by `cos` and `sin`, `[rows, half]` each.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn rotate_copy(y: &mut [f32], cos: &[f32], sin: &[f32], half: usize, d_head: usize, width: usize) {
    for ((row, cos), sin) in y.chunks_exact_mut(width).zip(cos.chunks_exact(half)).zip(sin.chunks_exact(half)) {
        for head in row.chunks_exact_mut(d_head) {
            let (a, rest) = head.split_at_mut(half);
            for (((a, b), c), s) in a.iter_mut().zip(rest).zip(cos).zip(sin) {
                (*a, *b) = (*a * c - *b * s, *b * c + *a * s);
            }
        }
    }
}
