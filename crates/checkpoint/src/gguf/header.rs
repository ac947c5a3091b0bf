//! The front of a GGUF file: bytes in, metadata and checked tensor descriptions out; data are not touched.
//!
//! After this stage every offset, count and size has been compared with the length of the file, so nothing behind it
//! needs to fear an index. Layout after the GGUF specification (ggml, `docs/gguf.md`), versions 2 and 3:
//!
//! ```text
//! magic "GGUF" · version u32 · tensor count u64 · key count u64
//! keys:    name · value type u32 · value                      (strings: length u64 + UTF-8)
//! tensors: name · rank u32 · dims u64 × rank, innermost first · type u32 · offset u64
//! padding to general.alignment (32) · data
//! ```
#![deny(clippy::as_conversions)]

use std::collections::HashSet;
use std::ops::Range;

use crate::dtype::{Dtype, unread_ggml_name};
use crate::error::CheckpointError;
use crate::gguf::metadata::{Array, Metadata, Value};

/// Where data begin when the file names no alignment.
pub(crate) const DEFAULT_ALIGNMENT: usize = 32;
/// The key that names another alignment.
pub(crate) const ALIGNMENT_KEY: &str = "general.alignment";
/// ggml's bound on a tensor's rank.
pub(crate) const MAX_RANK: usize = 4;
/// Levels of lists within lists; files in use have one.
const MAX_NESTING: usize = 4;
/// The fewest bytes a key with its value takes: name length, type, one byte.
const MIN_KEY_BYTES: u64 = 8 + 4 + 1;
/// The fewest bytes a tensor description takes: name length, rank, type, offset.
const MIN_TENSOR_BYTES: u64 = 8 + 4 + 4 + 8;

/// A validated GGUF header.
#[derive(Debug)]
pub(crate) struct Header {
    /// Keys and values in file order.
    pub(crate) metadata: Metadata,
    /// Tensor descriptions in file order.
    pub(crate) tensors: Vec<Tensor>,
    /// Every tensor begins at a multiple of this, counted from `data_start`.
    pub(crate) alignment: usize,
    /// Where the tensor descriptions begin, which is where the metadata end.
    pub(crate) tensors_start: usize,
}

/// One tensor description.
#[derive(Debug)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    /// Row-major, outermost first: the file's order turned round.
    pub(crate) shape: Vec<usize>,
    /// Its data, in bytes from the start of the file.
    pub(crate) range: Range<usize>,
}

/// Reads and checks the header of a whole file's `bytes`.
///
/// # Errors
/// Any of [`CheckpointError`]'s general and GGUF conditions.
pub(crate) fn read(bytes: &[u8]) -> Result<Header, CheckpointError> {
    let mut cursor = Cursor { bytes, at: 0 };
    let magic = cursor.array("the magic")?;
    if magic != *b"GGUF" {
        return Err(CheckpointError::Magic { found: magic });
    }
    match cursor.u32("the version")? {
        2 | 3 => {}
        found if matches!(found.swap_bytes(), 1..=3) => return Err(CheckpointError::BigEndian),
        found => return Err(CheckpointError::Version { found }),
    }
    let tensor_count = cursor.u64("the tensor count")?;
    let key_count = cursor.u64("the key count")?;
    cursor.check_count("tensors", tensor_count, MIN_TENSOR_BYTES)?;
    cursor.check_count("metadata keys", key_count, MIN_KEY_BYTES)?;

    let mut pairs = Vec::new();
    for _ in 0..key_count {
        let key = cursor.text("a metadata key")?;
        let kind = cursor.u32("a value type")?;
        let value = cursor.value(&key, kind)?;
        pairs.push((key, value));
    }
    let metadata = Metadata::from_pairs(pairs)?;
    let alignment = alignment(&metadata)?;

    let tensors_start = cursor.at;
    let mut raw = Vec::new();
    for _ in 0..tensor_count {
        raw.push(cursor.tensor()?);
    }
    let data_start = cursor
        .at
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
    Ok(Header { metadata, tensors, alignment, tensors_start })
}

/// The file's alignment; at least 8, so that block types can be read in place.
pub(crate) fn alignment(metadata: &Metadata) -> Result<usize, CheckpointError> {
    let Some(found) = metadata.u64(ALIGNMENT_KEY)? else {
        return Ok(DEFAULT_ALIGNMENT);
    };
    match usize::try_from(found) {
        Ok(size) if size.is_power_of_two() && (8..=1 << 30).contains(&size) => Ok(size),
        _ => Err(CheckpointError::Alignment { found }),
    }
}

/// No two tensors may share bytes; gaps are padding and allowed.
fn check_overlap(tensors: &[Tensor]) -> Result<(), CheckpointError> {
    let mut order: Vec<&Tensor> = tensors.iter().filter(|t| !t.range.is_empty()).collect();
    order.sort_by_key(|tensor| tensor.range.start);
    for pair in order.windows(2) {
        if pair[1].range.start < pair[0].range.end {
            return Err(CheckpointError::Overlap {
                tensor: pair[1].name.clone(),
                start: wide(pair[1].range.start),
                other: pair[0].name.clone(),
                end: wide(pair[0].range.end),
            });
        }
    }
    Ok(())
}

/// A tensor description as it stands in the file.
struct RawTensor {
    name: String,
    /// Innermost first.
    dims: Vec<u64>,
    kind: u32,
    offset: u64,
}

impl RawTensor {
    /// Checks type, shape and place against a file of `len` bytes.
    fn place(self, data_start: usize, alignment: usize, len: usize) -> Result<Tensor, CheckpointError> {
        let Some(dtype) = Dtype::from_ggml(self.kind) else {
            return Err(CheckpointError::UnknownDtype { found: unread_ggml_name(self.kind), tensor: self.name });
        };
        let overflow = |raw: &RawTensor| CheckpointError::ShapeOverflow {
            tensor: raw.name.clone(),
            shape: raw.dims.iter().rev().copied().collect(),
        };
        let mut shape = Vec::with_capacity(self.dims.len());
        let mut elements = 1usize;
        for &dim in self.dims.iter().rev() {
            let dim = usize::try_from(dim).map_err(|_| overflow(&self))?;
            elements = elements.checked_mul(dim).ok_or_else(|| overflow(&self))?;
            shape.push(dim);
        }
        let row = shape.last().copied().unwrap_or(1);
        if !row.is_multiple_of(dtype.block_len()) {
            return Err(CheckpointError::PartialBlock {
                tensor: self.name,
                dtype,
                block: dtype.block_len(),
                found: row,
            });
        }
        let size = dtype.bytes_for(elements).ok_or_else(|| overflow(&self))?;
        if !self.offset.is_multiple_of(wide(alignment)) {
            return Err(CheckpointError::Misaligned {
                tensor: self.name,
                offset: self.offset,
                alignment: wide(alignment),
            });
        }
        // Saturation is enough: the sum is only compared with the length of the file.
        let end = wide(data_start).saturating_add(self.offset).saturating_add(wide(size));
        match usize::try_from(end) {
            Ok(end) if end <= len => Ok(Tensor { name: self.name, dtype, shape, range: end - size..end }),
            _ => Err(CheckpointError::OutOfRange { tensor: self.name, end, available: wide(len) }),
        }
    }
}

/// A place in the bytes of the file; every read checks what is left.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn take(&mut self, count: u64, what: &'static str) -> Result<&'a [u8], CheckpointError> {
        let available = self.remaining();
        match usize::try_from(count) {
            Ok(count) if count <= available => {
                let taken = &self.bytes[self.at..self.at + count];
                self.at += count;
                Ok(taken)
            }
            _ => Err(CheckpointError::Truncated { what, needed: count, available: wide(available) }),
        }
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CheckpointError> {
        let taken = self.take(wide(N), what)?;
        Ok(taken.try_into().expect("`take` gives exactly the bytes asked for"))
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, CheckpointError> {
        self.array(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &'static str) -> Result<u64, CheckpointError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Refuses a count of things that take at least `each` bytes when the rest of the file is too short for them.
    fn check_count(&self, what: &'static str, count: u64, each: u64) -> Result<(), CheckpointError> {
        let possible = wide(self.remaining()) / each;
        if count > possible {
            return Err(CheckpointError::Count { what, count, possible });
        }
        Ok(())
    }

    fn text(&mut self, what: &'static str) -> Result<String, CheckpointError> {
        const SHOWN: usize = 40;
        let length = self.u64(what)?;
        let bytes = self.take(length, what)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_string()),
            Err(_) => Err(CheckpointError::Text {
                what,
                found: String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned(),
            }),
        }
    }

    fn truth(&mut self, key: &str) -> Result<bool, CheckpointError> {
        match self.array("a truth value")? {
            [0] => Ok(false),
            [1] => Ok(true),
            [found] => Err(CheckpointError::BoolValue { key: key.to_string(), found }),
        }
    }

    fn value(&mut self, key: &str, kind: u32) -> Result<Value, CheckpointError> {
        const WHAT: &str = "a metadata value";
        Ok(match kind {
            0 => Value::U8(u8::from_le_bytes(self.array(WHAT)?)),
            1 => Value::I8(i8::from_le_bytes(self.array(WHAT)?)),
            2 => Value::U16(u16::from_le_bytes(self.array(WHAT)?)),
            3 => Value::I16(i16::from_le_bytes(self.array(WHAT)?)),
            4 => Value::U32(u32::from_le_bytes(self.array(WHAT)?)),
            5 => Value::I32(i32::from_le_bytes(self.array(WHAT)?)),
            6 => Value::F32(f32::from_le_bytes(self.array(WHAT)?)),
            7 => Value::Bool(self.truth(key)?),
            8 => Value::String(self.text("a metadata text")?),
            9 => Value::Array(self.list(key, MAX_NESTING)?),
            10 => Value::U64(u64::from_le_bytes(self.array(WHAT)?)),
            11 => Value::I64(i64::from_le_bytes(self.array(WHAT)?)),
            12 => Value::F64(f64::from_le_bytes(self.array(WHAT)?)),
            found => return Err(self.unknown_type(key, found)),
        })
    }

    fn unknown_type(&self, key: &str, found: u32) -> CheckpointError {
        CheckpointError::ValueType { key: key.to_string(), found }
    }

    /// A list that may have `levels - 1` further levels of lists inside.
    fn list(&mut self, key: &str, levels: usize) -> Result<Array, CheckpointError> {
        let Some(inner) = levels.checked_sub(1) else {
            return Err(CheckpointError::Nesting { key: key.to_string(), limit: MAX_NESTING });
        };
        let kind = self.u32("a list's type")?;
        let count = self.u64("a list's length")?;
        Ok(match kind {
            0 => Array::U8(self.numbers(count, u8::from_le_bytes)?),
            1 => Array::I8(self.numbers(count, i8::from_le_bytes)?),
            2 => Array::U16(self.numbers(count, u16::from_le_bytes)?),
            3 => Array::I16(self.numbers(count, i16::from_le_bytes)?),
            4 => Array::U32(self.numbers(count, u32::from_le_bytes)?),
            5 => Array::I32(self.numbers(count, i32::from_le_bytes)?),
            6 => Array::F32(self.numbers(count, f32::from_le_bytes)?),
            7 => Array::Bools(self.items(count, 1, |cursor| cursor.truth(key))?),
            8 => Array::Strings(self.items(count, 8, |cursor| cursor.text("a metadata text"))?),
            9 => Array::Nested(self.items(count, 12, |cursor| cursor.list(key, inner))?),
            10 => Array::U64(self.numbers(count, u64::from_le_bytes)?),
            11 => Array::I64(self.numbers(count, i64::from_le_bytes)?),
            12 => Array::F64(self.numbers(count, f64::from_le_bytes)?),
            found => return Err(self.unknown_type(key, found)),
        })
    }

    /// `count` numbers of `N` bytes.
    fn numbers<T, const N: usize>(&mut self, count: u64, number: fn([u8; N]) -> T) -> Result<Vec<T>, CheckpointError> {
        self.check_count("list elements", count, wide(N))?;
        let bytes = self.take(count.saturating_mul(wide(N)), "a list")?;
        let (parts, _) = bytes.as_chunks::<N>();
        Ok(parts.iter().map(|part| number(*part)).collect())
    }

    /// `count` things of at least `least` bytes each.
    fn items<T>(
        &mut self,
        count: u64,
        least: u64,
        mut item: impl FnMut(&mut Self) -> Result<T, CheckpointError>,
    ) -> Result<Vec<T>, CheckpointError> {
        self.check_count("list elements", count, least)?;
        (0..count).map(|_| item(self)).collect()
    }

    fn tensor(&mut self) -> Result<RawTensor, CheckpointError> {
        const WHAT: &str = "a tensor description";
        let name = self.text("a tensor name")?;
        let rank = self.u32(WHAT)?;
        let rank = usize::try_from(rank).unwrap_or(usize::MAX);
        if rank > MAX_RANK {
            return Err(CheckpointError::Rank { tensor: name, found: rank, limit: MAX_RANK });
        }
        let dims = (0..rank).map(|_| self.u64(WHAT)).collect::<Result<_, _>>()?;
        Ok(RawTensor { name, dims, kind: self.u32(WHAT)?, offset: self.u64(WHAT)? })
    }
}

/// `value` as the file's integer type.
fn wide(value: usize) -> u64 {
    u64::try_from(value).expect("usize has at most 64 bits on every platform Rust supports")
}
