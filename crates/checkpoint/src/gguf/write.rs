//! New GGUF files (version 3): takes metadata and tensors whose values are made on demand, writes the header and then
//! one tensor after the other.

use std::collections::BTreeSet;
use std::path::Path;

use super::header::{MAX_DIMENSIONS, alignment};
use super::magic::MAGIC;
use super::metadata::{Array, Metadata, Value};
use super::value_type;
use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::new_tensor::NewTensor;
use crate::output_file::write_with;

/// Writes a new file, atomically: the tensors in the order given, each at a multiple of `general.alignment` bytes (32
/// if the metadata do not have that key).
///
/// # Errors
/// All errors name `target`: [`CheckpointError::InvalidAlignment`], [`CheckpointError::DuplicateTensor`],
/// [`CheckpointError::TooManyDimensions`], [`CheckpointError::NotAWeightType`], [`CheckpointError::PartialBlock`],
/// [`CheckpointError::ShapeOverflow`], [`CheckpointError::DtypeForFormat`], [`CheckpointError::ValueCount`],
/// [`CheckpointError::NotFinite`], [`CheckpointError::Overflow`], [`CheckpointError::Io`], and the errors of the
/// functions that make the values.
pub fn write(target: &Path, metadata: &Metadata, tensors: Vec<NewTensor<'_>>) -> Result<(), CheckpointError> {
    write_with(target, |out| {
        let alignment = alignment(metadata)?;
        let mut head = head(metadata, tensors.len());
        // The header contains all offsets, so all sizes are computed before the first value is made.
        let mut names = BTreeSet::new();
        let mut offset = 0usize;
        for tensor in &tensors {
            if !names.insert(tensor.name.as_str()) {
                let tensor = tensor.name.clone();
                return Err(CheckpointError::DuplicateTensor { tensor });
            }
            let size = tensor.byte_size()?;
            push_description(&mut head, &tensor.name, tensor.dtype, &tensor.shape, offset)?;
            offset = next_offset(&tensor.name, offset, size, alignment)?;
        }
        out.write_bytes(&head)?;
        out.pad(alignment)?;
        for tensor in tensors {
            tensor.write_to(out)?;
            out.pad(alignment)?;
        }
        Ok(())
    })
}

/// The beginning of a file, up to the descriptions of its tensors.
pub(super) fn head(metadata: &Metadata, tensor_count: usize) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend(3u32.to_le_bytes());
    head.extend((tensor_count as u64).to_le_bytes());
    head.extend((metadata.iter().len() as u64).to_le_bytes());
    for (key, value) in metadata.iter() {
        push_text(&mut head, key);
        push_value(&mut head, value);
    }
    head
}

/// Computes the offset of the tensor that follows `tensor`, whose `size` bytes begin at `offset`.
///
/// # Errors
/// [`CheckpointError::ShapeOverflow`] if the offset does not fit the address space.
pub(super) fn next_offset(
    tensor: &str,
    offset: usize,
    size: usize,
    alignment: usize,
) -> Result<usize, CheckpointError> {
    offset
        .checked_add(size)
        .and_then(|end| end.checked_next_multiple_of(alignment))
        .ok_or_else(|| CheckpointError::ShapeOverflow { tensor: tensor.to_string(), shape: vec![size as u64] })
}

/// Appends a tensor description to `out`; `offset` counts from the start of the data section.
pub(super) fn push_description(
    out: &mut Vec<u8>,
    name: &str,
    dtype: Dtype,
    shape: &[usize],
    offset: usize,
) -> Result<(), CheckpointError> {
    let Some(number) = dtype.ggml_number() else {
        return Err(CheckpointError::DtypeForFormat { tensor: name.to_string(), dtype, format: "GGUF" });
    };
    if shape.len() > MAX_DIMENSIONS {
        return Err(CheckpointError::TooManyDimensions {
            tensor: name.to_string(),
            found: shape.len(),
            limit: MAX_DIMENSIONS,
        });
    }
    push_text(out, name);
    out.extend((shape.len() as u32).to_le_bytes());
    // The file has the innermost dimension first.
    for &dim in shape.iter().rev() {
        out.extend((dim as u64).to_le_bytes());
    }
    out.extend(number.to_le_bytes());
    out.extend((offset as u64).to_le_bytes());
    Ok(())
}

/// Appends a text: its length and its bytes.
fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// Appends the type number of a value and the value.
fn push_value(out: &mut Vec<u8>, value: &Value) {
    let mut number = |type_number: u32, bytes: &[u8]| {
        out.extend(type_number.to_le_bytes());
        out.extend(bytes);
    };
    match value {
        Value::U8(v) => number(value_type::U8, &v.to_le_bytes()),
        Value::I8(v) => number(value_type::I8, &v.to_le_bytes()),
        Value::U16(v) => number(value_type::U16, &v.to_le_bytes()),
        Value::I16(v) => number(value_type::I16, &v.to_le_bytes()),
        Value::U32(v) => number(value_type::U32, &v.to_le_bytes()),
        Value::I32(v) => number(value_type::I32, &v.to_le_bytes()),
        Value::F32(v) => number(value_type::F32, &v.to_le_bytes()),
        Value::Bool(v) => number(value_type::BOOL, &[u8::from(*v)]),
        Value::String(v) => {
            out.extend(value_type::STRING.to_le_bytes());
            push_text(out, v);
        }
        Value::Array(v) => {
            out.extend(value_type::ARRAY.to_le_bytes());
            push_array(out, v);
        }
        Value::U64(v) => number(value_type::U64, &v.to_le_bytes()),
        Value::I64(v) => number(value_type::I64, &v.to_le_bytes()),
        Value::F64(v) => number(value_type::F64, &v.to_le_bytes()),
    }
}

/// Appends a list: the type number of its elements, their count, the elements.
fn push_array(out: &mut Vec<u8>, array: &Array) {
    let element_type = match array {
        Array::U8(_) => value_type::U8,
        Array::I8(_) => value_type::I8,
        Array::U16(_) => value_type::U16,
        Array::I16(_) => value_type::I16,
        Array::U32(_) => value_type::U32,
        Array::I32(_) => value_type::I32,
        Array::F32(_) => value_type::F32,
        Array::Bools(_) => value_type::BOOL,
        Array::Strings(_) => value_type::STRING,
        Array::Nested(_) => value_type::ARRAY,
        Array::U64(_) => value_type::U64,
        Array::I64(_) => value_type::I64,
        Array::F64(_) => value_type::F64,
    };
    out.extend(element_type.to_le_bytes());
    out.extend((array.len() as u64).to_le_bytes());
    match array {
        Array::U8(v) => out.extend(v),
        Array::I8(v) => out.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Array::U16(v) => out.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Array::I16(v) => out.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Array::U32(v) => out.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Array::I32(v) => out.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Array::F32(v) => out.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Array::U64(v) => out.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Array::I64(v) => out.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Array::F64(v) => out.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        Array::Bools(v) => out.extend(v.iter().map(|x| u8::from(*x))),
        Array::Strings(v) => v.iter().for_each(|x| push_text(out, x)),
        Array::Nested(v) => v.iter().for_each(|x| push_array(out, x)),
    }
}
