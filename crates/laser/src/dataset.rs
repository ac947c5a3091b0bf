//! Data sets: takes a file or a folder of rows in any common layout, gives rows that know where they stand.

mod row;

pub use row::{BadField, Row};

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The rows of one file.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The file.
    pub file: PathBuf,
    /// Its rows, in order.
    pub rows: Vec<Row>,
}

impl Rows {
    /// Reads a JSON list, or one JSON object a line.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let fields: Vec<(usize, Map<String, Value>)> = if text.trim_start().starts_with('[') {
            let list: Vec<Map<String, Value>> = serde_json::from_str(&text).map_err(|e| Error::parse(path, e))?;
            list.into_iter().enumerate().collect()
        } else {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            let row = |(i, line): (usize, &str)| {
                let fields = serde_json::from_str(line);
                fields.map(|fields| (i + 1, fields)).map_err(|e| Error::parse(path, format!("line {}: {e}", i + 1)))
            };
            lines.map(row).collect::<Result<_>>()?
        };
        let rows = fields.into_iter().map(|(place, fields)| Row::new(place, fields)).collect();
        Ok(Self { file: path.to_owned(), rows })
    }
}
