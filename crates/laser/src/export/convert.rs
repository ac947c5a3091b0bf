//! A GGUF file as a Hugging Face folder: tensors under their other names and in their other orientation,
//! configuration and tokenizer as the metadata describe them.

use std::collections::BTreeMap;
use std::path::Path;

use laser_checkpoint::{CheckpointError, Dtype, NewTensor, safetensors, write_atomically};
use laser_linalg::Matrix;
use serde_json::json;

use super::config::{SpecialTokens, hf_config};
use super::verify::{StoredMatrix, expect_stored};
use crate::arch::TensorNames;
use crate::error::{Error, Result};
use crate::model::Files;
use crate::weight::{WeightId, WeightKind};

/// Largest safetensors file, in bytes, as Hugging Face's own tools split models.
const SHARD: usize = 5_000_000_000;

/// A tensor of the GGUF file and what becomes of it.
struct Conversion {
    /// Name in the GGUF file.
    from: String,
    /// Name in the folder.
    to: String,
    shape: Vec<usize>,
    /// The matrix it is, or whose bias it is.
    kind: Option<WeightKind>,
    /// The matrix it is.
    id: Option<WeightId>,
}

/// Writes the model `files` with `matrices` in the place of its own into the folder `folder`; gives what is stored.
pub(super) fn write(
    files: &Files,
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
    let wanted = |tensor: &Conversion| match tensor.id.and_then(|id| matrices.get(&id)) {
        Some(matrix) => Ok(matrix.data().to_vec()),
        None => read(files, tensor),
    };
    let tensors = plan.iter().map(|t| NewTensor::new(&t.to, dtype, &t.shape, || wanted(t))).collect();
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::write_folder(folder, tensors, &metadata, SHARD)?;

    let written = Files::open(folder)?;
    let mut stored = BTreeMap::new();
    for tensor in &plan {
        let (view, wanted) = (written.checkpoint().tensor(&tensor.to)?, wanted(tensor)?);
        match tensor.id.filter(|id| matrices.contains_key(id)) {
            Some(id) => {
                stored.insert(id, StoredMatrix::check(id, view, dtype, &wanted, &read(files, tensor)?, None)?);
            }
            None => drop(expect_stored(view, dtype, &wanted, None)?),
        }
    }
    Ok(stored.into_values().collect())
}

/// Every tensor of the model, in the order of the forward pass.
fn plan(files: &Files) -> Vec<Conversion> {
    let config = files.config();
    let (from, to) = (files.names(), config.architecture.hf_names);
    let plain = |from: String, to: String, shape: &[usize]| Conversion {
        from,
        to,
        shape: shape.to_vec(),
        kind: None,
        id: None,
    };
    let table = [config.vocab_size, config.d_model];
    let mut plan = vec![plain(from.embedding.into(), to.embedding.into(), &table)];
    for layer in 0..config.n_layers {
        for (from, to) in [(from.attention_norm, to.attention_norm), (from.mlp_norm, to.mlp_norm)] {
            let at = |name| TensorNames::at(name, layer);
            plan.push(plain(at(from), at(to), &[config.d_model]));
        }
        for kind in WeightKind::ALL {
            let shape = config.shape(kind);
            let weight = plain(from.weight(layer, kind), to.weight(layer, kind), &shape);
            plan.push(Conversion { kind: Some(kind), id: Some(WeightId { layer, kind }), ..weight });
            if files.has_bias(kind) {
                let bias = plain(from.bias(layer, kind), to.bias(layer, kind), &shape[..1]);
                plan.push(Conversion { kind: Some(kind), ..bias });
            }
        }
    }
    plan.push(plain(from.final_norm.into(), to.final_norm.into(), &[config.d_model]));
    if !config.tied {
        plan.push(plain(from.head.into(), to.head.into(), &table));
    }
    plan
}

/// A tensor's values, rows in the order of Hugging Face.
fn read(files: &Files, tensor: &Conversion) -> Result<Vec<f32>, CheckpointError> {
    let values = files.checkpoint().tensor(&tensor.from)?.to_f32()?;
    let Some(kind) = tensor.kind else {
        return Ok(values);
    };
    // The file's order of rows follows from laying out their numbers, which f32 holds exactly up to 2²⁴.
    let rows = tensor.shape[0];
    let order = files.to_file_layout(kind, (0..rows).map(|row| row as f32).collect());
    let width = values.len() / rows;
    let mut ours = vec![0.0; values.len()];
    for (row, place) in values.chunks_exact(width).zip(order) {
        let start = place as usize * width;
        ours[start..start + width].copy_from_slice(row);
    }
    Ok(ours)
}

impl SpecialTokens {
    /// The keys of `generation_config.json`.
    fn json(&self) -> serde_json::Value {
        json!({"bos_token_id": self.bos, "eos_token_id": self.eos_json()})
    }
}
