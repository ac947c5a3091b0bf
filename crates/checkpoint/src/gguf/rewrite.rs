//! A GGUF file with some tensors' values, and perhaps types, replaced: all other bytes stay what they were.

use std::collections::BTreeMap;
use std::path::Path;

use crate::codec::Slot;
use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::gguf::header::{self, Header, Tensor};
use crate::gguf::write::{after, put_tensor};
use crate::mapping::Mapping;
use crate::write::{Patch, Rounding, Sink, atomically};

/// Copies the file `source` to `target`, atomically, with the values of some tensors replaced.
///
/// `edits` gives a tensor's new type and all its values, row-major. Where every type is the tensor's own, every other
/// byte of the file stays in its place. Otherwise the tensor descriptions are written anew, with the new types and
/// offsets; the metadata and the data of all other tensors keep their bytes. `general.file_type`, a hint at the
/// prevailing type, is metadata and stays. Gives what rounding cost, by tensor.
///
/// In a tensor that keeps its type, every block (32 or 256 elements of a quantised type, one element of a float type)
/// whose new values are those it holds, bit for bit, keeps its bytes: quantising them anew would round them again. So
/// new values for some rows of a tensor leave the others as they are. [`crate::TensorView::stored_over`] says
/// beforehand what is stored then.
///
/// # Errors
/// What is wrong with `source`; [`CheckpointError::NoTensor`], [`CheckpointError::ValueCount`],
/// [`CheckpointError::NotWeights`], [`CheckpointError::PartialBlock`], [`CheckpointError::NotFinite`],
/// [`CheckpointError::Overflow`] for an edit.
pub fn rewrite(
    source: &Path,
    target: &Path,
    edits: &BTreeMap<String, (Dtype, Vec<f32>)>,
) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
    let mapping = Mapping::open(source)?;
    let header = header::read(mapping.bytes()).map_err(|problem| problem.in_file(source))?;
    let mut patches = BTreeMap::new();
    for tensor in &header.tensors {
        if let Some((dtype, values)) = edits.get(&tensor.name) {
            let slot = Slot { tensor: &tensor.name, dtype: *dtype, shape: &tensor.shape };
            let range = tensor.range.clone();
            patches.insert(tensor.name.as_str(), Patch { slot, range, values });
        }
    }
    if let Some(name) = edits.keys().find(|name| !patches.contains_key(name.as_str())) {
        let tensor = name.clone();
        return Err(CheckpointError::NoTensor { tensor }.in_file(source));
    }
    let same_types = header.tensors.iter().all(|tensor| dtype_after(tensor, &patches) == tensor.dtype);
    atomically(target, |sink| match same_types {
        true => sink.put_patched(mapping.bytes(), patches.into_values().collect()),
        false => put_relaid(sink, mapping.bytes(), &header, &patches),
    })
}

fn dtype_after(tensor: &Tensor, patches: &BTreeMap<&str, Patch<'_>>) -> Dtype {
    patches.get(tensor.name.as_str()).map_or(tensor.dtype, |patch| patch.slot.dtype)
}

/// Writes the file with new descriptions and offsets; descriptions and data each keep their order.
fn put_relaid(
    sink: &mut Sink<'_>,
    source: &[u8],
    header: &Header,
    patches: &BTreeMap<&str, Patch<'_>>,
) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
    let mut by_place: Vec<&Tensor> = header.tensors.iter().collect();
    by_place.sort_by_key(|tensor| (tensor.range.start, tensor.range.end));

    let mut offsets = BTreeMap::new();
    let mut offset = 0;
    for tensor in &by_place {
        offsets.insert(tensor.name.as_str(), offset);
        let size = match patches.get(tensor.name.as_str()) {
            Some(patch) => patch.slot.size()?,
            None => tensor.range.len(),
        };
        offset = after(&tensor.name, offset, size, header.alignment)?;
    }
    let mut descriptions = Vec::new();
    for tensor in &header.tensors {
        let offset = offsets[tensor.name.as_str()];
        put_tensor(&mut descriptions, &tensor.name, dtype_after(tensor, patches), &tensor.shape, offset)?;
    }

    sink.put(&source[..header.tensors_start])?;
    sink.put(&descriptions)?;
    sink.pad(header.alignment)?;
    let mut cost = BTreeMap::new();
    for tensor in by_place {
        match patches.get(tensor.name.as_str()) {
            Some(patch) => {
                let same_type = patch.slot.dtype == tensor.dtype;
                let old = if same_type { &source[tensor.range.clone()] } else { &[] };
                let rounding = sink.put_values(&patch.slot, patch.values, old)?;
                cost.insert(tensor.name.clone(), rounding);
            }
            None => sink.put(&source[tensor.range.clone()])?,
        }
        sink.pad(header.alignment)?;
    }
    Ok(cost)
}
