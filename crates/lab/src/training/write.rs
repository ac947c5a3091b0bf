//! Writes a trained model as a Hugging Face folder.

use std::collections::BTreeMap;
use std::path::Path;

use laser::checkpoint::{Dtype, NewTensor, safetensors, write_atomically};
use laser::model::tensor_layout::tensors_of_new_files;
use serde_json::Value;

use super::parameter_set::ParameterSet;
use crate::error::Result;

/// Largest shard of a model's weights, bytes: that of transformers.
const MAX_SHARD_BYTES: usize = 5_000_000_000;

/// Writes weights (f32) and `config.json` into `folder`; the configuration last, so that a folder with one is complete.
///
/// # Errors
/// A folder that cannot be written, or values that are not finite.
pub fn write_model(folder: &Path, config_json: &Value, parameters: &ParameterSet) -> Result<()> {
    let tensors = tensors_of_new_files(parameters.config(), |id| parameters.of(id));
    let tensors = tensors.into_iter().map(|tensor| {
        let values = tensor.values;
        NewTensor::new(tensor.name, Dtype::F32, &tensor.shape, move || Ok(values))
    });
    // transformers refuses files that do not say which library's conventions they follow.
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::write_folder(folder, tensors.collect(), &metadata, MAX_SHARD_BYTES)?;
    let text = serde_json::to_string_pretty(config_json).expect("JSON values can be written");
    write_atomically(&folder.join("config.json"), format!("{text}\n").as_bytes())?;
    Ok(())
}
