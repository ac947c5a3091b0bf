//! The operations of a differentiation on the CPU, each with its gradient as one fused kernel in one thread.
//!
//! The tensor library differentiates what it is composed of, too, but element by element through a pool of threads
//! that all callers share and wait for; and of a product it would also form the weight's gradient, which is constant
//! here. Elsewhere than on the CPU the composed forms run.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Device, Error, Layout, Result, Shape, Tensor};

use super::matmul::{Output, View, times, times_transposed};
use super::rope::{Tables, turn};
use super::{exp, with_values};

/// Whether these kernels apply: tracked f32 values in host memory.
pub(super) fn applies(x: &Tensor) -> bool {
    matches!(x.device(), Device::Cpu) && x.dtype() == DType::F32 && x.track_op()
}

/// `x·Wᵀ` for a tracked `x [rows,in]` and a constant `w [out,in]` → `[rows,out]`.
pub(super) fn times_constant(x: &Tensor, w: &Tensor) -> crate::Result<Tensor> {
    Ok(x.contiguous()?.apply_op1(TimesConstant(w.clone()))?)
}

/// `x / √(mean(x²) + ε) · w` for a tracked `x [rows,width]` and a constant `w [width]`.
pub(super) fn rms_norm(x: &Tensor, w: &Tensor, eps: f64) -> crate::Result<Tensor> {
    Ok(x.contiguous()?.apply_op1(RmsNorm(w.clone(), eps as f32))?)
}

/// Turns every head of a tracked `x [rows,heads·d_head]` by its row's angles.
pub(super) fn rotate(x: &Tensor, tables: &Tables) -> crate::Result<Tensor> {
    Ok(x.contiguous()?.apply_op1(Rotate(tables.cos.clone(), tables.sin.clone()))?)
}

/// `silu(gate)·up`, both tracked and of one shape.
pub(super) fn silu_mul(gate: &Tensor, up: &Tensor) -> crate::Result<Tensor> {
    Ok(gate.contiguous()?.apply_op2(&up.contiguous()?, SiluMul)?)
}

/// A scalar whose gradient with respect to `y` is `gradient`, of the same shape. Its value says nothing.
pub(crate) fn seed(y: &Tensor, gradient: &Tensor) -> crate::Result<Tensor> {
    if applies(y) {
        return Ok(y.apply_op1(Seed(gradient.clone()))?);
    }
    Ok((y * gradient)?.sum_all()?)
}

struct TimesConstant(Tensor);
struct RmsNorm(Tensor, f32);
struct Rotate(Tensor, Tensor);
struct SiluMul;
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

impl CustomOp1 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms norm"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = rows(x, layout)?;
        let mut y = vec![0f32; x.len()];
        with_values(&self.0, |w| super::norm::kernel(&mut y, x, w, self.1)).map_err(Error::wrap)?;
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// With `s = 1/√(mean(x²) + ε)` and `h = w·δ`: `s·(h − x·s²·mean(h·x))`.
    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let dx = filled(x, [x, gradient, &self.0], |dx, [x, gradient, w]| {
            let width = w.len();
            let rows = x.chunks_exact(width).zip(gradient.chunks_exact(width));
            for (dx, (x, gradient)) in dx.chunks_exact_mut(width).zip(rows) {
                let square = 1.0 / (super::dot(x, x) / width as f32 + self.1);
                dx.iter_mut().zip(gradient).zip(w).for_each(|((dx, g), w)| *dx = g * w);
                let along = square * super::dot(dx, x) / width as f32;
                dx.iter_mut().zip(x).for_each(|(dx, x)| *dx = square.sqrt() * (*dx - x * along));
            }
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
        turn(&mut y, &self.0, &self.1, layout.shape().dims2()?.1).map_err(Error::wrap)?;
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// The rotation back.
    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut dx = gradient.flatten_all()?.to_vec1::<f32>()?;
        turn(&mut dx, &self.0, &self.1.neg()?, x.dims2()?.1).map_err(Error::wrap)?;
        Tensor::from_vec(dx, x.shape(), &Device::Cpu).map(Some)
    }
}

impl CustomOp2 for SiluMul {
    fn name(&self) -> &'static str {
        "gated activation"
    }

    fn cpu_fwd(&self, g: &CpuStorage, gl: &Layout, u: &CpuStorage, ul: &Layout) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (rows(g, gl)?, rows(u, ul)?);
        let mut y = vec![0f32; gate.len()];
        super::swiglu::kernel(&mut y, gate, up);
        Ok((CpuStorage::F32(y), gl.shape().clone()))
    }

    /// With `s = 1/(1 + e⁻ᵍ)`: `δ·u·s·(1 + g·(1 − s))` and `δ·g·s`.
    fn bwd(
        &self,
        gate: &Tensor,
        up: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dgate = filled(gate, [gate, up, gradient], |d, [gate, up, gradient]| {
            for (((d, g), u), delta) in d.iter_mut().zip(gate).zip(up).zip(gradient) {
                let s = 1.0 / (1.0 + exp(-g));
                *d = delta * u * s * (1.0 + g * (1.0 - s));
            }
        })?;
        let dup = filled(up, [gate, gradient], |d, [gate, gradient]| {
            for ((d, g), delta) in d.iter_mut().zip(gate).zip(gradient) {
                *d = delta * g / (1.0 + exp(-g));
            }
        })?;
        Ok((Some(dgate), Some(dup)))
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

    fn random(rows: usize, cols: usize) -> Tensor {
        Tensor::randn(0f32, 1.0, (rows, cols), &Device::Cpu).expect("random")
    }

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
        check("product", &[&x], times_constant(&x, &w), crate::ops::linear::composed(&x, &w));
        let (x, w) = (var(4, 37), random(1, 37).flatten_all().expect("flat"));
        check("norm", &[&x], rms_norm(&x, &w, 1e-5), crate::ops::norm::composed(&x, &w, 1e-5));
        let angles = random(4, 3);
        let tables = Tables { cos: angles.cos().expect("cos"), sin: angles.sin().expect("sin") };
        let x = var(4, 12);
        check("rotation", &[&x], rotate(&x, &tables), crate::ops::rope::composed(&x, &tables));
        let (gate, up) = (var(3, 20), var(3, 20));
        check("gate", &[&gate, &up], silu_mul(&gate, &up), crate::ops::swiglu::composed(&gate, &up));
    }
}
