//! A weight matrix of the model, in the form in which products read it: packed for the CPU, in a file, or a tensor.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use crate::host::{fused_applies, host_rows, with_values};
use crate::packed::Packed;
use crate::row_reader::RowReader;

/// A weight matrix `[out, in]`.
#[derive(Debug, Clone)]
pub enum Weight {
    /// Values for f32 products on the CPU, packed; no other copy of them is kept.
    Packed(Arc<Packed>),
    /// Values that stay in a file, for f32 products on the CPU.
    InFile(Arc<dyn RowReader>),
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
        Ok(Self::packed(packed))
    }

    /// A weight for products in f32 on the CPU.
    pub fn packed(packed: Packed) -> Self {
        Self::Packed(Arc::new(packed))
    }

    /// The same weight without a gradient.
    pub fn detach(&self) -> Self {
        match self {
            Self::Packed(packed) => Self::Packed(packed.clone()),
            Self::InFile(reader) => Self::InFile(reader.clone()),
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
            Self::InFile(reader) => reader.dims(),
            Self::Tensor(tensor) => tensor.dims2()?.into(),
        })
    }

    /// Number of bytes of the values in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.bytes(),
            Self::InFile(_) => 0,
            Self::Tensor(tensor) => tensor.elem_count() * tensor.dtype().size_in_bytes(),
        }
    }

    /// The weight as a tensor `[out, in]`; values that are not a tensor are copied.
    ///
    /// # Errors
    /// Those of the tensor library, and of reading a file.
    pub fn to_tensor(&self) -> Result<Tensor> {
        match self {
            Self::Tensor(tensor) => Ok(tensor.clone()),
            _ => Tensor::from_vec(self.to_values()?, &self.dims()?, &Device::Cpu),
        }
    }

    /// A copy of all values as f32, `[out, in]`, row-major.
    ///
    /// # Errors
    /// Those of the tensor library, as the values of another device are fetched from it; and of reading a file.
    pub fn to_values(&self) -> Result<Vec<f32>> {
        match self {
            Self::Packed(packed) => Ok(packed.unpack()),
            Self::InFile(reader) => {
                let [out, width] = reader.dims();
                let mut values = vec![0.0; out * width];
                reader.read(0..out, &mut values)?;
                reader.release();
                Ok(values)
            }
            Self::Tensor(tensor) => tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1(),
        }
    }

    /// The packed weight; `None` if it is a tensor or in a file.
    pub(crate) fn as_packed(&self) -> Option<&Packed> {
        match self {
            Self::Packed(packed) => Some(packed),
            Self::InFile(_) | Self::Tensor(_) => None,
        }
    }

    /// The reader of a weight in a file.
    pub fn reader(&self) -> Option<&Arc<dyn RowReader>> {
        match self {
            Self::InFile(reader) => Some(reader),
            Self::Packed(_) | Self::Tensor(_) => None,
        }
    }

    /// The rows with the numbers `ids`, `[ids, in]`, such as the embeddings of tokens.
    ///
    /// # Errors
    /// If the weight is a tensor and a row does not exist, or if a row cannot be read from a file.
    ///
    /// # Panics
    /// If the weight is packed and a row does not exist.
    pub fn rows(&self, ids: &[u32]) -> Result<Tensor> {
        match self {
            Self::Packed(packed) => {
                let mut rows = Vec::with_capacity(ids.len() * packed.width());
                ids.iter().for_each(|id| packed.append_row(*id as usize, &mut rows));
                host_rows(rows, ids.len(), packed.width())
            }
            Self::InFile(reader) => {
                let [_, width] = reader.dims();
                let mut rows = vec![0.0; ids.len() * width];
                for (id, row) in ids.iter().zip(rows.chunks_exact_mut(width.max(1))) {
                    reader.read(*id as usize..*id as usize + 1, row)?;
                }
                host_rows(rows, ids.len(), width)
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
