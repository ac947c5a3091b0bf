//! The values of a model's parameters as they are loaded: read from the files, and changed by the adapters attached to
//! them.

use std::collections::BTreeMap;

use laser_checkpoint::CheckpointError;
use laser_linalg::Matrix;

use super::ModelFiles;
use crate::adapter::Adapter;
use crate::adapter::merge::Merge;
use crate::arch::tensor_names::TensorRole;
use crate::error::Result;
use crate::tensor_layout::{RoleParameter, role_parameters};
use crate::weight_id::WeightId;

/// A tensor of the files that adapters change.
#[derive(Debug, Default)]
pub struct MergedTensor {
    /// The changed matrices in it; for a tensor of biases, the matrices whose biases change.
    pub ids: Vec<WeightId>,
    /// Whether it holds biases of matrices.
    is_bias: bool,
    /// The parameter that is no matrix of a block: index in [`role_parameters`], layer, `weight` or `bias`.
    parameter: Option<(usize, usize, &'static str)>,
    /// Position among the tensors of the parameter, where each attention head has one of its own.
    part: usize,
}

impl ModelFiles {
    /// The same files with adapters, which are merged into the weights when they are read: W + s·B·A of each in turn.
    /// Nothing on disk changes.
    ///
    /// A token embedding or output head that an adapter changes is no longer tied to the other one, unless the adapter
    /// says so (`ensure_weight_tying`): PEFT adapts one module, and the other keeps its weight.
    ///
    /// # Errors
    /// A module that the model does not have, a tensor whose shape does not fit it, or two adapters that both give new
    /// values to one parameter.
    pub fn with_adapters(mut self, adapters: Vec<Adapter>) -> Result<Self> {
        if adapters.is_empty() {
            return Ok(self);
        }
        let merge = Merge::new(adapters, &self.config)?;
        self.notes.extend(merge.notes().iter().cloned());
        let changes = |role| merge.changes_parameter(role, 0, "weight");
        let changes_one = changes(TensorRole::Embedding) || changes(TensorRole::Head);
        if self.config.head.tied && changes_one && !merge.keeps_head_tied() {
            self.config.head.tied = false;
            self.layout.share(TensorRole::Head, TensorRole::Embedding);
            self.unties_head = true;
            self.notes.push(
                "the adapter changes the token embedding or the output head, which are tied in the base model: they are \
                 two matrices now"
                    .to_owned(),
            );
        }
        self.merge = Some(merge);
        Ok(self)
    }

    /// The adapters that are merged into the weights, in this order.
    pub fn adapters(&self) -> &[Adapter] {
        self.merge.as_ref().map_or(&[], Merge::adapters)
    }

    /// Whether adapters make two matrices of token embedding and output head, of which the files hold one.
    pub fn unties_head(&self) -> bool {
        self.unties_head
    }

    /// The stored matrices that adapters change, in order.
    pub fn merged_matrices(&self) -> Vec<WeightId> {
        let merge = self.merge.iter();
        merge.flat_map(|merge| merge.matrices().filter(|id| merge.changes_weight(*id))).collect()
    }

    /// The change of a stored matrix by the adapters as factors `B [out, r]`, which includes the scale, and `A [r, in]`;
    /// `None` if it has no such form: no change, DoRA, or new values.
    ///
    /// # Errors
    /// Tensors that cannot be read.
    pub fn update_factors(&self, id: WeightId) -> Result<Option<[Matrix; 2]>> {
        self.merge.as_ref().map_or(Ok(None), |merge| merge.factors(&self.config, id))
    }

    /// Merges the adapters into the values `[out, in]` of a stored matrix.
    pub(super) fn merge_matrix(&self, id: WeightId, values: &mut Vec<f32>) -> Result<(), CheckpointError> {
        self.merge.as_ref().map_or(Ok(()), |merge| merge.merge_matrix(&self.config, id, values))
    }

    /// Values of a stored matrix as they are loaded, `[out, in]`.
    ///
    /// # Errors
    /// A tensor that is missing or cannot be read.
    pub fn matrix_values(&self, id: WeightId) -> Result<Vec<f32>, CheckpointError> {
        let mut values = self.location(id).read(&self.checkpoint)?;
        self.merge_matrix(id, &mut values)?;
        Ok(values)
    }

    /// Values of a stored matrix's bias as they are loaded, `[out]`.
    ///
    /// # Errors
    /// A tensor that is missing or cannot be read.
    pub fn bias_values(&self, id: WeightId) -> Result<Vec<f32>, CheckpointError> {
        let mut values = self.location(id).read_bias(&self.checkpoint)?;
        if let Some(merge) = &self.merge {
            merge.merge_bias(&self.config, id, &mut values)?;
        }
        Ok(values)
    }

    /// Values of a parameter that is no matrix of a block, as the files express them, without the offset of norms, but in the
    /// order of the forward pass. `usual`: `weight` or `bias`.
    ///
    /// # Errors
    /// A tensor that is missing or cannot be read.
    pub fn parameter_values(
        &self,
        parameter: &RoleParameter,
        layer: usize,
        usual: &'static str,
    ) -> Result<Vec<f32>, CheckpointError> {
        let mut values = Vec::new();
        for stem in self.layout.stems(parameter, layer) {
            let name = self.layout.tensor_name(parameter, &stem, usual);
            values.extend(self.checkpoint.tensor(&name)?.to_f32()?);
        }
        if let Some(merge) = self.merge.as_ref().filter(|m| m.changes_parameter(parameter.role, layer, usual)) {
            merge.merge_parameter(parameter, layer, usual, self.layout.names.norm_offset, &mut values)?;
        }
        Ok(self.layout.values_from_file(&self.config, parameter, values))
    }

    /// The tensors of the files that adapters change, by name.
    pub fn merged_tensors(&self) -> BTreeMap<String, MergedTensor> {
        let mut tensors: BTreeMap<String, MergedTensor> = BTreeMap::new();
        let Some(merge) = &self.merge else { return tensors };
        for id in merge.matrices() {
            let location = self.location(id);
            if merge.changes_weight(id) {
                tensors.entry(location.weight_name()).or_default().ids.push(id);
            }
            if merge.changes_bias(id) {
                let tensor = tensors.entry(location.bias_name()).or_default();
                tensor.is_bias = true;
                tensor.ids.push(id);
            }
        }
        for (index, parameter) in role_parameters(&self.config).iter().enumerate() {
            for layer in parameter.layers(&self.config) {
                for (usual, _) in parameter.tensors() {
                    if !merge.changes_parameter(parameter.role, layer, usual) {
                        continue;
                    }
                    for (part, stem) in self.layout.stems(parameter, layer).into_iter().enumerate() {
                        let tensor =
                            MergedTensor { parameter: Some((index, layer, usual)), part, ..Default::default() };
                        tensors.insert(self.layout.tensor_name(parameter, &stem, usual), tensor);
                    }
                }
            }
        }
        tensors
    }

    /// Values of a tensor that adapters change, laid out as in the files.
    ///
    /// # Errors
    /// A tensor that cannot be read.
    pub fn merged_values(&self, name: &str, tensor: &MergedTensor) -> Result<Vec<f32>, CheckpointError> {
        let stored = self.checkpoint.tensor(name)?;
        if let Some((index, layer, usual)) = tensor.parameter {
            let parameters = role_parameters(&self.config);
            let values = self.parameter_values(&parameters[index], layer, usual)?;
            let values = self.layout.values_in_file(&self.config, &parameters[index], values);
            let length = stored.info().elements();
            return Ok(values[tensor.part * length..(tensor.part + 1) * length].to_vec());
        }
        let mut values = stored.to_f32()?;
        for id in &tensor.ids {
            match tensor.is_bias {
                true => self.location(*id).insert_bias(&self.bias_values(*id)?, &mut values),
                false => self.location(*id).insert(&self.matrix_values(*id)?, &mut values),
            }
        }
        Ok(values)
    }
}
