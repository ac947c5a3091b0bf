//! A model in one format → the tensors of the other: their names, shapes, and where their values come from.

use std::collections::BTreeMap;

use laser_checkpoint::{CheckpointError, Dtype};
use laser_linalg::Matrix;

use super::verify::{StoredMatrix, expect_stored};
use crate::error::Result;
use laser_model::load::ModelFiles;
use laser_model::tensor_layout::{TensorLayout, TensorLocation, role_parameters};
use laser_model::weight_id::WeightId;

/// A tensor of the written model, and where its values come from.
pub(super) struct ConvertedTensor<'t> {
    /// Name in the written model.
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    /// The matrices in it and their places; for a bias tensor, the matrices whose biases are in it.
    matrices: Vec<(WeightId, TensorLocation)>,
    /// True if it contains the biases of matrices.
    is_bias: bool,
    /// For a tensor without matrices, such as a norm.
    copied: Option<CopiedTensor>,
    /// The layout of the written model.
    layout: &'t TensorLayout,
}

/// A tensor without matrices: its values in the source, and the number to add to them.
struct CopiedTensor {
    /// Index in [`role_parameters`].
    parameter: usize,
    layer: usize,
    usual: &'static str,
    /// Its position among the tensors of the parameter, where each attention head has one of its own.
    part: usize,
    offset: f32,
}

/// All tensors of the model `files` in the layout `to`, sorted by name. A matrix lies in the first tensor that can hold it
/// for which `exists` is true, else in the last.
pub(super) fn plan<'t>(
    files: &ModelFiles,
    to: &'t TensorLayout,
    exists: impl Fn(WeightId, &str) -> bool,
) -> Vec<ConvertedTensor<'t>> {
    let (config, from) = (files.config(), files.layout());
    let mut plan: BTreeMap<String, ConvertedTensor<'t>> = BTreeMap::new();
    // A tensor may hold several stored matrices, such as `qkv` or stacked experts.
    for id in (0..config.n_layers).flat_map(|layer| config.stored(layer)) {
        let Some(place) = to.location(config, id, |name| exists(id, name)) else { continue };
        if config.has_bias(id) {
            let bias = ConvertedTensor::entry(&mut plan, to, place.bias_name(), place.bias_shape());
            bias.is_bias = true;
            bias.matrices.push((id, place.clone()));
        }
        ConvertedTensor::entry(&mut plan, to, place.weight_name(), &place.shape).matrices.push((id, place.clone()));
    }
    for (parameter, vector) in role_parameters(config).into_iter().enumerate() {
        // Some formats store norm weights as w − 1; the difference of both conventions is added.
        let offset = if vector.is_norm() { from.names.norm_offset - to.names.norm_offset } else { 0.0 };
        for layer in vector.layers(config) {
            let stems = to.stems(&vector, layer);
            // One for all attention heads, or one for each, even if there is only one.
            let outer = usize::from(to.is_divided_by_head(&vector));
            for (part, stem) in stems.into_iter().enumerate() {
                for (usual, shape) in vector.tensors() {
                    let shape = &shape[outer..];
                    let name = to.tensor_name(&vector, &stem, usual);
                    let tensor = ConvertedTensor::entry(&mut plan, to, name, shape);
                    let offset = if usual == "bias" { 0.0 } else { offset };
                    tensor.copied = Some(CopiedTensor { parameter, layer, usual, part, offset });
                }
            }
        }
    }
    plan.into_values().collect()
}

impl<'t> ConvertedTensor<'t> {
    /// Returns true for a tensor without editable matrices.
    pub(super) fn is_copied(&self) -> bool {
        self.copied.is_some()
    }

    /// The tensor `name` of a plan, added if it is new: several matrices may share a tensor.
    fn entry<'p>(
        plan: &'p mut BTreeMap<String, Self>,
        layout: &'t TensorLayout,
        name: String,
        shape: &[usize],
    ) -> &'p mut Self {
        let new = || Self {
            name: name.clone(),
            shape: shape.to_vec(),
            matrices: Vec::new(),
            is_bias: false,
            copied: None,
            layout,
        };
        plan.entry(name.clone()).or_insert_with(new)
    }

    /// True if it contains the biases of matrices.
    pub(super) fn is_bias(&self) -> bool {
        self.is_bias
    }

    /// The values to be written, with the file's matrices replaced by `matrices`.
    pub(super) fn values(
        &self,
        files: &ModelFiles,
        matrices: &BTreeMap<WeightId, Matrix>,
    ) -> Result<Vec<f32>, CheckpointError> {
        let length = self.shape.iter().product();
        if let Some(CopiedTensor { parameter, layer, usual, part, offset }) = &self.copied {
            let parameter = &role_parameters(files.config())[*parameter];
            let all = files.parameter_values(parameter, *layer, usual)?;
            let all = self.layout.values_in_file(files.config(), parameter, all);
            return Ok(all.into_iter().skip(part * length).take(length).map(|value| value + offset).collect());
        }
        let mut values = vec![0.0; length];
        for (id, place) in &self.matrices {
            match matrices.get(id) {
                _ if self.is_bias() => place.insert_bias(&files.bias_values(*id)?, &mut values),
                Some(matrix) => place.insert(matrix.data(), &mut values),
                None => place.insert(&files.matrix_values(*id)?, &mut values),
            }
        }
        Ok(values)
    }
}

/// Compares the tensors of the written model with what was to be written, each of its type `dtype`. Returns the replaced
/// matrices as stored, ordered by layer.
///
/// # Errors
/// Values that read back differently, or cannot be read.
pub(super) fn verify(
    plan: &[ConvertedTensor<'_>],
    files: &ModelFiles,
    matrices: &BTreeMap<WeightId, Matrix>,
    written: &ModelFiles,
    dtype: impl Fn(&ConvertedTensor<'_>) -> Dtype,
) -> Result<Vec<StoredMatrix>> {
    let mut stored = BTreeMap::new();
    for tensor in plan {
        let (view, wanted) = (written.checkpoint().tensor(&tensor.name)?, tensor.values(files, matrices)?);
        let edited: Vec<WeightId> =
            tensor.matrices.iter().map(|(id, _)| *id).filter(|id| matrices.contains_key(id)).collect();
        if edited.is_empty() || tensor.is_bias() {
            expect_stored(view, dtype(tensor), &wanted, None)?;
        } else {
            let before = tensor.values(files, &BTreeMap::new())?;
            stored.insert(edited.clone(), StoredMatrix::check(&edited, view, dtype(tensor), &wanted, &before, None)?);
        }
    }
    Ok(stored.into_values().collect())
}
