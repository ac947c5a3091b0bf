//! The tensors of new model files: takes the values of parameters, gives each tensor as a file of the family stores it.

use std::collections::BTreeMap;

use crate::config::ModelConfig;
use crate::parameters::{ParameterId, ParameterOwner};
use crate::tensor_layout::{TensorLayout, role_parameters};

/// A tensor of a new file.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredValues {
    /// Full name.
    pub name: String,
    /// Shape in the file.
    pub shape: Vec<usize>,
    /// Values in row-major order.
    pub values: Vec<f32>,
}

/// Shape and values of each tensor, by name.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// The tensors of a new Hugging Face model with this configuration, ordered by name. `values` gives the values of each
/// parameter of [`ModelConfig::parameters`] in row-major order.
///
/// # Panics
/// If `values` gives another number of values than the parameter has.
pub fn tensors_of_new_files<'v>(config: &ModelConfig, values: impl Fn(ParameterId) -> &'v [f32]) -> Vec<StoredValues> {
    let layout = TensorLayout::of_new_files(config.family.tensor_names);
    let none_exists = |_: &str| false;
    let mut tensors = Tensors::new();
    for expected in layout.expected(config, none_exists) {
        let zeros = vec![0f32; expected.shape.iter().product()];
        tensors.insert(expected.name, (expected.shape, zeros));
    }
    for id in (0..config.n_layers).flat_map(|layer| config.stored(layer)) {
        let location = layout.location(config, id, none_exists).expect("the family names every matrix");
        location.insert(values(ParameterId::matrix(id)), values_of(&mut tensors, &location.weight_name()));
        if config.has_bias(id) {
            let bias = ParameterId { owner: ParameterOwner::Matrix(id), bias: true };
            location.insert_bias(values(bias), values_of(&mut tensors, &location.bias_name()));
        }
    }
    for tensor in (0..config.n_layers).flat_map(|layer| layout.xielu_tensors(config, layer)) {
        values_of(&mut tensors, &tensor.name).copy_from_slice(&[tensor.value]);
    }
    for parameter in role_parameters(config) {
        for layer in parameter.layers(config) {
            let stems = layout.stems(&parameter, layer);
            for (usual, _) in parameter.tensors() {
                let id = ParameterId { owner: ParameterOwner::Role(parameter.role, layer), bias: usual == "bias" };
                // Some families store the weights of norms less a constant, and some a tensor for each attention head.
                let offset = if parameter.is_norm() && !id.bias { layout.names.norm_offset } else { 0.0 };
                let all = layout.values_in_file(config, &parameter, values(id).to_vec());
                for (stem, part) in stems.iter().zip(all.chunks_exact(all.len() / stems.len().max(1))) {
                    let name = layout.tensor_name(&parameter, stem, usual);
                    let target = values_of(&mut tensors, &name);
                    target.copy_from_slice(part);
                    target.iter_mut().for_each(|value| *value -= offset);
                }
            }
        }
    }
    tensors.into_iter().map(|(name, (shape, values))| StoredValues { name, shape, values }).collect()
}

/// The values of one of the expected tensors.
fn values_of<'t>(tensors: &'t mut Tensors, name: &str) -> &'t mut [f32] {
    &mut tensors.get_mut(name).expect("every parameter is part of an expected tensor").1
}
