//! The operations of a differentiation on the CPU, each with its gradient as one fused kernel in one thread.
//!
//! The tensor library differentiates what it is composed of, too, but element by element through a pool of threads
//! that all callers share and wait for; and of a product it would also form the weight's gradient, which is constant
//! here. Elsewhere than on the CPU the composed forms run.

mod activation;
mod norm;

use candle_core::{CpuStorage, CustomOp1, DType, Device, Error, Layout, Result, Shape, Tensor};

use super::matmul::{Output, View, times, times_transposed};
use super::rope::{Tables, turn};
use super::with_values;

pub(super) use activation::{activate, gated};
pub(super) use norm::norm;

/// Whether these kernels apply: tracked f32 values in host memory.
pub(super) fn applies(x: &Tensor) -> bool {
    matches!(x.device(), Device::Cpu) && x.dtype() == DType::F32 && x.track_op()
}

/// `x·Wᵀ` for a tracked `x [rows,in]` and a constant `w [out,in]` → `[rows,out]`.
pub(super) fn times_constant(x: &Tensor, w: &Tensor) -> crate::Result<Tensor> {
    Ok(x.contiguous()?.apply_op1(TimesConstant(w.clone()))?)
}

/// Turns every head of a tracked `x [rows,heads·d_head]` by its row's angles.
pub(super) fn rotate(x: &Tensor, tables: &Tables, d_head: usize) -> crate::Result<Tensor> {
    Ok(x.contiguous()?.apply_op1(Rotate { tables: tables.clone(), d_head })?)
}

/// A scalar whose gradient with respect to `y` is `gradient`, of the same shape. Its value says nothing.
pub fn seed(y: &Tensor, gradient: &Tensor) -> crate::Result<Tensor> {
    if applies(y) {
        return Ok(y.apply_op1(Seed(gradient.clone()))?);
    }
    Ok((y * gradient)?.sum_all()?)
}

struct TimesConstant(Tensor);
struct Rotate {
    tables: Tables,
    d_head: usize,
}
struct Seed(Tensor);

fn rows<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&values[start..end]),
        _ => Err(Error::Msg("a differentiation over values that are not plain f32 rows".into())),
    }
}

/// The tensor of `like`'s shape that `fill` makes of zeros and the values of `inputs`.
fn filled<const N: usize>(
    like: &Tensor,
    inputs: [&Tensor; N],
    fill: impl FnOnce(&mut [f32], [&[f32]; N]),
) -> Result<Tensor> {
    let inputs = inputs.map(|t| t.contiguous().and_then(|t| t.flatten_all()));
    let mut guards = Vec::with_capacity(N);
    for input in &inputs {
        match input {
            Ok(input) => guards.push(input.storage_and_layout()),
            Err(e) => return Err(Error::Msg(e.to_string())),
        }
    }
    let mut values = [&[][..]; N];
    for (values, (storage, layout)) in values.iter_mut().zip(&guards) {
        let candle_core::Storage::Cpu(storage) = &**storage else {
            return Err(Error::Msg("a differentiation over values that left host memory".into()));
        };
        *values = rows(storage, layout)?;
    }
    let mut out = vec![0f32; like.elem_count()];
    fill(&mut out, values);
    Tensor::from_vec(out, like.shape(), &Device::Cpu)
}

impl CustomOp1 for TimesConstant {
    fn name(&self) -> &'static str {
        "product with a constant matrix"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((n, width), (out, _)) = (layout.shape().dims2()?, self.0.dims2()?);
        let (x, mut y) = (View::new(rows(x, layout)?, n, width), vec![0f32; n * out]);
        with_values(&self.0, |w| {
            times_transposed(&mut y, out, x, View::new(w, out, width), Output::Replace, 1);
        })
        .map_err(Error::wrap)?;
        Ok((CpuStorage::F32(y), (n, out).into()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let ((n, out), (_, width)) = (gradient.dims2()?, self.0.dims2()?);
        let dx = filled(x, [gradient, &self.0], |dx, [gradient, w]| {
            times(dx, width, View::new(gradient, n, out), View::new(w, out, width), Output::Replace, 1);
        });
        dx.map(Some)
    }
}

impl CustomOp1 for Rotate {
    fn name(&self) -> &'static str {
        "rotary positions"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut y = rows(x, layout)?.to_vec();
        turn(&mut y, &self.tables, self.d_head, layout.shape().dims2()?.1).map_err(Error::wrap)?;
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// The rotation back.
    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut dx = gradient.flatten_all()?.to_vec1::<f32>()?;
        let back = Tables { cos: self.tables.cos.clone(), sin: self.tables.sin.neg()? };
        turn(&mut dx, &back, self.d_head, x.dims2()?.1).map_err(Error::wrap)?;
        Tensor::from_vec(dx, x.shape(), &Device::Cpu).map(Some)
    }
}

impl CustomOp1 for Seed {
    fn name(&self) -> &'static str {
        "seed of a differentiation"
    }

    fn cpu_fwd(&self, _y: &CpuStorage, _layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), Shape::from(())))
    }

    fn bwd(&self, _y: &Tensor, _scalar: &Tensor, _gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;
    use crate::activation::Activation;
    use crate::norm::{Norm, NormKind};
    use crate::testing::{random, random_row};

    /// Values and gradients of both forms of an operation, seeded with the same gradient.
    fn check(what: &str, leaves: &[&Var], ours: crate::Result<Tensor>, composed: crate::Result<Tensor>) {
        let forms = [ours, composed].map(|y| y.unwrap_or_else(|e| panic!("{what}: {e}")));
        let (n, width) = forms[0].dims2().expect("rows");
        let g = random(n, width);
        let scalars = [seed(&forms[0], &g).expect("seed"), (&forms[1] * &g).expect("mul").sum_all().expect("sum")];
        let values = |(y, scalar): (&Tensor, &Tensor)| {
            let gradients = scalar.backward().expect("backward");
            let mut all = vec![y.detach()];
            all.extend(leaves.iter().map(|leaf| gradients.get(leaf).expect("a gradient").clone()));
            let flat = |t: Tensor| t.flatten_all().expect("flat").to_vec1::<f32>().expect("values");
            all.into_iter().flat_map(flat).collect::<Vec<f32>>()
        };
        let (ours, theirs) = (values((&forms[0], &scalars[0])), values((&forms[1], &scalars[1])));
        assert_eq!(ours.len(), theirs.len());
        for (a, b) in ours.iter().zip(&theirs) {
            assert!((a - b).abs() < 2e-5, "{what}: {a} fused, {b} composed");
        }
    }

    #[test]
    fn values_and_gradients_equal_the_composed_forms() {
        let var = |rows, cols| Var::from_tensor(&random(rows, cols)).expect("var");
        let (x, w) = (var(5, 8), random(3, 8));
        check("product", &[&x], times_constant(&x, &w), crate::linear::composed(&x, &w));
        for kind in [NormKind::Rms, NormKind::Layer] {
            for bias in [None, Some(random_row(37))] {
                let (x, form) = (var(4, 2 * 37), Norm { kind, weight: random_row(37), bias, eps: 1e-5 });
                check(&format!("{form:?}"), &[&x], norm(&x, &form), form.composed(&x));
            }
        }
        for d_head in [6, 10] {
            let angles = random(4, 3);
            let tables = Tables { cos: angles.cos().expect("cos"), sin: angles.sin().expect("sin") };
            let x = var(4, 2 * d_head);
            let composed = crate::rope::composed(&x, &tables, d_head);
            check("rotation", &[&x], rotate(&x, &tables, d_head), composed);
        }
        for name in Activation::NAMES {
            let f = Activation::from_name(name).expect("a known name");
            let (x, up) = (var(3, 20), var(3, 20));
            check(name, &[&x], activate(&x, f), crate::activation::composed(&x, f));
            check(name, &[&x, &up], gated(&x, &up, f), crate::activation::composed_gated(&x, &up, f));
        }
    }
}
