//! A GGUF file as a Hugging Face folder: tensors under their other names and in their other orientation,
//! configuration and tokenizer as the metadata describe them.

use std::collections::BTreeMap;
use std::path::Path;

use laser_checkpoint::{CheckpointError, Dtype, NewTensor, safetensors, write_atomically};
use laser_linalg::Matrix;
use serde_json::json;

use super::config::{SpecialTokens, hf_config};
use super::verify::{StoredMatrix, expect_stored};
use crate::error::{Error, Result};
use laser_model::layout::{Layout, Place, vectors};
use laser_model::load::ModelFiles;
use laser_model::weight_id::WeightId;

/// Largest safetensors file, in bytes, as Hugging Face's own tools split models.
const SHARD: usize = 5_000_000_000;

/// A tensor of the folder, and what it is made of.
struct Conversion {
    /// Name in the folder.
    name: String,
    shape: Vec<usize>,
    /// The matrices it holds, or the biases of which it does, and where.
    holds: Vec<(WeightId, Place)>,
    /// The tensor of the GGUF file that it is, where it holds no matrix, and what its values differ by.
    from: Option<(String, f32)>,
}

/// Writes the model `files` with `matrices` in the place of its own into the folder `folder`; gives what is stored.
pub(super) fn write(
    files: &ModelFiles,
    matrices: &BTreeMap<WeightId, Matrix>,
    folder: &Path,
    dtype: Dtype,
) -> Result<Vec<StoredMatrix>> {
    if !matches!(dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32) {
        return Err(Error::setting("dtype", format!("expected f16, bf16 or f32, found {dtype}")));
    }
    let source = files.path().display().to_string();
    let put = |name: &str, text: String| write_atomically(&folder.join(name), text.as_bytes());
    let mut special = SpecialTokens::default();
    let vocabulary = files.checkpoint().gguf_metadata().and_then(|m| m.get("tokenizer.ggml.model"));
    if vocabulary.is_some() {
        let tokenizer = files.tokenizer()?;
        special = SpecialTokens { bos: tokenizer.bos_id(), eos: tokenizer.eos_ids().to_vec() };
        put("tokenizer.json", tokenizer.to_json())?;
        put("tokenizer_config.json", tokenizer.config_json())?;
        put("generation_config.json", format!("{:#}\n", special.json()))?;
    }
    put("config.json", format!("{:#}\n", hf_config(&source, files.config(), &special, dtype)?))?;

    let plan = plan(files);
    let wanted = |tensor: &Conversion| tensor.values(files, matrices);
    let tensors = plan.iter().map(|t| NewTensor::new(&t.name, dtype, &t.shape, || wanted(t))).collect();
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::write_folder(folder, tensors, &metadata, SHARD)?;

    let written = ModelFiles::open(folder)?;
    let mut stored = BTreeMap::new();
    for tensor in &plan {
        let (view, wanted) = (written.checkpoint().tensor(&tensor.name)?, wanted(tensor)?);
        let edited: Vec<WeightId> =
            tensor.holds.iter().map(|(id, _)| *id).filter(|id| matrices.contains_key(id)).collect();
        if edited.is_empty() || tensor.is_bias() {
            expect_stored(view, dtype, &wanted, None)?;
        } else {
            let before = tensor.values(files, &BTreeMap::new())?;
            stored.insert(edited.clone(), StoredMatrix::check(&edited, view, dtype, &wanted, &before, None)?);
        }
    }
    Ok(stored.into_values().collect())
}

/// Every tensor of the folder, by name.
fn plan(files: &ModelFiles) -> Vec<Conversion> {
    let (config, from) = (files.config(), files.layout());
    let to = Layout::first(config.architecture.names);
    let mut plan: BTreeMap<String, Conversion> = BTreeMap::new();
    for id in (0..config.n_layers).flat_map(|layer| config.stored(layer)) {
        let Some(place) = to.place(config, id, |_| false) else { continue };
        if config.has_bias(id) {
            let bias = Conversion::entry(&mut plan, format!("{}.bias", place.stem), &[place.rows()]);
            bias.holds.push((id, place.clone()));
        }
        Conversion::entry(&mut plan, place.weight(), &place.shape).holds.push((id, place.clone()));
    }
    for vector in vectors(config) {
        let offset = if vector.is_norm() { from.names.norm_offset - to.names.norm_offset } else { 0.0 };
        for layer in vector.layers(config) {
            for (from, to) in from.stems(&vector, layer).into_iter().zip(to.stems(&vector, layer)) {
                for (suffix, shape) in vector.tensors() {
                    let tensor = Conversion::entry(&mut plan, format!("{to}.{suffix}"), shape);
                    tensor.from = Some((format!("{from}.{suffix}"), offset));
                }
            }
        }
    }
    plan.into_values().collect()
}

impl Conversion {
    /// The tensor `name` of a plan, which may hold more than one thing.
    fn entry<'p>(plan: &'p mut BTreeMap<String, Self>, name: String, shape: &[usize]) -> &'p mut Self {
        let new = || Self { name: name.clone(), shape: shape.to_vec(), holds: Vec::new(), from: None };
        plan.entry(name.clone()).or_insert_with(new)
    }

    fn is_bias(&self) -> bool {
        self.name.ends_with(".bias")
    }

    /// Its values, with `matrices` in the place of the file's.
    fn values(&self, files: &ModelFiles, matrices: &BTreeMap<WeightId, Matrix>) -> Result<Vec<f32>, CheckpointError> {
        let checkpoint = files.checkpoint();
        if let Some((name, offset)) = &self.from {
            let mut values = checkpoint.tensor(name)?.to_f32()?;
            values.iter_mut().for_each(|value| *value += offset);
            return Ok(values);
        }
        let mut values = vec![0.0; self.shape.iter().product()];
        for (id, place) in &self.holds {
            match matrices.get(id) {
                _ if self.is_bias() => place.put_bias(&files.place(*id).read_bias(checkpoint)?, &mut values),
                Some(matrix) => place.put(matrix.data(), &mut values),
                None => place.put(&files.place(*id).read(checkpoint)?, &mut values),
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
