//! Rotary positions composed of the tensor library's operations.

use candle_core::{D, Result, Tensor};

use super::RotaryTables;

/// Rotates every head of `x [copies·rows, heads·d_head]` → the same shape.
pub(super) fn rotate(x: &Tensor, tables: &RotaryTables, d_head: usize) -> Result<Tensor> {
    let (n, width) = x.dims2()?;
    let (rows, half) = tables.cos.dims2()?;
    let x = x.reshape((n / rows, rows, width / d_head, d_head))?; // [copies, rows, heads, d_head]
    let table = |t: &Tensor| t.reshape((1, rows, 1, half))?.to_dtype(x.dtype());
    let (cos, sin) = (table(&tables.cos)?, table(&tables.sin)?);
    let (a, b) = (x.narrow(D::Minus1, 0, half)?, x.narrow(D::Minus1, half, half)?); // [copies, rows, heads, half]
    let first = (a.broadcast_mul(&cos)? - b.broadcast_mul(&sin)?)?;
    let second = (b.broadcast_mul(&cos)? + a.broadcast_mul(&sin)?)?;
    let rest = x.narrow(D::Minus1, 2 * half, d_head - 2 * half)?; // [copies, rows, heads, d_head − rotated]
    let parts = if 2 * half < d_head { vec![first, second, rest] } else { vec![first, second] };
    Tensor::cat(&parts, D::Minus1)?.reshape((n, width))
}
