//! Rotary position embeddings (arXiv 2104.09864) in the half-split layout: of the first `rotated` dimensions of a head,
//! dimension `i` forms a pair with dimension `i + rotated/2`; the other dimensions stay as they are.

mod composed;
mod fused;
mod gradient;
#[cfg(test)]
mod tests;

use candle_core::{Result, Tensor};

use crate::differentiable;
use crate::host::{fused_applies, host_rows, with_values};

/// Cosines and sines of the angles by which a head's pairs of dimensions rotate, one row per row of the batch.
#[derive(Clone)]
pub struct RotaryTables {
    /// Cosines, `[rows, rotated/2]`, f32.
    pub cos: Tensor,
    /// Sines, `[rows, rotated/2]`, f32.
    pub sin: Tensor,
}

/// Rotates every head of `x [copies·rows, heads·d_head]` → the same shape; row `i` has the angles of row `i mod rows`
/// of the tables, which have between 1 and `d_head/2` columns.
///
/// # Errors
/// If `x` is not two-dimensional, or on the CPU not contiguous.
pub fn rotate(x: &Tensor, tables: &RotaryTables, d_head: usize) -> Result<Tensor> {
    let (n, width) = x.dims2()?;
    if fused_applies(x) {
        let mut y = with_values(x, <[f32]>::to_vec)?;
        fused::rotate(&mut y, tables, d_head, width)?;
        return host_rows(y, n, width);
    }
    if differentiable::applies(x) {
        return gradient::rotate(x, tables, d_head);
    }
    composed::rotate(x, tables, d_head)
}
