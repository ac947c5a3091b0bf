//! The text metadata of a safetensors file, by which tools describe what is in it.

use std::collections::BTreeMap;
use std::path::Path;

use super::header;
use crate::error::CheckpointError;
use crate::mapping::Mapping;

/// Reads the `__metadata__` entry of the file `path`; empty without one.
///
/// # Errors
/// The conditions of reading the file and its header.
pub fn metadata(path: &Path) -> Result<BTreeMap<String, String>, CheckpointError> {
    let mapping = Mapping::open(path)?;
    Ok(header::read(mapping.bytes()).map_err(|problem| problem.in_file(path))?.metadata)
}
