//! The gated activation of the MLP: `silu(gate) · up` with `silu(x) = x / (1 + e⁻ˣ)`.

use candle_core::Tensor;
use multiversion::multiversion;

use super::{differentiable, exp, host_rows, is_fused, with_values};
use crate::error::Result;

/// `gate [a,width]`, `up [b,width]` → `[max(a,b),width]`; the one with fewer rows is repeated (`a` divides `b` or
/// the reverse), which is how a variant of one matrix meets the other that all variants share.
pub(crate) fn silu_mul(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    let ((a, width), (b, _)) = (gate.dims2()?, up.dims2()?);
    let rows = a.max(b);
    if is_fused(gate) {
        let mut y = vec![0f32; rows * width];
        with_values(gate, |gate| {
            with_values(up, |up| {
                if gate.is_empty() || up.is_empty() {
                    return;
                }
                let block = gate.len().min(up.len());
                for (i, y) in y.chunks_exact_mut(block).enumerate() {
                    let part = |all: &'_ [f32]| {
                        let start = (i * block) % all.len();
                        start..start + block
                    };
                    kernel(y, &gate[part(gate)], &up[part(up)]);
                }
            })
        })??;
        return host_rows(y, rows, width);
    }
    if differentiable::applies(gate) && a == b {
        return differentiable::silu_mul(gate, up);
    }
    composed(gate, up)
}

/// The same through the tensor library.
pub(super) fn composed(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    let (a, b) = (gate.dim(0)?, up.dim(0)?);
    let rows = a.max(b);
    let expand = |t: &Tensor, n: usize| if n == rows { Ok(t.clone()) } else { t.repeat((rows / n, 1)) };
    Ok((expand(gate, a)?.silu()? * expand(up, b)?)?)
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn kernel(y: &mut [f32], gate: &[f32], up: &[f32]) {
    for ((y, g), u) in y.iter_mut().zip(gate).zip(up) {
        *y = g / (1.0 + exp(-g)) * u;
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn equals_the_formula_with_either_side_shared() {
        let many = Tensor::randn(0f32, 2.0, (6, 5), &Device::Cpu).expect("many");
        let few = Tensor::randn(0f32, 2.0, (2, 5), &Device::Cpu).expect("few");
        for (gate, up) in [(&many, &few), (&few, &many), (&many, &many)] {
            let y = silu_mul(gate, up).expect("y").to_vec2::<f32>().expect("y");
            let (g, u) = (gate.to_vec2::<f32>().expect("g"), up.to_vec2::<f32>().expect("u"));
            for (i, row) in y.iter().enumerate() {
                for (j, y) in row.iter().enumerate() {
                    let (g, u) = (f64::from(g[i % g.len()][j]), f64::from(u[i % u.len()][j]));
                    assert!((f64::from(*y) - g / (1.0 + (-g).exp()) * u).abs() < 1e-5);
                }
            }
        }
    }
}
