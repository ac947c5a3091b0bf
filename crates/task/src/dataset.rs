//! Data sets: takes a file or a folder of rows in any common layout, gives rows that know where they stand.
//!
//! | file | one row | its place |
//! | --- | --- | --- |
//! | `.jsonl`, `.ndjson` | an object a line | line, from 1 |
//! | `.json` | an object of a list, of an object's one list of objects, or a line | record, from 0, or line |
//! | `.csv`, `.tsv` | a record under the header, every value a text | line it begins on |
//! | `.txt`, `.lst` | a line, as the field `text` | line |
//! | `.parquet` | a record | record |
//!
//! Nothing is half-read in silence: what is no row is refused with its file and place, or left out and counted.

mod items;
mod json;
mod layout;
mod parquet;
mod reading;
mod row;
mod table;
mod text;

#[cfg(test)]
mod tests;

pub use layout::Layout;
pub use row::{BadField, Place, Record};

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use reading::Reading;

/// The rows of a file, or of the files of a split.
#[derive(Debug, Clone)]
pub struct Records {
    /// The file or folder, as it was named.
    pub file: PathBuf,
    /// Its rows, in order.
    pub rows: Vec<Record>,
    /// What was no row and was left out, each with its file and place.
    pub skipped: Vec<String>,
}

impl Records {
    /// The rows of `path`: of a file, or of the files in a folder that `layout` names. With `skip_bad`, what is no row
    /// is left out and counted; a file that cannot be understood as a whole is refused all the same.
    ///
    /// # Errors
    /// None of the files is there, one cannot be read, or one is malformed (with its line or record).
    pub fn open(path: &Path, layout: &Layout<'_>, skip_bad: bool) -> Result<Self> {
        let mut all = Self { file: path.to_owned(), rows: Vec::new(), skipped: Vec::new() };
        for file in layout.files_of(path)? {
            let mut reading = Reading::new(&file, skip_bad);
            read(&file, layout.list, &mut reading)?;
            all.rows.append(&mut reading.rows);
            all.skipped.append(&mut reading.skipped);
        }
        Ok(all)
    }

    /// The rows of one file, all of them good ones.
    ///
    /// # Errors
    /// As [`Records::open`].
    pub fn read(path: &Path) -> Result<Self> {
        Self::open(path, &Layout::default(), false)
    }

    /// These rows, then those of another split.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.rows.extend(other.rows);
        self.skipped.extend(other.skipped);
        self
    }
}

/// Whether a file's extension names a format of rows.
pub fn is_readable(path: &Path) -> bool {
    matches!(extension(path).as_str(), "json" | "jsonl" | "ndjson" | "csv" | "tsv" | "txt" | "lst" | "parquet")
}

fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

/// Reads a file in the format that its extension names; any other is JSON.
fn read(path: &Path, list: Option<&str>, reading: &mut Reading) -> Result<()> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    read_bytes(&bytes, path, list, reading)
}

fn read_bytes(bytes: &[u8], path: &Path, list: Option<&str>, reading: &mut Reading) -> Result<()> {
    match extension(path).as_str() {
        "jsonl" | "ndjson" => json::lines(bytes, reading),
        "csv" => table::read(bytes, b',', reading),
        "tsv" => table::read(bytes, b'\t', reading),
        "txt" | "lst" => text::read(bytes, reading),
        "parquet" => parquet::read(bytes, reading),
        _ => json::read(bytes, list, reading),
    }
}
