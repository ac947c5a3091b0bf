//! The product with a constant weight as a CPU kernel with a gradient; the addition of bias and residual is part of it.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use crate::differentiable::{OutputGradient, tensor_like};
use crate::host::{values_of_cpu_storage, with_values};
use crate::matmul::{OutputMode, matmul, matmul_transposed};
use crate::matrix_view::MatrixView;

/// `x·Wᵀ + b + residual` for an `x [rows, in]` that needs a gradient, constant `w [out, in]` and `bias [out]`, and
/// `residual [rows, out]` → `[rows, out]`. `observer` receives the gradient of the result.
pub(super) fn product(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
    observer: Option<&OutputGradient>,
) -> Result<Tensor> {
    let x = x.contiguous()?;
    let product = ConstantProduct { w: w.clone(), bias: bias.cloned(), observer: observer.cloned() };
    match residual {
        Some(residual) => x.apply_op2(&residual.contiguous()?, product),
        None => x.apply_op1(product),
    }
}

struct ConstantProduct {
    /// `[out, in]`.
    w: Tensor,
    /// `[out]`.
    bias: Option<Tensor>,
    observer: Option<OutputGradient>,
}

impl ConstantProduct {
    /// `x·Wᵀ + b + residual` for the values of `x [rows, in]` and `residual [rows, out]` → `[rows, out]`.
    fn forward(&self, x: &CpuStorage, layout: &Layout, residual: Option<&[f32]>) -> Result<(CpuStorage, Shape)> {
        let ((n, width), (out, _)) = (layout.shape().dims2()?, self.w.dims2()?);
        let x = MatrixView::new(values_of_cpu_storage(x, layout)?, n, width);
        let mut mode = OutputMode::Replace;
        let mut y = Vec::new(); // [n, out]
        if let Some(residual) = residual {
            y.extend_from_slice(residual);
            mode = OutputMode::Accumulate;
        }
        y.resize(n * out, 0f32);
        if let Some(bias) = &self.bias {
            mode = OutputMode::Accumulate;
            let add = |bias: &[f32]| {
                y.chunks_exact_mut(out.max(1)).for_each(|y| y.iter_mut().zip(bias).for_each(|(y, b)| *y += b));
            };
            with_values(bias, add)?;
        }
        with_values(&self.w, |w| matmul_transposed(&mut y, out, x, MatrixView::new(w, out, width), mode, 1))?;
        Ok((CpuStorage::F32(y), (n, out).into()))
    }

    /// `δx = δ·W` for the gradient `δ [n, out]` of the output.
    fn backward(&self, x: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        if let Some(observer) = &self.observer {
            observer.write(gradient);
        }
        let ((n, out), (_, width)) = (gradient.dims2()?, self.w.dims2()?);
        tensor_like(x, [gradient, &self.w], |dx, [delta, w]| {
            let (delta, w) = (MatrixView::new(delta, n, out), MatrixView::new(w, out, width));
            matmul(dx, width, delta, w, OutputMode::Replace, 1);
        })
    }
}

impl CustomOp1 for ConstantProduct {
    fn name(&self) -> &'static str {
        "product with a constant matrix"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward(x, layout, None)
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        self.backward(x, gradient).map(Some)
    }
}

impl CustomOp2 for ConstantProduct {
    fn name(&self) -> &'static str {
        "sum of a residual and the product with a constant matrix"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        residual: &CpuStorage,
        residual_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(x, x_layout, Some(values_of_cpu_storage(residual, residual_layout)?))
    }

    /// The gradient of the residual is that of the output.
    fn bwd(
        &self,
        x: &Tensor,
        _residual: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(self.backward(x, gradient)?), Some(gradient.clone())))
    }
}
