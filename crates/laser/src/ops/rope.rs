//! Rotary positions in the half-split layout: dimension `i` of a head turns with dimension `i + d_head/2`.

use candle_core::{D, Tensor};
use multiversion::multiversion;

use super::{differentiable, host_rows, is_fused, with_values};
use crate::error::Result;

/// cos and sin of each row's position, `[rows, d_head/2]` each.
pub(crate) struct Tables {
    pub(crate) cos: Tensor,
    pub(crate) sin: Tensor,
}

/// Turns every head of `x [copies·rows, heads·d_head]`; row `i` has the position of row `i mod rows` of the tables.
pub(crate) fn rotate(x: &Tensor, tables: &Tables) -> Result<Tensor> {
    let (n, width) = x.dims2()?;
    if is_fused(x) {
        let mut y = with_values(x, <[f32]>::to_vec)?;
        turn(&mut y, &tables.cos, &tables.sin, width)?;
        return host_rows(y, n, width);
    }
    if differentiable::applies(x) {
        return differentiable::rotate(x, tables);
    }
    composed(x, tables)
}

/// Turns plain rows of `width` values; the tables' rows repeat.
pub(super) fn turn(y: &mut [f32], cos: &Tensor, sin: &Tensor, width: usize) -> Result<()> {
    let (rows, half) = cos.dims2()?;
    with_values(cos, |cos| {
        with_values(sin, |sin| {
            for copy in y.chunks_exact_mut((rows * width).max(1)) {
                kernel(copy, cos, sin, half, width);
            }
        })
    })?
}

/// The same through the tensor library.
pub(super) fn composed(x: &Tensor, tables: &Tables) -> Result<Tensor> {
    let (n, width) = x.dims2()?;
    let (rows, half) = tables.cos.dims2()?;
    let x = x.reshape((n / rows, rows, width / (2 * half), 2 * half))?;
    let table = |t: &Tensor| t.reshape((1, rows, 1, half))?.to_dtype(x.dtype());
    let (cos, sin) = (table(&tables.cos)?, table(&tables.sin)?);
    let (a, b) = (x.narrow(D::Minus1, 0, half)?, x.narrow(D::Minus1, half, half)?);
    let first = (a.broadcast_mul(&cos)? - b.broadcast_mul(&sin)?)?;
    let second = (b.broadcast_mul(&cos)? + a.broadcast_mul(&sin)?)?;
    Ok(Tensor::cat(&[first, second], D::Minus1)?.reshape((n, width))?)
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn kernel(y: &mut [f32], cos: &[f32], sin: &[f32], half: usize, width: usize) {
    for ((row, cos), sin) in y.chunks_exact_mut(width).zip(cos.chunks_exact(half)).zip(sin.chunks_exact(half)) {
        for head in row.chunks_exact_mut(2 * half) {
            let (a, b) = head.split_at_mut(half);
            for (((a, b), c), s) in a.iter_mut().zip(b).zip(cos).zip(sin) {
                (*a, *b) = (*a * c - *b * s, *b * c + *a * s);
            }
        }
    }
}
