//! Data sets: takes a file or folder in any common format, gives records with their locations.
//!
//! | file | one record | its location |
//! | --- | --- | --- |
//! | `.jsonl`, `.ndjson` | an object on a line | line, from 1 |
//! | `.json` | an object in a list, in the only list of objects of an object, or on a line | entry, from 0, or line |
//! | `.csv`, `.tsv` | a data row below the header, every value a text | line on which it begins |
//! | `.txt`, `.lst` | a line, as the field `text` | line |
//! | `.parquet` | a record | entry |
//!
//! Texts are UTF-8, with or without a byte order mark; UTF-16 and UTF-32 are refused by name.
//!
//! No file is read partially without notice: a malformed record is rejected with its file and location, or skipped and
//! counted.

mod items;
mod json;
mod layout;
mod parquet;
mod record;
mod record_collector;
mod table;
mod text;

#[cfg(test)]
mod tests;

pub use layout::DatasetLayout;
pub use parquet::{ParquetText, ParquetTexts};
pub use record::{BadField, Record, RecordLocation};

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::text_file::{check_encoding, without_mark};
use record_collector::RecordCollector;

/// Records of a file, or of all files of a split.
#[derive(Debug, Clone)]
pub struct Records {
    /// The file or folder, as the caller named it.
    pub file: PathBuf,
    /// The records, in the order of the files.
    pub records: Vec<Record>,
    /// Messages about malformed records that were skipped, each with file and location.
    pub skipped: Vec<String>,
    /// Names of the fields of a JSON document beside its list of records.
    pub beside: Vec<String>,
}

impl Records {
    /// Reads the file `path`, or the files that `layout` names in the folder `path`. With `skip_bad`, malformed records
    /// are skipped and counted, while a file that cannot be understood as a whole is still rejected.
    ///
    /// # Errors
    /// None of the named files exists, or one cannot be read or is malformed; the error names the line or entry.
    pub fn open(path: &Path, layout: &DatasetLayout<'_>, skip_bad: bool) -> Result<Self> {
        let mut all = Self::none(path);
        for file in layout.files_of(path)? {
            let mut collector = RecordCollector::new(&file, skip_bad);
            read(&file, layout.list, &mut collector)?;
            all.add(collector);
        }
        Ok(all)
    }

    /// Reads the bytes of a file without a name that says its format: Parquet, JSON, or a table, as its first bytes show.
    /// `name`: name in messages, to which the extension of the format is added.
    ///
    /// # Errors
    /// The bytes are malformed; the error names the line or entry.
    pub fn of_bytes(name: &Path, bytes: &[u8], layout: &DatasetLayout<'_>, skip_bad: bool) -> Result<Self> {
        let format = format_of(bytes);
        let name = name.with_extension(format);
        let mut collector = RecordCollector::new(&name, skip_bad);
        read_bytes(bytes, format, layout.list, &mut collector)?;
        let mut all = Self::none(&name);
        all.add(collector);
        Ok(all)
    }

    fn none(file: &Path) -> Self {
        Self { file: file.to_owned(), records: Vec::new(), skipped: Vec::new(), beside: Vec::new() }
    }

    fn add(&mut self, mut collector: RecordCollector) {
        self.records.append(&mut collector.records);
        self.skipped.append(&mut collector.skipped);
        self.beside.append(&mut collector.beside);
    }

    /// Reads one file and rejects it if any record is malformed.
    ///
    /// # Errors
    /// Those of [`Records::open`].
    pub fn read(path: &Path) -> Result<Self> {
        Self::open(path, &DatasetLayout::default(), false)
    }

    /// Appends the records of another split.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.records.extend(other.records);
        self.skipped.extend(other.skipped);
        self
    }
}

/// Returns true for a file whose values are all texts, whatever they hold.
pub(crate) fn is_table(path: &Path) -> bool {
    matches!(extension(path).as_str(), "csv" | "tsv")
}

/// Extension of the format that the first bytes of a file show.
fn format_of(bytes: &[u8]) -> &'static str {
    let start = without_mark(bytes).trim_ascii_start();
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match start.first() {
        _ if bytes.starts_with(parquet::MAGIC) => "parquet",
        Some(b'{' | b'[') | None => "json",
        _ if line.contains(&b'\t') => "tsv",
        _ => "csv",
    }
}

/// Whether a file's extension names a format that can be read.
pub(crate) fn is_readable(path: &Path) -> bool {
    matches!(extension(path).as_str(), "json" | "jsonl" | "ndjson" | "csv" | "tsv" | "txt" | "lst" | "parquet")
}

/// Extension of a file in lower case, without the dot; empty if there is none.
fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

/// Reads a file in the format that its extension names; a file with any other extension is read as JSON.
fn read(path: &Path, list: Option<&str>, collector: &mut RecordCollector) -> Result<()> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    read_bytes(&bytes, &extension(path), list, collector)
}

/// Reads bytes in the format of files with an extension.
fn read_bytes(bytes: &[u8], extension: &str, list: Option<&str>, collector: &mut RecordCollector) -> Result<()> {
    if extension == "parquet" {
        return parquet::read(bytes, collector);
    }
    check_encoding(bytes).map_err(|problem| Error::parse(&*collector.file, problem))?;
    match extension {
        "jsonl" | "ndjson" => json::lines(bytes, collector),
        "csv" => table::read(bytes, b',', collector),
        "tsv" => table::read(bytes, b'\t', collector),
        "txt" | "lst" => text::read(bytes, collector),
        _ => json::read(bytes, list, collector),
    }
}
