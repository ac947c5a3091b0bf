//! Reads the parameters of a model from its files, merged with its adapters: one device, one element type, every matrix
//! `[out, in]`.

use std::cell::RefCell;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use laser_kernels::weight::Weight;

use super::file_rows::FileRows;
use super::{ModelFiles, Residence};
use crate::arch::tensor_names::TensorRole;
use crate::error::Result;
use crate::parameters::{ParameterId, ParameterOwner, ParameterSource};
use crate::tensor_layout::{RoleParameter, role_parameters};
use crate::weight_id::WeightId;

/// The parameters in a model's files, as tensors on one device in one element type.
pub struct FileParameters<'a> {
    pub(super) files: &'a ModelFiles,
    /// The matrices that are not read into memory.
    residence: Residence,
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
        let (residence, roles) = (Residence::default(), role_parameters(&files.config));
        Self { files, residence, roles, device, dtype, last_tensor: RefCell::new(None) }
    }

    /// The same parameters, of which those of `residence` stay in the files.
    pub(super) fn with_residence(self, residence: Residence) -> Self {
        Self { residence, ..self }
    }

    /// Values of a parameter that is not a matrix of a block.
    fn role(&self, role: TensorRole, layer: usize, bias: bool) -> Result<Vec<f32>> {
        let found = self.roles.iter().find(|p| p.role == role);
        let parameter = found.expect("only the parameters of the configuration are read");
        let mut values = self.files.parameter_values(parameter, layer, if bias { "bias" } else { "weight" })?;
        let offset = self.files.layout.names.norm_offset;
        if offset != 0.0 && parameter.is_norm() && !bias {
            values.iter_mut().for_each(|value| *value += offset);
        }
        Ok(values)
    }

    /// Values of a stored matrix, `[out, in]`, or of its bias, `[out]`.
    fn matrix(&self, id: WeightId, bias: bool) -> Result<Vec<f32>> {
        let (location, checkpoint) = (self.files.location(id), &self.files.checkpoint);
        if bias {
            return Ok(self.files.bias_values(id)?);
        }
        if location.is_read_alone() {
            self.last_tensor.take();
            return Ok(self.files.matrix_values(id)?);
        }
        let name = location.weight_name();
        let whole = match self.last_tensor.take().filter(|(of, _)| *of == name) {
            Some((_, whole)) => whole,
            None => checkpoint.tensor(&name)?.to_f32()?,
        };
        let mut values = location.extract(&whole);
        self.files.merge_matrix(id, &mut values)?;
        self.last_tensor.replace(Some((name, whole)));
        Ok(values)
    }

    /// Values of a parameter.
    pub(super) fn values(&self, id: ParameterId) -> Result<Vec<f32>> {
        match id.owner {
            ParameterOwner::Matrix(matrix) => self.matrix(matrix, id.bias),
            ParameterOwner::Role(role, layer) => self.role(role, layer, id.bias),
        }
    }
}

impl ParameterSource for FileParameters<'_> {
    fn tensor(&self, id: ParameterId, shape: &[usize]) -> Result<Tensor> {
        Ok(Tensor::from_vec(self.values(id)?, shape, &Device::Cpu)?.to_device(self.device)?.to_dtype(self.dtype)?)
    }

    /// The weight: on the CPU in f32 packed for products, in the element type of the file, or left in the file; the products
    /// have the bits of the same weights in f32.
    fn weight(&self, id: ParameterId, shape: [usize; 2]) -> Result<Weight> {
        if !matches!(self.device, Device::Cpu) || self.dtype != DType::F32 {
            return Ok(Weight::Tensor(self.tensor(id, &shape)?));
        }
        let in_file = self.residence.is_in_file(id).then(|| FileRows::of(self.files, id, shape)).flatten();
        Ok(match in_file {
            Some(rows) => Weight::InFile(Arc::new(rows)),
            None => Weight::packed(self.packed(id, shape)?),
        })
    }
}
