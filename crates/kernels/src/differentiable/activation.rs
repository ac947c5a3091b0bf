//! The activation of an MLP, alone or gated, and its gradient.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use super::{filled, rows};
use crate::activation::{Activation, slopes, values};

/// `f(x)` of a tracked `x`.
pub fn activate(x: &Tensor, f: Activation) -> crate::Result<Tensor> {
    Ok(x.contiguous()?.apply_op1(Activate(f))?)
}

/// `f(gate)·up`, both tracked and of one shape.
pub fn gated(gate: &Tensor, up: &Tensor, f: Activation) -> crate::Result<Tensor> {
    Ok(gate.contiguous()?.apply_op2(&up.contiguous()?, Gated(f))?)
}

struct Activate(Activation);
struct Gated(Activation);

impl CustomOp1 for Activate {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = rows(x, layout)?;
        let mut y = vec![0f32; x.len()];
        values(&mut y, x, None, self.0);
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// `f′(x)·δ`.
    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        filled(x, [x, gradient], |d, [x, delta]| slopes(d, x, Some(delta), self.0)).map(Some)
    }
}

impl CustomOp2 for Gated {
    fn name(&self) -> &'static str {
        "gated activation"
    }

    fn cpu_fwd(&self, g: &CpuStorage, gl: &Layout, u: &CpuStorage, ul: &Layout) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (rows(g, gl)?, rows(u, ul)?);
        let mut y = vec![0f32; gate.len()];
        values(&mut y, gate, Some(up), self.0);
        Ok((CpuStorage::F32(y), gl.shape().clone()))
    }

    /// `f′(gate)·up·δ` and `f(gate)·δ`.
    fn bwd(
        &self,
        gate: &Tensor,
        up: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dgate = filled(gate, [gate, up, gradient], |d, [gate, up, delta]| {
            slopes(d, gate, Some(up), self.0);
            d.iter_mut().zip(delta).for_each(|(d, delta)| *d *= delta);
        })?;
        let dup = filled(up, [gate, gradient], |d, [gate, delta]| values(d, gate, Some(delta), self.0))?;
        Ok((Some(dgate), Some(dup)))
    }
}
