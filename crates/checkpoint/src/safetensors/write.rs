//! New safetensors files: takes tensors whose values are made on demand, writes the header and then one tensor after
//! the other, in one file or in shards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, mem};

use serde::Serialize;

use super::header::METADATA_KEY;
use super::shard_index::{INDEX_FILE, MODEL_FILE};
use crate::error::CheckpointError;
use crate::new_tensor::NewTensor;
use crate::output_file::{write_atomically, write_with};

/// Writes one new file, atomically; `metadata` becomes its `__metadata__` entry.
///
/// Tensors are ordered by falling size of their element type, then by name. This keeps the data aligned and gives equal
/// bytes for equal input.
///
/// # Errors
/// All errors name `target`: [`CheckpointError::DuplicateTensor`], [`CheckpointError::ReservedName`],
/// [`CheckpointError::DtypeForFormat`], [`CheckpointError::NotAWeightType`], [`CheckpointError::ShapeOverflow`],
/// [`CheckpointError::ValueCount`], [`CheckpointError::NotFinite`], [`CheckpointError::Overflow`],
/// [`CheckpointError::Io`], and the errors of the functions that make the values.
pub fn write(
    target: &Path,
    mut tensors: Vec<NewTensor<'_>>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), CheckpointError> {
    tensors.sort_by(|a, b| {
        let by_alignment = b.dtype.block_bytes().cmp(&a.dtype.block_bytes());
        by_alignment.then_with(|| a.name.cmp(&b.name))
    });
    write_with(target, |out| {
        check_and_measure(&tensors)?; // in here, so that an error names the target
        let header = header(&tensors, metadata)?;
        out.write_bytes(&(header.len() as u64).to_le_bytes())?;
        out.write_bytes(&header)?;
        for tensor in tensors {
            tensor.write_to(out)?;
        }
        Ok(())
    })
}

/// Writes a new model into `folder`: `model.safetensors`, or shards of at most `max_shard_bytes` bytes of data each
/// with their index. Returns the paths of the files, the index last.
///
/// Tensors go into shards in the order given. A tensor larger than the limit gets a shard of its own.
///
/// # Errors
/// The errors of [`write()`]; [`CheckpointError::Io`] if `folder` cannot be created.
pub fn write_folder(
    folder: &Path,
    tensors: Vec<NewTensor<'_>>,
    metadata: &BTreeMap<String, String>,
    max_shard_bytes: usize,
) -> Result<Vec<PathBuf>, CheckpointError> {
    fs::create_dir_all(folder).map_err(|e| CheckpointError::io("create the folder")(e).in_file(folder))?;
    let sizes = check_and_measure(&tensors).map_err(|problem| problem.in_file(folder))?;
    let total_size = sizes.iter().fold(0usize, |total, size| total.saturating_add(*size));
    let mut shards = split_into_shards(tensors, &sizes, max_shard_bytes);
    if shards.len() == 1 {
        let target = folder.join(MODEL_FILE);
        write(&target, shards.remove(0), metadata)?;
        return Ok(vec![target]);
    }
    let mut index = Index { metadata: IndexMetadata { total_size }, weight_map: BTreeMap::new() };
    let mut files = Vec::new();
    let count = shards.len();
    for (number, shard) in shards.into_iter().enumerate() {
        let name = format!("model-{:05}-of-{count:05}.safetensors", number + 1);
        for tensor in &shard {
            index.weight_map.insert(tensor.name.clone(), name.clone());
        }
        files.push(folder.join(&name));
        write(&folder.join(name), shard, metadata)?;
    }
    // The index comes last: while it is missing, nobody takes the shards for a complete model.
    let target = folder.join(INDEX_FILE);
    write_atomically(&target, json(&index, "the safetensors index", true)?.as_bytes())?;
    files.push(target);
    Ok(files)
}

/// Groups tensors, in their order, into shards of at most `max_shard_bytes` bytes; there is at least one shard.
fn split_into_shards<'a>(
    tensors: Vec<NewTensor<'a>>,
    sizes: &[usize],
    max_shard_bytes: usize,
) -> Vec<Vec<NewTensor<'a>>> {
    let mut shards = Vec::new();
    let mut shard = Vec::new();
    let mut filled = 0usize;
    for (tensor, &size) in tensors.into_iter().zip(sizes) {
        if !shard.is_empty() && filled.saturating_add(size) > max_shard_bytes {
            shards.push(mem::take(&mut shard));
            filled = 0;
        }
        filled = filled.saturating_add(size);
        shard.push(tensor);
    }
    shards.push(shard);
    shards
}

/// The JSON of `model.safetensors.index.json`.
#[derive(Serialize)]
struct Index {
    metadata: IndexMetadata,
    weight_map: BTreeMap<String, String>,
}

/// The `metadata` of the index.
#[derive(Serialize)]
struct IndexMetadata {
    /// Number of bytes of data in all shards.
    total_size: usize,
}

/// The description of a tensor in the header.
#[derive(Serialize)]
struct Entry<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    /// Begin and end of the data, in bytes from the end of the header.
    data_offsets: [usize; 2],
}

/// Checks that the format can hold every tensor; returns the number of data bytes of each.
fn check_and_measure(tensors: &[NewTensor<'_>]) -> Result<Vec<usize>, CheckpointError> {
    let mut names = BTreeSet::new();
    let mut sizes = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let name = || tensor.name.clone();
        if tensor.name == METADATA_KEY {
            return Err(CheckpointError::ReservedName { tensor: name() });
        }
        if !names.insert(tensor.name.as_str()) {
            return Err(CheckpointError::DuplicateTensor { tensor: name() });
        }
        if !tensor.dtype.in_safetensors() {
            return Err(CheckpointError::DtypeForFormat { tensor: name(), dtype: tensor.dtype, format: "safetensors" });
        }
        sizes.push(tensor.byte_size()?);
    }
    Ok(sizes)
}

/// Makes the JSON header, padded with spaces to a multiple of 8 bytes so that the data are aligned.
fn header(tensors: &[NewTensor<'_>], metadata: &BTreeMap<String, String>) -> Result<Vec<u8>, CheckpointError> {
    const DOCUMENT: &str = "the safetensors header";
    // Entry by entry, because the order of the entries must be that of the data.
    let mut entries = Vec::with_capacity(tensors.len() + 1);
    if !metadata.is_empty() {
        entries.push(format!("\"{METADATA_KEY}\":{}", json(metadata, DOCUMENT, false)?));
    }
    let mut start = 0usize;
    for tensor in tensors {
        let end = start.saturating_add(tensor.byte_size()?);
        let entry = Entry { dtype: tensor.dtype.name(), shape: &tensor.shape, data_offsets: [start, end] };
        entries.push(format!("{}:{}", json(&tensor.name, DOCUMENT, false)?, json(&entry, DOCUMENT, false)?));
        start = end;
    }
    let mut header = format!("{{{}}}", entries.join(",")).into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}

/// Serialises `value`, part of the document `what`, as JSON.
fn json(value: &impl Serialize, what: &'static str, pretty: bool) -> Result<String, CheckpointError> {
    let text = match pretty {
        true => serde_json::to_string_pretty(value),
        false => serde_json::to_string(value),
    };
    text.map_err(|source| CheckpointError::InvalidJson { what, source })
}
