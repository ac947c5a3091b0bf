//! Converts a GGUF file into a Hugging Face folder: tensors with the names and orientation of the folder's format,
//! configuration and tokenizer from the file's metadata.

use std::collections::BTreeMap;
use std::path::Path;

use laser_checkpoint::{Dtype, NewTensor, safetensors, write_atomically};
use laser_linalg::Matrix;
use serde_json::json;

use super::converted_tensors::{ConvertedTensor, plan, verify};
use super::hf_config::{SpecialTokens, hf_config};
use super::verify::StoredMatrix;
use crate::error::{Error, Result};
use laser_model::load::ModelFiles;
use laser_model::tensor_layout::TensorLayout;
use laser_model::weight_id::WeightId;

/// Largest safetensors file in bytes, the default of Hugging Face's own tools.
pub(super) const MAX_SHARD: usize = 5_000_000_000;

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

    let to = TensorLayout::of_new_model(files.config().family.tensor_names, files.config());
    let plan = plan(files, &to, |_, _| false);
    let values = |tensor: &ConvertedTensor<'_>| tensor.values(files, matrices);
    let mut tensors: Vec<NewTensor<'_>> =
        plan.iter().map(|t| NewTensor::new(&t.name, dtype, &t.shape, || values(t))).collect();
    let of_xielu = (0..files.config().n_layers).flat_map(|layer| to.xielu_tensors(files.config(), layer));
    // In F32 whatever the matrices are: rounded values would be another configuration.
    tensors.extend(of_xielu.map(|t| NewTensor::new(t.name, Dtype::F32, t.shape, move || Ok(vec![t.value]))));
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    // `transformers` refuses safetensors files without this entry.
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::write_folder(folder, tensors, &metadata, MAX_SHARD)?;

    let written = ModelFiles::open(folder)?;
    if let Some(difference) = files.config().difference(written.config()) {
        let problem =
            format!("its config.json cannot say all that the GGUF file says ({difference}); write a .gguf file");
        return Err(Error::setting("source", format!("{}: {problem}", files.path().display())));
    }
    verify(&plan, files, matrices, &written, |_| dtype)
}

/// Writes the files of the tokenizer, if the GGUF file has one, and `config.json`.
fn write_settings(files: &ModelFiles, folder: &Path, dtype: Dtype) -> Result<()> {
    let write = |name: &str, text: String| write_atomically(&folder.join(name), text.as_bytes());
    let mut special = SpecialTokens::default();
    let metadata = files.checkpoint().gguf_metadata();
    let vocabulary = metadata.map(|metadata| metadata.str("tokenizer.ggml.model")).transpose()?.flatten();
    if vocabulary.is_some_and(|kind| !["no_vocab", "none"].contains(&kind)) {
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

impl SpecialTokens {
    /// The keys of `generation_config.json`.
    fn json(&self) -> serde_json::Value {
        json!({"bos_token_id": self.bos, "eos_token_id": self.eos_json()})
    }
}
