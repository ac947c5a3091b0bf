//! Converts a GGUF file into a Hugging Face folder: tensors with the names and orientation of the folder's format,
//! configuration and tokenizer from the file's metadata.

use std::collections::BTreeMap;
use std::path::Path;

use laser_checkpoint::{CheckpointError, Dtype, NewTensor, safetensors, write_atomically};
use laser_linalg::Matrix;
use serde_json::json;

use super::hf_config::{SpecialTokens, hf_config};
use super::verify::{StoredMatrix, expect_stored};
use crate::error::{Error, Result};
use laser_model::load::ModelFiles;
use laser_model::tensor_layout::{TensorLayout, TensorLocation, role_parameters};
use laser_model::weight_id::WeightId;

/// Largest safetensors file in bytes, the default of Hugging Face's own tools.
const MAX_SHARD: usize = 5_000_000_000;

/// A tensor of the folder, and where its values come from.
struct ConvertedTensor {
    /// Name in the folder.
    name: String,
    shape: Vec<usize>,
    /// The matrices in it and their places; for a bias tensor, the matrices whose biases are in it.
    matrices: Vec<(WeightId, TensorLocation)>,
    /// For a tensor without matrices, such as a norm.
    copied: Option<CopiedTensor>,
}

/// A tensor without matrices: its values in the GGUF file, and the number to add to them.
struct CopiedTensor {
    /// Index in [`role_parameters`].
    parameter: usize,
    layer: usize,
    usual: &'static str,
    /// Its position among the tensors of the parameter, where each attention head has one of its own.
    part: usize,
    offset: f32,
}

/// Writes the model `files`, with its matrices replaced by `matrices`, into the folder `folder`: tokenizer,
/// configuration, weights. Then reads the weights back and compares them. Returns the replaced matrices as stored,
/// ordered by layer.
///
/// # Errors
/// A data type other than F16, BF16 and F32, a configuration or tokenizer that cannot be converted, values beyond the
/// data type's range, or weights that read back differently.
pub(super) fn write(
    files: &ModelFiles,
    matrices: &BTreeMap<WeightId, Matrix>,
    folder: &Path,
    dtype: Dtype,
) -> Result<Vec<StoredMatrix>> {
    if !matches!(dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32) {
        return Err(Error::setting("dtype", format!("expected f16, bf16 or f32, found {dtype}")));
    }
    write_settings(files, folder, dtype)?;

    let plan = plan(files);
    let values = |tensor: &ConvertedTensor| tensor.values(files, matrices);
    let tensors = plan.iter().map(|t| NewTensor::new(&t.name, dtype, &t.shape, || values(t))).collect();
    // `transformers` refuses safetensors files without this entry.
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::write_folder(folder, tensors, &metadata, MAX_SHARD)?;

    let written = ModelFiles::open(folder)?;
    let mut stored = BTreeMap::new();
    for tensor in &plan {
        let (view, wanted) = (written.checkpoint().tensor(&tensor.name)?, values(tensor)?);
        let edited: Vec<WeightId> =
            tensor.matrices.iter().map(|(id, _)| *id).filter(|id| matrices.contains_key(id)).collect();
        if edited.is_empty() || tensor.is_bias() {
            expect_stored(view, dtype, &wanted, None)?;
        } else {
            let before = tensor.values(files, &BTreeMap::new())?;
            stored.insert(edited.clone(), StoredMatrix::check(&edited, view, dtype, &wanted, &before, None)?);
        }
    }
    Ok(stored.into_values().collect())
}

/// Writes the files of the tokenizer, if the GGUF file has one, and `config.json`.
fn write_settings(files: &ModelFiles, folder: &Path, dtype: Dtype) -> Result<()> {
    let write = |name: &str, text: String| write_atomically(&folder.join(name), text.as_bytes());
    let mut special = SpecialTokens::default();
    let vocabulary = files.checkpoint().gguf_metadata().and_then(|m| m.get("tokenizer.ggml.model"));
    if vocabulary.is_some() {
        let tokenizer = files.tokenizer()?;
        special = SpecialTokens { bos: tokenizer.bos_id(), eos: tokenizer.eos_ids().to_vec() };
        write("tokenizer.json", tokenizer.to_json())?;
        write("tokenizer_config.json", tokenizer.config_json())?;
        write("generation_config.json", format!("{:#}\n", special.json()))?;
    }
    let source = files.path().display().to_string();
    write("config.json", format!("{:#}\n", hf_config(&source, files.config(), &special, dtype)?))?;
    Ok(())
}

/// All tensors of the folder, sorted by name.
fn plan(files: &ModelFiles) -> Vec<ConvertedTensor> {
    let (config, from) = (files.config(), files.layout());
    let to = TensorLayout::of_new_files(config.family.tensor_names);
    let mut plan: BTreeMap<String, ConvertedTensor> = BTreeMap::new();
    // A tensor of the folder may hold several stored matrices, such as `qkv` or stacked experts.
    for id in (0..config.n_layers).flat_map(|layer| config.stored(layer)) {
        let Some(place) = to.location(config, id, |_| false) else { continue };
        if config.has_bias(id) {
            let bias = ConvertedTensor::entry(&mut plan, format!("{}.bias", place.stem), &[place.total_rows()]);
            bias.matrices.push((id, place.clone()));
        }
        ConvertedTensor::entry(&mut plan, place.weight_name(), &place.shape).matrices.push((id, place.clone()));
    }
    for (parameter, vector) in role_parameters(config).into_iter().enumerate() {
        // Some formats store norm weights as w − 1; the difference of both conventions is added.
        let offset = if vector.is_norm() { from.names.norm_offset - to.names.norm_offset } else { 0.0 };
        for layer in vector.layers(config) {
            for (part, to) in to.stems(&vector, layer).into_iter().enumerate() {
                for (usual, shape) in vector.tensors() {
                    let tensor = ConvertedTensor::entry(&mut plan, format!("{to}.{usual}"), shape);
                    tensor.copied = Some(CopiedTensor { parameter, layer, usual, part, offset });
                }
            }
        }
    }
    plan.into_values().collect()
}

impl ConvertedTensor {
    /// The tensor `name` of a plan, added if it is new: several matrices may share a tensor.
    fn entry<'p>(plan: &'p mut BTreeMap<String, Self>, name: String, shape: &[usize]) -> &'p mut Self {
        let new = || Self { name: name.clone(), shape: shape.to_vec(), matrices: Vec::new(), copied: None };
        plan.entry(name.clone()).or_insert_with(new)
    }

    /// Whether it contains the biases of matrices.
    fn is_bias(&self) -> bool {
        self.name.ends_with(".bias")
    }

    /// The values to be written, with the file's matrices replaced by `matrices`.
    fn values(&self, files: &ModelFiles, matrices: &BTreeMap<WeightId, Matrix>) -> Result<Vec<f32>, CheckpointError> {
        let length = self.shape.iter().product();
        if let Some(CopiedTensor { parameter, layer, usual, part, offset }) = &self.copied {
            let all = files.parameter_values(&role_parameters(files.config())[*parameter], *layer, usual)?;
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

impl SpecialTokens {
    /// The keys of `generation_config.json`.
    fn json(&self) -> serde_json::Value {
        json!({"bos_token_id": self.bos, "eos_token_id": self.eos_json()})
    }
}
