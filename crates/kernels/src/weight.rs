//! A weight matrix of the model, in the form in which products read it: packed for the CPU, or a tensor.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use crate::host::{fused_applies, host_rows, with_values};
use crate::packed::Packed;

/// A weight matrix `[out, in]`.
#[derive(Debug, Clone)]
pub enum Weight {
    /// f32 on the CPU, packed; no other copy of the values is kept.
    Packed(Arc<Packed>),
    /// Other devices and data types, and weights that need a gradient.
    Tensor(Tensor),
}

impl Weight {
    /// Takes `tensor [out, in]`, and packs it if the fused CPU product applies to it.
    ///
    /// # Errors
    /// If `tensor` is to be packed and is not two-dimensional.
    pub fn new(tensor: Tensor) -> Result<Self> {
        if !fused_applies(&tensor) {
            return Ok(Self::Tensor(tensor));
        }
        let (out, width) = tensor.dims2()?;
        let packed = with_values(&tensor.contiguous()?, |values| Packed::new(values, out, width))?;
        Ok(Self::Packed(Arc::new(packed)))
    }

    /// The same weight without a gradient.
    pub fn detach(&self) -> Self {
        match self {
            Self::Packed(packed) => Self::Packed(packed.clone()),
            Self::Tensor(tensor) => Self::Tensor(tensor.detach()),
        }
    }

    /// `[out, in]`.
    ///
    /// # Errors
    /// If the tensor is not two-dimensional.
    pub fn dims(&self) -> Result<[usize; 2]> {
        Ok(match self {
            Self::Packed(packed) => [packed.out(), packed.width()],
            Self::Tensor(tensor) => tensor.dims2()?.into(),
        })
    }

    /// The weight as a tensor `[out, in]`; the values of a packed weight are copied.
    ///
    /// # Errors
    /// Those of the tensor library.
    pub fn to_tensor(&self) -> Result<Tensor> {
        match self {
            Self::Packed(packed) => Tensor::from_vec(packed.unpack(), (packed.out(), packed.width()), &Device::Cpu),
            Self::Tensor(tensor) => Ok(tensor.clone()),
        }
    }

    /// A copy of all values as f32, `[out, in]`, row-major.
    ///
    /// # Errors
    /// Those of the tensor library: the values of another device are fetched from it.
    pub fn to_values(&self) -> Result<Vec<f32>> {
        match self {
            Self::Packed(packed) => Ok(packed.unpack()),
            Self::Tensor(tensor) => tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1(),
        }
    }

    /// The packed weight; `None` if it is a tensor.
    pub(crate) fn as_packed(&self) -> Option<&Packed> {
        match self {
            Self::Packed(packed) => Some(packed),
            Self::Tensor(_) => None,
        }
    }

    /// The rows with the numbers `ids`, `[ids, in]`, such as the embeddings of tokens.
    ///
    /// # Errors
    /// If the weight is a tensor and a row does not exist.
    ///
    /// # Panics
    /// If the weight is packed and a row does not exist.
    pub fn rows(&self, ids: &[u32]) -> Result<Tensor> {
        match self {
            Self::Packed(packed) => {
                let mut rows = Vec::with_capacity(ids.len() * packed.width());
                ids.iter().for_each(|id| rows.extend(packed.row(*id as usize)));
                host_rows(rows, ids.len(), packed.width())
            }
            Self::Tensor(tensor) => tensor.index_select(&Tensor::new(ids, tensor.device())?, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{difference, random};

    #[test]
    fn rows_of_a_packed_weight_equal_those_of_its_tensor() {
        let w = random(70, 5);
        let (packed, ids) = (Weight::new(w.clone()).expect("packs"), [69u32, 0, 33, 33]);
        let rows = packed.rows(&ids).expect("rows");
        assert_eq!(difference(&rows, &Weight::Tensor(w).rows(&ids).expect("rows")), 0.0);
    }
}
