//! `y = x·Wᵀ + b`, and the weight it takes: packed for the CPU's product, or a tensor.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::differentiable;
use super::matmul::View;
use super::packed::{Packed, Start, accumulate, append};
use super::{host_rows, is_fused, with_values};
use crate::Result;

/// A weight `[out, in]` as products take it.
#[derive(Debug, Clone)]
pub enum Weight {
    /// f32 on the CPU, in the order that the product reads: the only copy.
    Packed(Arc<Packed>),
    /// Other devices and element types, and values that gradients flow to.
    Tensor(Tensor),
}

impl Weight {
    /// Takes `tensor [out, in]`: packs it where the fused product applies to it.
    pub fn new(tensor: Tensor) -> Result<Self> {
        if !is_fused(&tensor) {
            return Ok(Self::Tensor(tensor));
        }
        let (out, width) = tensor.dims2()?;
        let packed = with_values(&tensor.contiguous()?, |values| Packed::new(values, out, width))?;
        Ok(Self::Packed(Arc::new(packed)))
    }

    /// `[out, in]`.
    pub fn dims(&self) -> Result<[usize; 2]> {
        Ok(match self {
            Self::Packed(packed) => [packed.out(), packed.width()],
            Self::Tensor(tensor) => tensor.dims2()?.into(),
        })
    }

    /// The values as a tensor `[out, in]`; packed ones are copied.
    pub fn to_tensor(&self) -> Result<Tensor> {
        Ok(match self {
            Self::Packed(packed) => Tensor::from_vec(packed.unpack(), (packed.out(), packed.width()), &Device::Cpu)?,
            Self::Tensor(tensor) => tensor.clone(),
        })
    }

    /// All values, row-major.
    pub fn to_values(&self) -> Result<Vec<f32>> {
        Ok(match self {
            Self::Packed(packed) => packed.unpack(),
            Self::Tensor(tensor) => tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?,
        })
    }

    /// The packed weight, where it is one.
    pub fn packed(&self) -> Option<&Packed> {
        match self {
            Self::Packed(packed) => Some(packed),
            Self::Tensor(_) => None,
        }
    }

    /// The rows `ids`, which must exist: `[ids, in]`.
    pub fn rows(&self, ids: &[u32]) -> Result<Tensor> {
        match self {
            Self::Packed(packed) => {
                let mut rows = Vec::with_capacity(ids.len() * packed.width());
                ids.iter().for_each(|id| rows.extend(packed.row(*id as usize)));
                host_rows(rows, ids.len(), packed.width())
            }
            Self::Tensor(tensor) => Ok(tensor.index_select(&Tensor::new(ids, tensor.device())?, 0)?),
        }
    }

    /// `x·Wᵀ` for `x [rows, in]` → `[rows, out]`.
    pub fn product(&self, x: &Tensor, threads: usize) -> Result<Tensor> {
        linear(x, self, None, None, threads)
    }
}

/// `x·Wᵀ + b (+ residual)`: `x [rows,in]`, `w [out,in]`, `bias [out]`, `residual [n,out]` → `[rows,out]`.
///
/// Where the residual has fewer rows, it is repeated: row `i` of the result takes its row `i mod n`.
pub fn linear(
    x: &Tensor,
    w: &Weight,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
    threads: usize,
) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    if let (Weight::Packed(w), true) = (w, is_fused(x)) {
        let mut y = Vec::with_capacity(rows * w.out());
        with_values(x, |x| {
            let x = View::new(x, rows, width);
            match (bias, residual) {
                (None, None) => append(&mut y, x, &w.all(), Start::Zero, threads),
                (Some(bias), None) => with_values(bias, |b| append(&mut y, x, &w.all(), Start::Row(b), threads))?,
                (None, Some(r)) => with_values(r, |r| append(&mut y, x, &w.all(), Start::BatchLayout(r), threads))?,
                (Some(bias), Some(residual)) => {
                    with_values(bias, |bias| with_values(residual, |r| start(&mut y, bias, r, rows)))??;
                    accumulate(&mut y, x, &w.all(), threads);
                }
            }
            Ok::<_, crate::Error>(())
        })??;
        return host_rows(y, rows, w.out());
    }
    let w = w.to_tensor()?;
    let constant = differentiable::applies(x) && !w.track_op();
    let mut y = if constant { differentiable::times_constant(x, &w)? } else { composed(x, &w)? };
    if let Some(bias) = bias {
        y = y.broadcast_add(bias)?;
    }
    Ok(match residual {
        Some(residual) => (y + repeated(residual, rows)?)?,
        None => y,
    })
}

/// Appends `rows` rows `bias + residual`, the residual's rows repeated.
fn start(y: &mut Vec<f32>, bias: &[f32], residual: &[f32], rows: usize) {
    for row in residual.chunks_exact(bias.len().max(1)).cycle().take(rows) {
        y.extend(row.iter().zip(bias).map(|(r, b)| r + b));
    }
}

/// `x` repeated until it has `rows` rows.
pub fn repeated(x: &Tensor, rows: usize) -> Result<Tensor> {
    let n = x.dim(0)?;
    if n == rows { Ok(x.clone()) } else { Ok(x.repeat((rows / n.max(1), 1))?) }
}

/// `x·Wᵀ` through the tensor library.
pub(super) fn composed(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    Ok(x.matmul(&w.t()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{difference, random, random_row};

    #[test]
    fn linear_adds_bias_and_residual_packed_or_not() {
        let (x, w, residual) = (random(6, 8), random(3, 8), random(2, 3));
        let bias = random_row(3);
        let packed = Weight::new(w.clone()).expect("packs");
        assert!(matches!(packed, Weight::Packed(_)));
        for bias in [None, Some(&bias)] {
            for residual in [None, Some(&residual)] {
                let mut plain = x.matmul(&w.t().expect("t")).expect("matmul");
                if let Some(bias) = bias {
                    plain = plain.broadcast_add(bias).expect("bias");
                }
                if let Some(residual) = residual {
                    plain = (plain + residual.repeat((3, 1)).expect("three times")).expect("add");
                }
                for w in [&packed, &Weight::Tensor(w.clone())] {
                    let y = linear(&x, w, bias, residual, 1).expect("linear");
                    assert!(difference(&y, &plain) < 1e-5);
                }
            }
        }
    }

    #[test]
    fn gradients_flow_through_packed_weights_and_to_tracked_ones() {
        let (x, w) = (random(4, 8), random(3, 8));
        let tracked = candle_core::Var::from_tensor(&w).expect("variable");
        let weight = Weight::new(tracked.as_tensor().clone()).expect("stays a tensor");
        let second = Weight::new(random(5, 3)).expect("packs");
        let y = linear(&linear(&x, &weight, None, None, 1).expect("y"), &second, None, None, 1).expect("z");
        let gradients = y.sum_all().expect("sum").backward().expect("backward");
        // d/dW Σ (x·Wᵀ·Sᵀ) = (Sᵀ·1)·(1ᵀ·x)
        let columns = second.to_tensor().and_then(|s| Ok(s.sum_keepdim(0)?.t()?)).expect("[3,1]");
        let expected = columns.matmul(&x.sum_keepdim(0).expect("[1,8]")).expect("[3,8]");
        assert!(difference(gradients.get(&tracked).expect("a gradient"), &expected) < 1e-4);
    }

    #[test]
    fn rows_of_a_packed_weight_are_those_of_its_tensor() {
        let w = random(70, 5);
        let (packed, ids) = (Weight::new(w.clone()).expect("packs"), [69u32, 0, 33, 33]);
        let rows = packed.rows(&ids).expect("rows");
        assert_eq!(difference(&rows, &Weight::Tensor(w).rows(&ids).expect("rows")), 0.0);
    }
}
