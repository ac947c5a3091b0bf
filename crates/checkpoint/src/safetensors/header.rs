//! The header of a safetensors file: takes the bytes of the file, gives checked tensor descriptions. Values are not
//! read.
//!
//! ```text
//! header length u64 · header, JSON {name: {dtype, shape, data_offsets: [begin, end]}} · data
//! ```
//!
//! The rules are those of the `safetensors` crate: the data of all tensors fill the rest of the file, without gaps and
//! overlaps. That crate is not called here, because its errors do not name the tensor and because it accepts a repeated
//! name. `tests/hostile.rs` checks that both readers accept the same files.
#![deny(clippy::as_conversions)]

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::tensor_entry::{TensorEntry, checked_shape, shape_overflow, to_u64};

/// Number of bytes that store the length of the header.
const LENGTH_BYTES: usize = 8;
/// Largest length of the header in bytes that the format allows.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// Key of the header entry that holds text metadata instead of a tensor.
pub(crate) const METADATA_KEY: &str = "__metadata__";

/// A checked header.
pub(crate) struct Header {
    /// The tensors, in the order of their data.
    pub(crate) tensors: Vec<TensorEntry>,
    /// The text metadata.
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Reads and checks the header; `bytes` is the whole file.
///
/// # Errors
/// The conditions of any file and of safetensors files in [`CheckpointError`].
pub(crate) fn read(bytes: &[u8]) -> Result<Header, CheckpointError> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Err(truncated("the header length", to_u64(LENGTH_BYTES), bytes.len()));
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER_BYTES {
        return Err(CheckpointError::HeaderTooLarge { found: length, limit: MAX_HEADER_BYTES });
    }
    // The length may be any number, so it is compared with the rest of the file before it is used.
    let header = usize::try_from(length).ok().and_then(|length| rest.get(..length));
    let Some(header) = header else {
        return Err(truncated("the header", length, rest.len()));
    };
    let document: Document = serde_json::from_slice(header)
        .map_err(|source| CheckpointError::InvalidJson { what: "the safetensors header", source })?;

    let data_start = LENGTH_BYTES + header.len();
    let tensors = place_entries(document.entries, data_start, bytes.len())?;
    Ok(Header { tensors, metadata: document.metadata })
}

/// Checks all entries against a file of `file_len` bytes whose data begin at `data_start`, in the order of their data.
fn place_entries(
    mut entries: Vec<(String, Entry)>,
    data_start: usize,
    file_len: usize,
) -> Result<Vec<TensorEntry>, CheckpointError> {
    // A JSON object has no order; gaps and overlaps show in the order of the data.
    entries.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut seen = HashSet::new();
    let mut tensors: Vec<TensorEntry> = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        if !seen.insert(name.clone()) {
            return Err(CheckpointError::DuplicateTensor { tensor: name });
        }
        let before = tensors.last();
        let expected = before.map_or(data_start, |before| before.range.end);
        let (begin, _) = entry.data_offsets;
        let start = to_u64(data_start).saturating_add(begin);
        let tensor = entry.place(name, data_start, file_len)?;
        if let Some(before) = before.filter(|_| start < to_u64(expected)) {
            return Err(CheckpointError::Overlap {
                tensor: tensor.name,
                start,
                other: before.name.clone(),
                end: to_u64(expected),
            });
        }
        if start > to_u64(expected) {
            return Err(CheckpointError::Gap { tensor: tensor.name, start, expected: to_u64(expected) });
        }
        tensors.push(tensor);
    }
    let end = tensors.last().map_or(data_start, |last| last.range.end);
    if end != file_len {
        return Err(CheckpointError::TrailingBytes { expected: to_u64(end), found: to_u64(file_len) });
    }
    Ok(tensors)
}

/// Makes the error for a file that ends inside `what`.
fn truncated(what: &'static str, needed: u64, available: usize) -> CheckpointError {
    CheckpointError::Truncated { what, needed, available: to_u64(available) }
}

/// A tensor description as it is in the header, not yet checked.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    /// Begin and end of the data, in bytes from the end of the header.
    data_offsets: (u64, u64),
}

impl Entry {
    /// Checks type, shape and byte range against a file of `file_len` bytes.
    fn place(self, name: String, data_start: usize, file_len: usize) -> Result<TensorEntry, CheckpointError> {
        let Some(dtype) = Dtype::from_safetensors(&self.dtype) else {
            return Err(CheckpointError::UnknownDtype { tensor: name, found: format!("`{}`", self.dtype) });
        };
        let (shape, elements) = checked_shape(&name, &self.shape)?;
        if !elements.is_multiple_of(dtype.block_len()) {
            return Err(CheckpointError::PartialBlock {
                tensor: name,
                dtype,
                block: dtype.block_len(),
                found: elements,
            });
        }
        let expected = dtype.bytes_for(elements).ok_or_else(|| shape_overflow(&name, &self.shape))?;
        let (begin, end) = self.data_offsets;
        // i128, because offsets in the wrong order give a negative length.
        let found = i128::from(end) - i128::from(begin);
        if found != i128::from(to_u64(expected)) {
            return Err(CheckpointError::WrongSize { tensor: name, dtype, shape, expected, found });
        }
        // Saturation is enough, because the sum is only compared with the length of the file.
        let end = to_u64(data_start).saturating_add(end);
        match usize::try_from(end) {
            Ok(end) if end <= file_len => Ok(TensorEntry { name, dtype, shape, range: end - expected..end }),
            _ => Err(CheckpointError::DataOutOfRange { tensor: name, end, available: to_u64(file_len) }),
        }
    }
}

/// The JSON object of the header. A list instead of a map, so that repeated names are noticed.
struct Document {
    entries: Vec<(String, Entry)>,
    metadata: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Document;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one entry a tensor")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
                let mut entries = Vec::new();
                let mut metadata = None;
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA_KEY {
                        if metadata.is_some() {
                            return Err(A::Error::custom("`__metadata__` occurs twice"));
                        }
                        metadata = Some(map.next_value::<Option<BTreeMap<String, String>>>()?.unwrap_or_default());
                    } else {
                        entries.push((name, map.next_value()?));
                    }
                }
                Ok(Document { entries, metadata: metadata.unwrap_or_default() })
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}
