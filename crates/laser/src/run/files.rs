//! Reading and writing of JSON files and of JSON Lines files (one JSON value a line).

use std::path::Path;

use laser_checkpoint::write_atomically;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// Writes `value` to `path` as indented JSON, and creates the folder of `path` if it is missing.
///
/// # Errors
/// The value cannot be written as JSON, or the file cannot be written.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value).map_err(|e| Error::parse(path, e))?;
    text.push('\n');
    write(path, text.as_bytes())
}

/// Writes each value to `path` as one line of JSON, and creates the folder of `path` if it is missing.
///
/// # Errors
/// A value cannot be written as JSON, or the file cannot be written.
pub(super) fn write_json_lines(path: &Path, values: &[impl Serialize]) -> Result<()> {
    let mut text = String::new();
    for value in values {
        text.push_str(&serde_json::to_string(value).map_err(|e| Error::parse(path, e))?);
        text.push('\n');
    }
    write(path, text.as_bytes())
}

/// Reads a JSON file.
///
/// # Errors
/// The file cannot be read, or is not JSON of type `T`.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    serde_json::from_str(&text).map_err(|e| Error::parse(path, e))
}

/// Reads a JSON Lines file; empty lines are skipped.
///
/// # Errors
/// The file cannot be read, or a line is not JSON of type `T`; the error names the line, counted from 1.
pub(super) fn read_json_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let parse = |(i, line)| serde_json::from_str(line).map_err(|e| Error::parse(path, format!("line {}: {e}", i + 1)));
    text.lines().enumerate().filter(|(_, line)| !line.is_empty()).map(parse).collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Error::unwritable("out", folder, &e))?;
    }
    Ok(write_atomically(path, bytes)?)
}
