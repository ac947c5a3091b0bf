//! Safetensors files: a JSON header and plain data; models come as one file or as shards with an index.
//!
//! Reading is in [`crate::Checkpoint`]. Here are the two ways of writing: [`rewrite`] and [`rewrite_folder`] replace
//! values in a copy whose other bytes stay, [`write()`] and [`write_folder`] make new files.

pub(crate) mod header;
pub(crate) mod shards;
mod write;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::checkpoint::Checkpoint;
use crate::codec::Slot;
use crate::error::CheckpointError;
use crate::mapping::Mapping;
use crate::write::{Patch, Rounding, atomically, write_atomically};

pub use write::{write, write_folder};

/// Copies the file `source` to `target`, atomically, with the values of some tensors replaced.
///
/// `edits` gives all values of a tensor, row-major; they are stored in the tensor's own type, rounded to nearest even.
/// Header and all other tensors keep their bytes, and so does every element whose new value is the one it holds. Gives
/// what rounding cost, by tensor.
///
/// # Errors
/// What is wrong with `source`; [`CheckpointError::NoTensor`], [`CheckpointError::ValueCount`],
/// [`CheckpointError::NotWeights`], [`CheckpointError::NotFinite`], [`CheckpointError::Overflow`] for an edit.
pub fn rewrite(
    source: &Path,
    target: &Path,
    edits: &BTreeMap<String, Vec<f32>>,
) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
    let edits = edits.iter().map(|(name, values)| (name.as_str(), values.as_slice())).collect();
    rewrite_file(source, target, edits)
}

/// [`rewrite`] for a whole checkpoint: its files keep their names, and its index is copied unchanged.
///
/// # Errors
/// As [`rewrite`]; [`CheckpointError::Io`] when `folder` cannot be made.
pub fn rewrite_folder(
    source: &Checkpoint,
    folder: &Path,
    edits: &BTreeMap<String, Vec<f32>>,
) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
    let mut by_file: BTreeMap<&Path, BTreeMap<&str, &[f32]>> = BTreeMap::new();
    for (name, values) in edits {
        let file = &source.tensor(name)?.info().file;
        by_file.entry(file).or_default().insert(name, values);
    }
    fs::create_dir_all(folder).map_err(|e| CheckpointError::io("create the folder")(e).in_file(folder))?;
    let mut cost = BTreeMap::new();
    for file in source.files() {
        let target = folder.join(file.file_name().expect("an opened file has a name"));
        let edits = by_file.remove(file).unwrap_or_default();
        cost.append(&mut rewrite_file(file, &target, edits)?);
    }
    if let Some(index) = source.index_file() {
        let json = fs::read(index).map_err(|e| CheckpointError::io("read the file")(e).in_file(index))?;
        write_atomically(&folder.join(index.file_name().expect("an opened file has a name")), &json)?;
    }
    Ok(cost)
}

fn rewrite_file(
    source: &Path,
    target: &Path,
    mut edits: BTreeMap<&str, &[f32]>,
) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
    let mapping = Mapping::open(source)?;
    let tensors = header::read(mapping.bytes()).map_err(|problem| problem.in_file(source))?;
    let mut patches = Vec::new();
    for tensor in &tensors {
        if let Some(values) = edits.remove(tensor.name.as_str()) {
            let slot = Slot { tensor: &tensor.name, dtype: tensor.dtype, shape: &tensor.shape };
            patches.push(Patch { slot, range: tensor.range.clone(), values });
        }
    }
    if let Some((name, _)) = edits.pop_first() {
        let tensor = name.to_string();
        return Err(CheckpointError::NoTensor { tensor }.in_file(source));
    }
    atomically(target, |sink| sink.put_patched(mapping.bytes(), patches))
}
