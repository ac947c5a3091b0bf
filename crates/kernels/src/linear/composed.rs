//! The product with a weight through the tensor library.

use candle_core::{Result, Tensor};

/// `x·Wᵀ` for `x [rows, in]`, `w [out, in]` → `[rows, out]`.
pub(super) fn product(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    x.matmul(&w.t()?)
}
