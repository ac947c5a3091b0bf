//! Activation functions as CPU kernels with a gradient.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use super::fused::{derivatives, values, within};
use super::{Activation, GateBounds};
use crate::differentiable::tensor_like;
use crate::host::values_of_cpu_storage;

/// `f(x)` for an `x [rows, width]` that needs a gradient → the same shape.
pub(super) fn activate(x: &Tensor, f: Activation) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Activate { f })
}

/// `f(gate)·up` for two tensors `[rows, width]` → the same shape; `gate` needs a gradient.
pub(super) fn gated(gate: &Tensor, up: &Tensor, f: Activation, bounds: Option<GateBounds>) -> Result<Tensor> {
    gate.contiguous()?.apply_op2(&up.contiguous()?, Gated { f, bounds })
}

struct Activate {
    f: Activation,
}

struct Gated {
    f: Activation,
    bounds: Option<GateBounds>,
}

impl CustomOp1 for Activate {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values_of_cpu_storage(x, layout)?;
        let mut y = vec![0f32; x.len()];
        values(&mut y, x, None, self.f);
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// `δx = f′(x)·δ` for the gradient `δ` of the output.
    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        tensor_like(x, [x, gradient], |dx, [x, delta]| derivatives(dx, x, Some(delta), self.f)).map(Some)
    }
}

impl CustomOp2 for Gated {
    fn name(&self) -> &'static str {
        "gated activation"
    }

    fn cpu_fwd(
        &self,
        gate: &CpuStorage,
        gate_layout: &Layout,
        up: &CpuStorage,
        up_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (values_of_cpu_storage(gate, gate_layout)?, values_of_cpu_storage(up, up_layout)?);
        let [gate, up] = within(gate, up, self.bounds);
        let mut y = vec![0f32; gate.len()];
        values(&mut y, &gate, Some(&up), self.f);
        Ok((CpuStorage::F32(y), gate_layout.shape().clone()))
    }

    /// `δgate = f′(gate)·up·δ` and `δup = f(gate)·δ` for the gradient `δ` of the output, with both factors within their
    /// bounds; beyond a bound the gradient is zero.
    fn bwd(
        &self,
        gate: &Tensor,
        up: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (f, limit) = (self.f, self.bounds.map_or(f32::INFINITY, |bounds| bounds.limit));
        let d_gate = tensor_like(gate, [gate, up, gradient], |d, [gate, up, delta]| {
            let [bounded, up] = within(gate, up, self.bounds);
            derivatives(d, &bounded, Some(&up), f);
            d.iter_mut().zip(gate).zip(delta).for_each(|((d, gate), delta)| {
                *d *= if *gate > limit { 0.0 } else { *delta };
            });
        })?;
        let d_up = tensor_like(up, [gate, up, gradient], |d, [gate, up, delta]| {
            let [gate, _] = within(gate, &[], self.bounds);
            values(d, &gate, Some(delta), f);
            d.iter_mut().zip(up).filter(|(_, up)| up.abs() > limit).for_each(|(d, _)| *d = 0.0);
        })?;
        Ok((Some(d_gate), Some(d_up)))
    }
}
