//! New safetensors files, streamed: the header first, then each tensor as its values are made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, mem};

use serde::Serialize;

use crate::checkpoint::{INDEX, MODEL};
use crate::error::CheckpointError;
use crate::safetensors::header::METADATA;
use crate::write::{NewTensor, atomically, write_atomically};

/// Writes one new file, atomically; `metadata` becomes its `__metadata__`.
///
/// Tensors are laid out by falling alignment, then by name, so that equal input gives equal bytes.
///
/// # Errors
/// In the name of `target`: [`CheckpointError::DuplicateTensor`], [`CheckpointError::ReservedName`],
/// [`CheckpointError::DtypeForFormat`], [`CheckpointError::NotWeights`], [`CheckpointError::ShapeOverflow`], what a
/// tensor's values say, [`CheckpointError::ValueCount`], [`CheckpointError::NotFinite`],
/// [`CheckpointError::Overflow`], [`CheckpointError::Io`].
pub fn write(
    target: &Path,
    mut tensors: Vec<NewTensor<'_>>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), CheckpointError> {
    tensors.sort_by(|a, b| {
        let by_alignment = b.dtype.block_bytes().cmp(&a.dtype.block_bytes());
        by_alignment.then_with(|| a.name.cmp(&b.name))
    });
    atomically(target, |sink| {
        sizes(&tensors)?;
        let header = header(&tensors, metadata)?;
        sink.put(&(header.len() as u64).to_le_bytes())?;
        sink.put(&header)?;
        for tensor in tensors {
            tensor.put(sink)?;
        }
        Ok(())
    })
}

/// Writes a new model into `folder`: `model.safetensors`, or shards of at most `max_shard` bytes of data with their
/// index. A tensor larger than that has a shard to itself. Gives the files written, the index last.
///
/// Tensors go into shards in the order given.
///
/// # Errors
/// As [`write()`].
pub fn write_folder(
    folder: &Path,
    tensors: Vec<NewTensor<'_>>,
    metadata: &BTreeMap<String, String>,
    max_shard: usize,
) -> Result<Vec<PathBuf>, CheckpointError> {
    fs::create_dir_all(folder).map_err(|e| CheckpointError::io("create the folder")(e).in_file(folder))?;
    let sizes = sizes(&tensors).map_err(|problem| problem.in_file(folder))?;
    let mut shards = Vec::new();
    let mut shard = Vec::new();
    let mut filled = 0usize;
    let mut total = 0usize;
    for (tensor, size) in tensors.into_iter().zip(sizes) {
        if !shard.is_empty() && filled.saturating_add(size) > max_shard {
            shards.push(mem::take(&mut shard));
            filled = 0;
        }
        filled = filled.saturating_add(size);
        total = total.saturating_add(size);
        shard.push(tensor);
    }
    shards.push(shard);

    if shards.len() == 1 {
        let target = folder.join(MODEL);
        write(&target, shards.remove(0), metadata)?;
        return Ok(vec![target]);
    }
    let mut index = Index { metadata: IndexMetadata { total_size: total }, weight_map: BTreeMap::new() };
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
    let target = folder.join(INDEX);
    write_atomically(&target, json(&index, "the safetensors index", true)?.as_bytes())?;
    files.push(target);
    Ok(files)
}

/// What `model.safetensors.index.json` says.
#[derive(Serialize)]
struct Index {
    metadata: IndexMetadata,
    weight_map: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct IndexMetadata {
    /// Bytes of data in all shards.
    total_size: usize,
}

/// A header entry.
#[derive(Serialize)]
struct Entry<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    data_offsets: [usize; 2],
}

/// Each tensor's bytes, after checking that the format can hold them all.
fn sizes(tensors: &[NewTensor<'_>]) -> Result<Vec<usize>, CheckpointError> {
    let mut names = BTreeSet::new();
    let mut sizes = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let name = || tensor.name.clone();
        if tensor.name == METADATA {
            return Err(CheckpointError::ReservedName { tensor: name() });
        }
        if !names.insert(tensor.name.as_str()) {
            return Err(CheckpointError::DuplicateTensor { tensor: name() });
        }
        if !tensor.dtype.in_safetensors() {
            return Err(CheckpointError::DtypeForFormat { tensor: name(), dtype: tensor.dtype, format: "safetensors" });
        }
        sizes.push(tensor.slot().size()?);
    }
    Ok(sizes)
}

/// The JSON header, padded with spaces to a multiple of 8 so that data are aligned.
fn header(tensors: &[NewTensor<'_>], metadata: &BTreeMap<String, String>) -> Result<Vec<u8>, CheckpointError> {
    const WHAT: &str = "the safetensors header";
    let mut entries = Vec::with_capacity(tensors.len() + 1);
    if !metadata.is_empty() {
        entries.push(format!("\"{METADATA}\":{}", json(metadata, WHAT, false)?));
    }
    let mut start = 0usize;
    for tensor in tensors {
        let end = start.saturating_add(tensor.slot().size()?);
        let entry = Entry { dtype: tensor.dtype.name(), shape: &tensor.shape, data_offsets: [start, end] };
        entries.push(format!("{}:{}", json(&tensor.name, WHAT, false)?, json(&entry, WHAT, false)?));
        start = end;
    }
    let mut header = format!("{{{}}}", entries.join(",")).into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}

fn json(value: &impl Serialize, what: &'static str, pretty: bool) -> Result<String, CheckpointError> {
    let text = match pretty {
        true => serde_json::to_string_pretty(value),
        false => serde_json::to_string(value),
    };
    text.map_err(|source| CheckpointError::Json { what, source })
}
