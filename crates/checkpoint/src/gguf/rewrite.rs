//! Rewriting of GGUF: takes a model and new values (and types) for some tensors, writes a copy in which all other bytes
//! stay as they are. The parts of a split model become one file.

use std::collections::BTreeMap;
use std::path::Path;

use super::header::{Header, alignment};
use super::metadata::Value;
use super::parts::{self, Part};
use super::write::{head, next_offset, push_description};
use crate::codec::TensorSpec;
use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::output_file::{OutputFile, Patch, write_with};
use crate::rounding::Rounding;
use crate::tensor_entry::TensorEntry;

/// Copies the file `source` to `target`, atomically, and replaces the values, and optionally the types, of some
/// tensors.
///
/// `edits` gives, for each tensor by name, its new type and all its values in row-major order. If no type changes, all
/// other bytes of the file stay in their places. Otherwise the tensor descriptions are written again with the new types
/// and offsets, while the metadata and the data of all other tensors keep their bytes (the version of the format becomes 3,
/// whose layout is that of 2). If `source` is a part of a split
/// model, `target` becomes the whole model in one file, without the keys of the split. `general.file_type`, a hint at
/// the prevailing type, is metadata and stays as well. Returns the rounding error of each edited tensor.
///
/// In a tensor that keeps its type, a block (32 or 256 elements of a quantised type, one element of a float type) keeps
/// its bytes if its new values are the stored ones, bit for bit; quantising them again could round them again. New
/// values for some rows of a tensor therefore leave the other rows as they are.
/// [`crate::TensorView::values_after_rewrite`] computes beforehand which values the new file will give.
///
/// # Errors
/// The conditions of reading `source`; [`CheckpointError::NoSuchTensor`], [`CheckpointError::ValueCount`],
/// [`CheckpointError::NotAWeightType`], [`CheckpointError::PartialBlock`], [`CheckpointError::NotFinite`],
/// [`CheckpointError::Overflow`] for an edit.
pub fn rewrite(
    source: &Path,
    target: &Path,
    edits: &BTreeMap<String, (Dtype, Vec<f32>)>,
) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
    rewrite_with_metadata(source, target, edits, Vec::new())
}

/// Like [`rewrite`], with other values for the metadata `changes`; keys that the source lacks come last. With any change,
/// the descriptions of tensors are written again as for new types.
///
/// # Errors
/// As [`rewrite`].
pub fn rewrite_with_metadata(
    source: &Path,
    target: &Path,
    edits: &BTreeMap<String, (Dtype, Vec<f32>)>,
    changes: Vec<(String, Value)>,
) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
    let mut parts = parts::open(source)?;
    let same_metadata = changes.is_empty();
    if let Some(first) = parts.first_mut() {
        first.header.metadata = std::mem::take(&mut first.header.metadata).with(changes);
    }
    let mut patches = BTreeMap::new();
    for tensor in parts.iter().flat_map(|part| &part.header.tensors) {
        if let Some((dtype, values)) = edits.get(&tensor.name) {
            let spec = TensorSpec { name: &tensor.name, dtype: *dtype, shape: &tensor.shape };
            let range = tensor.range.clone();
            patches.insert(tensor.name.as_str(), Patch { spec, range, values });
        }
    }
    if let Some(name) = edits.keys().find(|name| !patches.contains_key(name.as_str())) {
        let tensor = name.clone();
        return Err(CheckpointError::NoSuchTensor { tensor }.in_file(source));
    }
    let [Part { mapping, header, .. }] = &parts[..] else {
        return write_with(target, |out| write_joined(out, &parts, &patches));
    };
    // If no type changes, all sizes and offsets stay, and copying with new values is enough.
    let same_types = header.tensors.iter().all(|tensor| dtype_after(tensor, &patches) == tensor.dtype);
    write_with(target, |out| match same_types && same_metadata {
        true => out.copy_with_patches(mapping.bytes(), patches.into_values().collect()),
        false => write_with_new_types(out, mapping.bytes(), header, &patches),
    })
}

/// Writes all parts of a split model as one file: the metadata of the first part, then the tensors of all parts. Their
/// data have the order of their descriptions, because llama.cpp accepts no other.
fn write_joined(
    out: &mut OutputFile<'_>,
    parts: &[Part],
    patches: &BTreeMap<&str, Patch<'_>>,
) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
    let metadata = &parts.first().expect("a model has at least one part").header.metadata;
    let alignment = alignment(metadata)?;
    let tensors: Vec<(&Part, &TensorEntry)> =
        parts.iter().flat_map(|part| part.header.tensors.iter().map(move |tensor| (part, tensor))).collect();
    let mut head = head(metadata, tensors.len());
    let mut offset = 0;
    for (_, tensor) in &tensors {
        push_description(&mut head, &tensor.name, dtype_after(tensor, patches), &tensor.shape, offset)?;
        offset = next_offset(&tensor.name, offset, size_after(tensor, patches)?, alignment)?;
    }
    out.write_bytes(&head)?;
    out.pad(alignment)?;
    let mut roundings = BTreeMap::new();
    for (part, tensor) in tensors {
        write_tensor(out, part.mapping.bytes(), tensor, patches, &mut roundings)?;
        out.pad(alignment)?;
    }
    Ok(roundings)
}

/// The element type of a tensor in the new file.
fn dtype_after(tensor: &TensorEntry, patches: &BTreeMap<&str, Patch<'_>>) -> Dtype {
    patches.get(tensor.name.as_str()).map_or(tensor.dtype, |patch| patch.spec.dtype)
}

/// The number of bytes of a tensor in the new file.
fn size_after(tensor: &TensorEntry, patches: &BTreeMap<&str, Patch<'_>>) -> Result<usize, CheckpointError> {
    match patches.get(tensor.name.as_str()) {
        Some(patch) => patch.spec.byte_size(),
        None => Ok(tensor.range.len()),
    }
}

/// Writes the data of a tensor, new ones or those in the file `source`.
fn write_tensor(
    out: &mut OutputFile<'_>,
    source: &[u8],
    tensor: &TensorEntry,
    patches: &BTreeMap<&str, Patch<'_>>,
    roundings: &mut BTreeMap<String, Rounding>,
) -> Result<(), CheckpointError> {
    let Some(patch) = patches.get(tensor.name.as_str()) else {
        return out.write_bytes(&source[tensor.range.clone()]);
    };
    // Blocks can only be kept if the old bytes are of the new type.
    let old = if patch.spec.dtype == tensor.dtype { &source[tensor.range.clone()] } else { &[] };
    let rounding = out.write_values(&patch.spec, patch.values, old)?;
    roundings.insert(tensor.name.clone(), rounding);
    Ok(())
}

/// Writes the file with new metadata, tensor descriptions and offsets. The descriptions keep their order and so do the data; the
/// two orders may differ in a file.
fn write_with_new_types(
    out: &mut OutputFile<'_>,
    source: &[u8],
    header: &Header,
    patches: &BTreeMap<&str, Patch<'_>>,
) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
    let mut by_position: Vec<&TensorEntry> = header.tensors.iter().collect();
    // An empty tensor may share its offset with another one; by its end it comes first.
    by_position.sort_by_key(|tensor| (tensor.range.start, tensor.range.end));

    let mut offsets = BTreeMap::new();
    let mut offset = 0;
    for tensor in &by_position {
        offsets.insert(tensor.name.as_str(), offset);
        offset = next_offset(&tensor.name, offset, size_after(tensor, patches)?, header.alignment)?;
    }
    let mut descriptions = Vec::new();
    for tensor in &header.tensors {
        let offset = offsets[tensor.name.as_str()];
        push_description(&mut descriptions, &tensor.name, dtype_after(tensor, patches), &tensor.shape, offset)?;
    }

    out.write_bytes(&head(&header.metadata, header.tensors.len()))?;
    out.write_bytes(&descriptions)?;
    out.pad(header.alignment)?;
    let mut roundings = BTreeMap::new();
    for tensor in by_position {
        write_tensor(out, source, tensor, patches, &mut roundings)?;
        out.pad(header.alignment)?;
    }
    Ok(roundings)
}
