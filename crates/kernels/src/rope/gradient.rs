//! Rotary positions as a CPU kernel with a gradient.

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};

use super::{RotaryTables, fused};
use crate::host::values_of_cpu_storage;

/// Rotates every head of an `x [rows, heads·d_head]` that needs a gradient → the same shape.
pub(super) fn rotate(x: &Tensor, tables: &RotaryTables, d_head: usize) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Rotate { tables: tables.clone(), d_head })
}

struct Rotate {
    tables: RotaryTables,
    d_head: usize,
}

impl CustomOp1 for Rotate {
    fn name(&self) -> &'static str {
        "rotary positions"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut y = values_of_cpu_storage(x, layout)?.to_vec();
        fused::rotate(&mut y, &self.tables, self.d_head, layout.shape().dims2()?.1)?;
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// Rotates the gradient of the output back: a rotation's transpose is its inverse.
    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut dx = gradient.flatten_all()?.to_vec1::<f32>()?;
        let back = RotaryTables { cos: self.tables.cos.clone(), sin: self.tables.sin.neg()? };
        fused::rotate(&mut dx, &back, self.d_head, x.dims2()?.1)?;
        Tensor::from_vec(dx, x.shape(), &Device::Cpu).map(Some)
    }
}
