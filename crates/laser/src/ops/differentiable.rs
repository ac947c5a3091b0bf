//! The product of a differentiation: the matrix is a constant, so its gradient is never formed.

use candle_core::{CpuStorage, CustomOp1, Device, Error, Layout, Result, Shape, Tensor};

use super::matmul::{Output, View, times, times_transposed};
use super::with_values;

/// `x·Wᵀ` for a tracked `x [rows,in]` and a constant `w [out,in]` → `[rows,out]`, tracked.
///
/// On the CPU both the product and its gradient `δ·W` run in one thread. The tensor library's own product would also
/// form `δᵀ·x`, half as much work again.
pub(super) fn times_constant(x: &Tensor, w: &Tensor) -> crate::Result<Tensor> {
    if matches!(x.device(), Device::Cpu) && x.dtype() == candle_core::DType::F32 {
        return Ok(x.contiguous()?.apply_op1(TimesConstant(w.clone()))?);
    }
    Ok(x.matmul(&w.t()?)?)
}

struct TimesConstant(Tensor);

impl CustomOp1 for TimesConstant {
    fn name(&self) -> &'static str {
        "product with a constant matrix"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((rows, width), (out, _)) = (layout.shape().dims2()?, self.0.dims2()?);
        let (CpuStorage::F32(x), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            return Err(Error::Msg(format!("{}: expected plain f32 rows", self.name())));
        };
        let mut y = vec![0f32; rows * out];
        let x = View::new(&x[start..end], rows, width);
        with_values(&self.0, |w| {
            times_transposed(&mut y, out, x, View::new(w, out, width), Output::Replace, 1);
        })
        .map_err(Error::wrap)?;
        Ok((CpuStorage::F32(y), (rows, out).into()))
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let ((rows, out), (_, width)) = (gradient.dims2()?, self.0.dims2()?);
        let gradient = gradient.contiguous()?;
        let mut dx = vec![0f32; rows * width];
        with_values(&gradient, |gradient| {
            with_values(&self.0, |w| {
                let (gradient, w) = (View::new(gradient, rows, out), View::new(w, out, width));
                times(&mut dx, width, gradient, w, Output::Replace, 1);
            })
        })
        .and_then(|done| done)
        .map_err(Error::wrap)?;
        Ok(Some(Tensor::from_vec(dx, (rows, width), &Device::Cpu)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;

    #[test]
    fn product_and_gradient_equal_the_tensor_librarys() {
        let random = |rows, cols| Tensor::randn(0f32, 1.0, (rows, cols), &Device::Cpu).expect("random");
        let (x, w, g) = (Var::from_tensor(&random(5, 8)).expect("var"), random(3, 8), random(5, 3));
        let both = [times_constant(&x, &w).expect("ours"), x.matmul(&w.t().expect("t")).expect("theirs")];
        let results = both.map(|y| {
            let loss = (&y * &g).expect("mul").sum_all().expect("sum");
            let gradient = loss.backward().expect("backward").get(&x).expect("tracked").clone();
            [y, gradient].map(|t| t.flatten_all().expect("flat").to_vec1::<f32>().expect("values"))
        });
        let flat: Vec<f32> = results.iter().flatten().flatten().copied().collect();
        let (ours, theirs) = flat.split_at(flat.len() / 2);
        assert_eq!(ours.len(), 5 * 3 + 5 * 8);
        for (a, b) in ours.iter().zip(theirs) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}
