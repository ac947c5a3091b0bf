//! New GGUF files (version 3), streamed: metadata and descriptions first, then each tensor as its values are made.

use std::collections::BTreeSet;
use std::path::Path;

use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::gguf::header::{MAX_RANK, alignment};
use crate::gguf::metadata::{Array, Metadata, Value};
use crate::write::{NewTensor, atomically};

/// Writes a new file, atomically: tensors in the order given, each at a multiple of `general.alignment` (32 if absent).
///
/// # Errors
/// In the name of `target`: [`CheckpointError::Alignment`], [`CheckpointError::DuplicateTensor`],
/// [`CheckpointError::Rank`], [`CheckpointError::NotWeights`], [`CheckpointError::PartialBlock`],
/// [`CheckpointError::ShapeOverflow`], what a tensor's values say, [`CheckpointError::ValueCount`],
/// [`CheckpointError::NotFinite`], [`CheckpointError::Overflow`], [`CheckpointError::Io`].
pub fn write(target: &Path, metadata: &Metadata, tensors: Vec<NewTensor<'_>>) -> Result<(), CheckpointError> {
    atomically(target, |sink| {
        let alignment = alignment(metadata)?;
        let mut head = b"GGUF".to_vec();
        head.extend(3u32.to_le_bytes());
        head.extend((tensors.len() as u64).to_le_bytes());
        head.extend((metadata.iter().len() as u64).to_le_bytes());
        for (key, value) in metadata.iter() {
            put_text(&mut head, key);
            put_value(&mut head, value);
        }
        let mut names = BTreeSet::new();
        let mut offset = 0usize;
        for tensor in &tensors {
            if !names.insert(tensor.name.as_str()) {
                let tensor = tensor.name.clone();
                return Err(CheckpointError::DuplicateTensor { tensor });
            }
            let size = tensor.slot().size()?;
            put_tensor(&mut head, &tensor.name, tensor.dtype, &tensor.shape, offset)?;
            offset = after(&tensor.name, offset, size, alignment)?;
        }
        sink.put(&head)?;
        sink.pad(alignment)?;
        for tensor in tensors {
            tensor.put(sink)?;
            sink.pad(alignment)?;
        }
        Ok(())
    })
}

/// The offset of what follows `size` bytes at `offset`.
pub(crate) fn after(tensor: &str, offset: usize, size: usize, alignment: usize) -> Result<usize, CheckpointError> {
    offset
        .checked_add(size)
        .and_then(|end| end.checked_next_multiple_of(alignment))
        .ok_or_else(|| CheckpointError::ShapeOverflow { tensor: tensor.to_string(), shape: vec![size as u64] })
}

/// Appends a tensor description.
pub(crate) fn put_tensor(
    out: &mut Vec<u8>,
    name: &str,
    dtype: Dtype,
    shape: &[usize],
    offset: usize,
) -> Result<(), CheckpointError> {
    let Some(number) = dtype.ggml() else {
        return Err(CheckpointError::DtypeForFormat { tensor: name.to_string(), dtype, format: "GGUF" });
    };
    if shape.len() > MAX_RANK {
        return Err(CheckpointError::Rank { tensor: name.to_string(), found: shape.len(), limit: MAX_RANK });
    }
    put_text(out, name);
    out.extend((shape.len() as u32).to_le_bytes());
    for &dim in shape.iter().rev() {
        out.extend((dim as u64).to_le_bytes());
    }
    out.extend(number.to_le_bytes());
    out.extend((offset as u64).to_le_bytes());
    Ok(())
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// Appends a value's type number and the value.
fn put_value(out: &mut Vec<u8>, value: &Value) {
    let mut number = |kind: u32, bytes: &[u8]| {
        out.extend(kind.to_le_bytes());
        out.extend(bytes);
    };
    match value {
        Value::U8(v) => number(0, &v.to_le_bytes()),
        Value::I8(v) => number(1, &v.to_le_bytes()),
        Value::U16(v) => number(2, &v.to_le_bytes()),
        Value::I16(v) => number(3, &v.to_le_bytes()),
        Value::U32(v) => number(4, &v.to_le_bytes()),
        Value::I32(v) => number(5, &v.to_le_bytes()),
        Value::F32(v) => number(6, &v.to_le_bytes()),
        Value::Bool(v) => number(7, &[u8::from(*v)]),
        Value::String(v) => {
            out.extend(8u32.to_le_bytes());
            put_text(out, v);
        }
        Value::Array(v) => {
            out.extend(9u32.to_le_bytes());
            put_array(out, v);
        }
        Value::U64(v) => number(10, &v.to_le_bytes()),
        Value::I64(v) => number(11, &v.to_le_bytes()),
        Value::F64(v) => number(12, &v.to_le_bytes()),
    }
}

/// Appends a list: its elements' type number, their count, the elements.
fn put_array(out: &mut Vec<u8>, array: &Array) {
    let kind: u32 = match array {
        Array::U8(_) => 0,
        Array::I8(_) => 1,
        Array::U16(_) => 2,
        Array::I16(_) => 3,
        Array::U32(_) => 4,
        Array::I32(_) => 5,
        Array::F32(_) => 6,
        Array::Bools(_) => 7,
        Array::Strings(_) => 8,
        Array::Nested(_) => 9,
        Array::U64(_) => 10,
        Array::I64(_) => 11,
        Array::F64(_) => 12,
    };
    out.extend(kind.to_le_bytes());
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
        Array::Strings(v) => v.iter().for_each(|x| put_text(out, x)),
        Array::Nested(v) => v.iter().for_each(|x| put_array(out, x)),
    }
}
