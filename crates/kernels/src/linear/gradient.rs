//! The product with a constant weight as a CPU kernel with a gradient.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use crate::differentiable::tensor_like;
use crate::host::{values_of_cpu_storage, with_values};
use crate::matmul::{OutputMode, matmul, matmul_transposed};
use crate::matrix_view::MatrixView;

/// `x·Wᵀ` for an `x [rows, in]` that needs a gradient and a constant `w [out, in]` → `[rows, out]`.
pub(super) fn product(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(ConstantProduct { w: w.clone() })
}

struct ConstantProduct {
    /// `[out, in]`.
    w: Tensor,
}

impl CustomOp1 for ConstantProduct {
    fn name(&self) -> &'static str {
        "product with a constant matrix"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((n, width), (out, _)) = (layout.shape().dims2()?, self.w.dims2()?);
        let x = MatrixView::new(values_of_cpu_storage(x, layout)?, n, width);
        let mut y = vec![0f32; n * out]; // [n, out]
        with_values(&self.w, |w| {
            matmul_transposed(&mut y, out, x, MatrixView::new(w, out, width), OutputMode::Replace, 1);
        })?;
        Ok((CpuStorage::F32(y), (n, out).into()))
    }

    /// `δx = δ·W` for the gradient `δ [n, out]` of the output.
    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let ((n, out), (_, width)) = (gradient.dims2()?, self.w.dims2()?);
        let dx = tensor_like(x, [gradient, &self.w], |dx, [delta, w]| {
            let (delta, w) = (MatrixView::new(delta, n, out), MatrixView::new(w, out, width));
            matmul(dx, width, delta, w, OutputMode::Replace, 1);
        });
        dx.map(Some)
    }
}
