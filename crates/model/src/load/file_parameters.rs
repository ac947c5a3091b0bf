//! Reads the parameters of a model from its files: one device, one element type, every matrix `[out, in]`.

use std::cell::RefCell;

use candle_core::{DType, Device, Tensor};
use laser_kernels::weight::Weight;

use super::ModelFiles;
use crate::arch::tensor_names::TensorRole;
use crate::error::Result;
use crate::parameters::{ParameterId, ParameterOwner, ParameterSource};
use crate::tensor_layout::{RoleParameter, role_parameters};
use crate::weight_id::WeightId;

/// The parameters in a model's files, as tensors on one device in one element type.
pub struct FileParameters<'a> {
    files: &'a ModelFiles,
    /// The parameters that are not matrices of blocks.
    roles: Vec<RoleParameter>,
    device: &'a Device,
    dtype: DType,
    /// The last tensor that was read as a whole. Matrices with interleaved rows follow one another, so that each tensor is
    /// decoded once.
    last_tensor: RefCell<Option<(String, Vec<f32>)>>,
}

impl<'a> FileParameters<'a> {
    /// The parameters of `files`.
    pub(super) fn new(files: &'a ModelFiles, device: &'a Device, dtype: DType) -> Self {
        Self { files, roles: role_parameters(&files.config), device, dtype, last_tensor: RefCell::new(None) }
    }

    /// Values of a parameter that is not a matrix of a block.
    fn role(&self, role: TensorRole, layer: usize, bias: bool) -> Result<Vec<f32>> {
        let found = self.roles.iter().find(|p| p.role == role);
        let parameter = found.expect("only the parameters of the configuration are read");
        let mut values = Vec::new();
        for stem in self.files.layout.stems(parameter, layer) {
            let suffix = self.files.layout.suffix(parameter, if bias { "bias" } else { "weight" });
            values.extend(self.files.checkpoint.tensor(&format!("{stem}.{suffix}"))?.to_f32()?);
        }
        let offset = self.files.layout.names.norm_offset;
        if offset != 0.0 && parameter.is_norm() {
            values.iter_mut().for_each(|value| *value += offset);
        }
        Ok(values)
    }

    /// Values of a stored matrix, `[out, in]`, or of its bias, `[out]`.
    fn matrix(&self, id: WeightId, bias: bool) -> Result<Vec<f32>> {
        let (location, checkpoint) = (self.files.location(id), &self.files.checkpoint);
        if bias {
            return Ok(location.read_bias(checkpoint)?);
        }
        if location.is_contiguous() {
            self.last_tensor.take();
            return Ok(location.read(checkpoint)?);
        }
        let name = location.weight_name();
        let whole = match self.last_tensor.take().filter(|(of, _)| *of == name) {
            Some((_, whole)) => whole,
            None => checkpoint.tensor(&name)?.to_f32()?,
        };
        let values = location.extract(&whole);
        self.last_tensor.replace(Some((name, whole)));
        Ok(values)
    }
}

impl ParameterSource for FileParameters<'_> {
    fn tensor(&self, id: ParameterId, shape: &[usize]) -> Result<Tensor> {
        let values = match id.owner {
            ParameterOwner::Matrix(matrix) => self.matrix(matrix, id.bias)?,
            ParameterOwner::Role(role, layer) => self.role(role, layer, id.bias)?,
        };
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_device(self.device)?.to_dtype(self.dtype)?)
    }

    /// The weight, packed for products.
    fn weight(&self, tensor: Tensor) -> Result<Weight> {
        Ok(Weight::new(tensor)?)
    }
}
