//! Rewriting of safetensors: takes a file or a checkpoint and new values for some tensors, writes a copy in which all
//! other bytes stay as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::header;
use crate::checkpoint::Checkpoint;
use crate::codec::TensorSpec;
use crate::error::CheckpointError;
use crate::mapping::Mapping;
use crate::output_file::{Patch, write_atomically, write_with};
use crate::rounding::Rounding;

/// Copies the file `source` to `target`, atomically, and replaces the values of some tensors.
///
/// `edits` gives, for each tensor by name, all its values in row-major order; they are stored in the tensor's own type,
/// rounded to nearest even. The header and all other tensors keep their bytes, and so does every element whose value
/// does not change. Returns the rounding error of each edited tensor.
///
/// # Errors
/// The conditions of reading `source`; [`CheckpointError::NoSuchTensor`], [`CheckpointError::ValueCount`],
/// [`CheckpointError::NotAWeightType`], [`CheckpointError::NotFinite`], [`CheckpointError::Overflow`] for an edit.
pub fn rewrite(
    source: &Path,
    target: &Path,
    edits: &BTreeMap<String, Vec<f32>>,
) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
    let edits = edits.iter().map(|(name, values)| (name.as_str(), values.as_slice())).collect();
    rewrite_file(source, target, edits)
}

/// Copies a whole checkpoint to `folder` like [`rewrite`]: the files keep their names, and the index is copied
/// unchanged.
///
/// # Errors
/// The errors of [`rewrite`]; [`CheckpointError::Io`] if `folder` cannot be created.
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
    // Only after all names are known to exist, so that a wrong name leaves no folder behind.
    fs::create_dir_all(folder).map_err(|e| CheckpointError::io("create the folder")(e).in_file(folder))?;
    let mut rounding = BTreeMap::new();
    for file in source.files() {
        let target = folder.join(file.file_name().expect("an opened file has a name"));
        let edits = by_file.remove(file).unwrap_or_default();
        rounding.append(&mut rewrite_file(file, &target, edits)?);
    }
    if let Some(index) = source.index_file() {
        let json = fs::read(index).map_err(|e| CheckpointError::io("read the file")(e).in_file(index))?;
        write_atomically(&folder.join(index.file_name().expect("an opened file has a name")), &json)?;
    }
    Ok(rounding)
}

/// Copies one file and replaces the values of the tensors in `edits`; every name must be in the file.
fn rewrite_file(
    source: &Path,
    target: &Path,
    mut edits: BTreeMap<&str, &[f32]>,
) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
    let mapping = Mapping::open(source)?;
    let tensors = header::read(mapping.bytes()).map_err(|problem| problem.in_file(source))?.tensors;
    let mut patches = Vec::new();
    for tensor in &tensors {
        if let Some(values) = edits.remove(tensor.name.as_str()) {
            let spec = TensorSpec { name: &tensor.name, dtype: tensor.dtype, shape: &tensor.shape };
            patches.push(Patch { spec, range: tensor.range.clone(), values });
        }
    }
    if let Some((name, _)) = edits.pop_first() {
        let tensor = name.to_string();
        return Err(CheckpointError::NoSuchTensor { tensor }.in_file(source));
    }
    write_with(target, |out| out.copy_with_patches(mapping.bytes(), patches))
}
