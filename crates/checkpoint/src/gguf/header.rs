//! The header of a GGUF file: takes the bytes of the file, gives metadata and checked tensor descriptions. Values are
//! not read.
//!
//! Every offset, count and size is compared with the length of the file, so that later code can index without checks.
//! The layout is that of the GGUF specification (ggml, `ggml/docs/gguf.md`), versions 2 and 3:
//!
//! ```text
//! magic "GGUF" · version u32 · tensor count u64 · key count u64
//! keys:    name · value type u32 · value                      (strings: length u64 + UTF-8)
//! tensors: name · rank u32 · dims u64 × rank, innermost first · type u32 · offset u64
//! padding to general.alignment (32) · data
//! ```
#![deny(clippy::as_conversions)]

use std::collections::HashSet;

use super::cursor::Cursor;
use super::magic::MAGIC;
use super::metadata::Metadata;
use crate::dtype::{Dtype, describe_unsupported_ggml_number};
use crate::error::CheckpointError;
use crate::tensor_entry::{TensorEntry, checked_shape, shape_overflow, to_u64};

/// Alignment in bytes of a file that does not state one.
const DEFAULT_ALIGNMENT: usize = 32;
/// Metadata key of the alignment.
const ALIGNMENT_KEY: &str = "general.alignment";
/// Largest number of dimensions of a tensor in ggml.
pub(super) const MAX_DIMENSIONS: usize = 4;
/// Smallest number of bytes of a metadata entry: key length, value type, one byte of value.
const MIN_KEY_BYTES: u64 = 8 + 4 + 1;
/// Smallest number of bytes of a tensor description: name length, number of dimensions, type, offset.
const MIN_TENSOR_BYTES: u64 = 8 + 4 + 4 + 8;

/// A checked GGUF header.
#[derive(Debug)]
pub(crate) struct Header {
    /// Metadata, in the order of the file.
    pub(crate) metadata: Metadata,
    /// Tensor descriptions, in the order of the file.
    pub(crate) tensors: Vec<TensorEntry>,
    /// Alignment in bytes: the offset of every tensor in the data section is a multiple of it.
    pub(crate) alignment: usize,
}

/// Reads and checks the header; `bytes` is the whole file.
///
/// # Errors
/// The conditions of any file and of GGUF files in [`CheckpointError`].
pub(crate) fn read(bytes: &[u8]) -> Result<Header, CheckpointError> {
    let mut cursor = Cursor::new(bytes);
    let magic = cursor.array("the magic")?;
    if magic != MAGIC {
        return Err(CheckpointError::WrongMagic { found: magic });
    }
    match cursor.u32("the version")? {
        2 | 3 => {}
        // A small number in the other byte order is a file for big-endian machines.
        found if matches!(found.swap_bytes(), 1..=3) => return Err(CheckpointError::BigEndian),
        found => return Err(CheckpointError::UnsupportedVersion { found }),
    }
    let tensor_count = cursor.u64("the tensor count")?;
    let key_count = cursor.u64("the key count")?;
    // Before the loops, so that a forged count is refused at once.
    cursor.check_count("tensors", tensor_count, MIN_TENSOR_BYTES)?;
    cursor.check_count("metadata keys", key_count, MIN_KEY_BYTES)?;

    let mut pairs = Vec::new();
    for _ in 0..key_count {
        let key = cursor.text("a metadata key")?;
        let value_type = cursor.u32("a value type")?;
        let value = cursor.value(&key, value_type)?;
        pairs.push((key, value));
    }
    let metadata = Metadata::from_pairs(pairs)?;
    let alignment = alignment(&metadata)?;

    // Read first and checked afterwards, because the start of the data is known only after the last description.
    let mut raw = Vec::new();
    for _ in 0..tensor_count {
        raw.push(RawTensor::read(&mut cursor)?);
    }
    let data_start = cursor
        .position()
        .checked_next_multiple_of(alignment)
        .expect("a file's length plus at most 2^30 fits, because a mapped file leaves that much address space");

    let mut seen = HashSet::new();
    let mut tensors = Vec::with_capacity(raw.len());
    for tensor in raw {
        if !seen.insert(tensor.name.clone()) {
            return Err(CheckpointError::DuplicateTensor { tensor: tensor.name });
        }
        tensors.push(tensor.place(data_start, alignment, bytes.len())?);
    }
    check_overlap(&tensors)?;
    Ok(Header { metadata, tensors, alignment })
}

/// Reads the alignment of a file in bytes from its metadata; at least 8, so that block types can be read in place.
///
/// # Errors
/// [`CheckpointError::InvalidAlignment`] if it is not a power of two from 8 to 2^30, [`CheckpointError::MetadataType`].
pub(super) fn alignment(metadata: &Metadata) -> Result<usize, CheckpointError> {
    let Some(found) = metadata.u64(ALIGNMENT_KEY)? else {
        return Ok(DEFAULT_ALIGNMENT);
    };
    match usize::try_from(found) {
        Ok(size) if size.is_power_of_two() && (8..=1 << 30).contains(&size) => Ok(size),
        _ => Err(CheckpointError::InvalidAlignment { found }),
    }
}

/// Checks that no two tensors share bytes; gaps are padding and allowed.
fn check_overlap(tensors: &[TensorEntry]) -> Result<(), CheckpointError> {
    let mut order: Vec<&TensorEntry> = tensors.iter().filter(|t| !t.range.is_empty()).collect();
    order.sort_by_key(|tensor| tensor.range.start);
    for pair in order.windows(2) {
        if pair[1].range.start < pair[0].range.end {
            return Err(CheckpointError::Overlap {
                tensor: pair[1].name.clone(),
                start: to_u64(pair[1].range.start),
                other: pair[0].name.clone(),
                end: to_u64(pair[0].range.end),
            });
        }
    }
    Ok(())
}

/// A tensor description as it is in the file, not yet checked.
struct RawTensor {
    name: String,
    /// Shape, innermost dimension first.
    dims: Vec<u64>,
    /// GGUF number of the element type.
    type_number: u32,
    /// Offset of its data in bytes, from the start of the data section.
    offset: u64,
}

impl RawTensor {
    /// Reads the next description.
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, CheckpointError> {
        const WHAT: &str = "a tensor description";
        let name = cursor.text("a tensor name")?;
        let dimensions = cursor.u32(WHAT)?;
        let dimensions = usize::try_from(dimensions).unwrap_or(usize::MAX);
        if dimensions > MAX_DIMENSIONS {
            return Err(CheckpointError::TooManyDimensions { tensor: name, found: dimensions, limit: MAX_DIMENSIONS });
        }
        let dims = (0..dimensions).map(|_| cursor.u64(WHAT)).collect::<Result<_, _>>()?;
        Ok(Self { name, dims, type_number: cursor.u32(WHAT)?, offset: cursor.u64(WHAT)? })
    }

    /// Checks type, shape and byte range against a file of `file_len` bytes.
    fn place(self, data_start: usize, alignment: usize, file_len: usize) -> Result<TensorEntry, CheckpointError> {
        let Some(dtype) = Dtype::from_ggml_number(self.type_number) else {
            return Err(CheckpointError::UnknownDtype {
                found: describe_unsupported_ggml_number(self.type_number),
                tensor: self.name,
            });
        };
        let dims: Vec<u64> = self.dims.iter().rev().copied().collect();
        let (shape, elements) = checked_shape(&self.name, &dims)?;
        let row = shape.last().copied().unwrap_or(1);
        if !row.is_multiple_of(dtype.block_len()) {
            return Err(CheckpointError::PartialBlock {
                tensor: self.name,
                dtype,
                block: dtype.block_len(),
                found: row,
            });
        }
        let size = dtype.bytes_for(elements).ok_or_else(|| shape_overflow(&self.name, &dims))?;
        if !self.offset.is_multiple_of(to_u64(alignment)) {
            return Err(CheckpointError::Misaligned {
                tensor: self.name,
                offset: self.offset,
                alignment: to_u64(alignment),
            });
        }
        // Saturation is enough, because the sum is only compared with the length of the file.
        let end = to_u64(data_start).saturating_add(self.offset).saturating_add(to_u64(size));
        match usize::try_from(end) {
            Ok(end) if end <= file_len => Ok(TensorEntry { name: self.name, dtype, shape, range: end - size..end }),
            _ => Err(CheckpointError::DataOutOfRange { tensor: self.name, end, available: to_u64(file_len) }),
        }
    }
}
