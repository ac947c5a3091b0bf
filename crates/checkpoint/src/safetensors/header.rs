//! The front of a safetensors file: bytes in, checked tensor descriptions out; data are not touched.
//!
//! ```text
//! header length u64 · header, JSON {name: {dtype, shape, data_offsets: [begin, end]}} · data
//! ```
//!
//! The rules are those of the format's own reader: data without gaps, overlaps or rest, in the order of their offsets.
//! It is not called here because its errors do not say which tensor, and a repeated name slips through it; the tests
//! hold the two together.
#![deny(clippy::as_conversions)]

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::dtype::Dtype;
use crate::error::CheckpointError;

/// Bytes of the header's length.
const LENGTH_BYTES: usize = 8;
/// The longest header the format allows.
const MAX_HEADER: u64 = 100_000_000;
/// The header entry that is no tensor.
pub(crate) const METADATA: &str = "__metadata__";

/// One checked tensor description.
#[derive(Debug)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// Its data, in bytes from the start of the file.
    pub(crate) range: Range<usize>,
}

/// Reads and checks the header of a whole file's `bytes`; tensors come in the order of their data.
///
/// # Errors
/// Any of [`CheckpointError`]'s general and safetensors conditions.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Tensor>, CheckpointError> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Err(truncated("the header length", wide(LENGTH_BYTES), bytes.len()));
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER {
        return Err(CheckpointError::HeaderTooLarge { found: length, limit: MAX_HEADER });
    }
    let header = usize::try_from(length).ok().and_then(|length| rest.get(..length));
    let Some(header) = header else {
        return Err(truncated("the header", length, rest.len()));
    };
    let document: Document = serde_json::from_slice(header)
        .map_err(|source| CheckpointError::Json { what: "the safetensors header", source })?;

    let mut entries = document.tensors;
    entries.sort_by_key(|(_, entry)| entry.data_offsets);
    let data_start = LENGTH_BYTES + header.len();
    let mut seen = HashSet::new();
    let mut tensors: Vec<Tensor> = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        if !seen.insert(name.clone()) {
            return Err(CheckpointError::DuplicateTensor { tensor: name });
        }
        let before = tensors.last();
        let expected = before.map_or(data_start, |before| before.range.end);
        let (begin, _) = entry.data_offsets;
        let start = wide(data_start).saturating_add(begin);
        let tensor = entry.place(name, data_start, bytes.len())?;
        if let Some(before) = before.filter(|_| start < wide(expected)) {
            return Err(CheckpointError::Overlap {
                tensor: tensor.name,
                start,
                other: before.name.clone(),
                end: wide(expected),
            });
        }
        if start > wide(expected) {
            return Err(CheckpointError::Gap { tensor: tensor.name, start, expected: wide(expected) });
        }
        tensors.push(tensor);
    }
    let end = tensors.last().map_or(data_start, |last| last.range.end);
    if end != bytes.len() {
        return Err(CheckpointError::TrailingBytes { expected: wide(end), found: wide(bytes.len()) });
    }
    Ok(tensors)
}

fn truncated(what: &'static str, needed: u64, available: usize) -> CheckpointError {
    CheckpointError::Truncated { what, needed, available: wide(available) }
}

/// A tensor description as it stands in the header.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

impl Entry {
    /// Checks type, shape and place against a file of `len` bytes.
    fn place(self, name: String, data_start: usize, len: usize) -> Result<Tensor, CheckpointError> {
        let Some(dtype) = Dtype::from_safetensors(&self.dtype) else {
            return Err(CheckpointError::UnknownDtype { tensor: name, found: format!("`{}`", self.dtype) });
        };
        let overflow =
            |tensor: &str| CheckpointError::ShapeOverflow { tensor: tensor.to_string(), shape: self.shape.clone() };
        let mut shape = Vec::with_capacity(self.shape.len());
        let mut elements = 1usize;
        for &dim in &self.shape {
            let dim = usize::try_from(dim).map_err(|_| overflow(&name))?;
            elements = elements.checked_mul(dim).ok_or_else(|| overflow(&name))?;
            shape.push(dim);
        }
        if !elements.is_multiple_of(dtype.block_len()) {
            return Err(CheckpointError::PartialBlock {
                tensor: name,
                dtype,
                block: dtype.block_len(),
                found: elements,
            });
        }
        let expected = dtype.bytes_for(elements).ok_or_else(|| overflow(&name))?;
        let (begin, end) = self.data_offsets;
        let found = i128::from(end) - i128::from(begin);
        if found != i128::from(wide(expected)) {
            return Err(CheckpointError::WrongSize { tensor: name, dtype, shape, expected, found });
        }
        // Saturation is enough: the sum is only compared with the length of the file.
        let end = wide(data_start).saturating_add(end);
        match usize::try_from(end) {
            Ok(end) if end <= len => Ok(Tensor { name, dtype, shape, range: end - expected..end }),
            _ => Err(CheckpointError::OutOfRange { tensor: name, end, available: wide(len) }),
        }
    }
}

/// The header's JSON object, repeated names included.
struct Document {
    tensors: Vec<(String, Entry)>,
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Document;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one entry a tensor")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
                let mut tensors = Vec::new();
                let mut has_metadata = false;
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA {
                        if has_metadata {
                            return Err(A::Error::custom("`__metadata__` occurs twice"));
                        }
                        has_metadata = true;
                        // Read for its form only: nothing here depends on what it says, and a rewrite copies it.
                        map.next_value::<Option<BTreeMap<String, String>>>()?;
                    } else {
                        tensors.push((name, map.next_value()?));
                    }
                }
                Ok(Document { tensors })
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// `value` as the file's integer type.
fn wide(value: usize) -> u64 {
    u64::try_from(value).expect("usize has at most 64 bits on every platform Rust supports")
}
