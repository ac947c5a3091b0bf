//! Writes a model from a Hugging Face folder as a GGUF file, with the metadata, tensor names and tokenizer that llama.cpp
//! expects.

use std::collections::BTreeMap;
use std::path::Path;

use laser_checkpoint::{Dtype, Metadata, NewTensor, Value, gguf};
use laser_linalg::Matrix;

use super::converted_tensors::{ConvertedTensor, plan, verify};
use super::verify::StoredMatrix;
use crate::error::{Error, Result};
use laser_model::arch::gguf_tensor_names;
use laser_model::load::ModelFiles;
use laser_model::tensor_layout::TensorLayout;
use laser_model::weight_id::WeightId;

/// Endings of the names of tensors that llama.cpp reads in F32 only, besides vectors and biases.
const SINGLE: [&str; 4] = ["_norm.weight", "ffn_gate_inp.weight", "position_embd.weight", "shortconv.conv.weight"];

/// The metadata that describe the model `files`, without its tokenizer.
///
/// # Errors
/// A family that GGUF has no form of, or an option that it has no key for.
pub(super) fn metadata(files: &ModelFiles) -> Result<Vec<(String, Value)>> {
    files.config().gguf_metadata().map_err(|problem| refused(files, &problem))
}

/// Writes the model `files`, with its matrices replaced by `matrices`, to `file`: matrices as `dtype`, or as they are;
/// vectors in F32. `settings` are further metadata. Then reads the file and compares. Returns the replaced matrices as
/// stored, ordered by layer, and remarks for the user.
///
/// # Errors
/// A model or tokenizer that GGUF cannot describe, a data type that does not fit the shapes, values beyond its range, or
/// a file that reads back differently.
pub(super) fn write(
    files: &ModelFiles,
    matrices: &BTreeMap<WeightId, Matrix>,
    file: &Path,
    dtype: Option<Dtype>,
    settings: Vec<(String, Value)>,
) -> Result<(Vec<StoredMatrix>, Vec<String>)> {
    let dtype = match dtype {
        Some(dtype) => dtype,
        None => own_type(files)?,
    };
    let mut notes = Vec::new();
    let mut pairs = metadata(files)?;
    pairs.push(("general.type".to_owned(), Value::String("model".to_owned())));
    if let Some(number) = file_type(dtype) {
        pairs.push(("general.file_type".to_owned(), Value::U32(number)));
    }
    if dtype == Dtype::Q8_0 {
        pairs.push(("general.quantization_version".to_owned(), Value::U32(2)));
    }
    pairs.extend(settings);
    if files.path().join("tokenizer.json").is_file() {
        let tokenizer = files.tokenizer()?;
        let keys = tokenizer.to_gguf(files.config().vocab_size).map_err(|e| refused(files, &e.to_string()))?;
        pairs.extend(keys);
    } else {
        pairs.push(("tokenizer.ggml.model".to_owned(), Value::String("no_vocab".to_owned())));
        notes.push("the folder has no tokenizer.json, so that the GGUF file has no vocabulary".to_owned());
    }
    let to = layout(files)?;
    let plan = tensors(files, &to);
    let type_of = |tensor: &ConvertedTensor<'_>| type_of(tensor, dtype);
    let mut new: Vec<NewTensor<'_>> =
        plan.iter().map(|t| NewTensor::new(&t.name, type_of(t), &t.shape, || t.values(files, matrices))).collect();
    for (name, divisors) in files.config().gguf_divisors() {
        let shape = [divisors.len()];
        new.push(NewTensor::new(name, Dtype::F32, &shape, move || Ok(divisors)));
    }
    gguf::write(file, &Metadata::from_pairs(pairs)?, new)?;

    let differs = |problem: &str| refused(files, &format!("GGUF cannot say all that its config.json says ({problem})"));
    let written = ModelFiles::open(file).map_err(|e| {
        // Without the name of the draft, which the user does not know.
        let problem = e.to_string();
        differs(problem.strip_prefix(&format!("{}: ", file.display())).unwrap_or(&problem))
    })?;
    if let Some(difference) = files.config().difference(written.config()) {
        return Err(differs(&difference));
    }
    Ok((verify(&plan, files, matrices, &written, type_of)?, notes))
}

/// The layout of the GGUF file.
fn layout(files: &ModelFiles) -> Result<TensorLayout> {
    let config = files.config();
    let names = gguf_tensor_names(config.family).ok_or_else(|| refused(files, "its family has no form in GGUF"))?;
    Ok(TensorLayout::of_new_model(names, config))
}

/// The tensors of the GGUF file, whose layout is `to`.
fn tensors<'t>(files: &ModelFiles, to: &'t TensorLayout) -> Vec<ConvertedTensor<'t>> {
    let config = files.config();
    // Families that can have q, k and v in one tensor or in three keep what they have.
    let is_alone = |id: WeightId| files.location(id).total_rows() == config.shape(id)[0];
    let mut plan = plan(files, to, |id, name| is_alone(id) && !name.contains("attn_qkv"));
    // llama.cpp's converter drops dimensions of 1 in tensors that are no editable matrices: the gate of a shared expert,
    // the kernel of a convolution.
    for tensor in plan.iter_mut().filter(|tensor| tensor.is_copied() && tensor.shape.iter().any(|n| *n > 1)) {
        tensor.shape.retain(|n| *n != 1);
    }
    plan
}

/// The type of a tensor in a file whose matrices have the type `dtype`.
fn type_of(tensor: &ConvertedTensor<'_>, dtype: Dtype) -> Dtype {
    let row = tensor.shape.last().copied().unwrap_or(1);
    let vector = tensor.shape.iter().filter(|n| **n > 1).count() <= 1;
    if vector || tensor.is_bias() || SINGLE.iter().any(|ending| tensor.name.ends_with(ending)) {
        Dtype::F32
    } else if !row.is_multiple_of(dtype.block_len()) {
        // Rows of a length that the blocks of a quantised type do not divide.
        Dtype::F16
    } else {
        dtype
    }
}

/// The type in which the folder stores its matrices.
fn own_type(files: &ModelFiles) -> Result<Dtype> {
    let first = files.config().stored(0).into_iter().next();
    let Some(id) = first else { return Ok(Dtype::F16) };
    Ok(files.checkpoint().tensor(&files.location(id).weight_name())?.info().dtype)
}

/// llama.cpp's number of a file whose matrices have this type (`llama_ftype`); `None` for types that it has none for.
fn file_type(dtype: Dtype) -> Option<u32> {
    match dtype {
        Dtype::F32 => Some(0),
        Dtype::F16 => Some(1),
        Dtype::Q8_0 => Some(7),
        Dtype::MXFP4 => Some(38),
        Dtype::BF16 => Some(32),
        _ => None,
    }
}

/// The error of a model that cannot be written as GGUF.
fn refused(files: &ModelFiles, problem: &str) -> Error {
    Error::setting("source", format!("{}: {problem}; write a folder instead", files.path().display()))
}
