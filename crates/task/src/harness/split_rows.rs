//! The rows of one split of a task, all with the same fields in the same order.

use std::path::Path;

use serde_json::{Map, Value};

use super::config::TaskConfig;
use super::csv_columns;
use super::split_files::{extension, split_files};
use crate::dataset::{DatasetLayout, Record, Records};
use crate::error::Result;

/// The rows of one split.
#[derive(Debug, Clone, Default)]
pub(super) struct SplitRows {
    rows: Vec<Record>,
    /// Names of all fields, in the order of their first appearance.
    pub(super) fields: Vec<String>,
    /// Errors of malformed rows that were left out.
    pub(super) skipped: Vec<String>,
}

impl SplitRows {
    /// Reads the split named `split` of a task. `data`: the file or folder that the user named.
    ///
    /// # Errors
    /// Files that are missing or malformed (with `skip_bad`, malformed rows are left out), or no rows at all.
    pub(super) fn read(config: &TaskConfig, split: &str, data: Option<&Path>, skip_bad: bool) -> Result<Self> {
        let mut all = Self::default();
        for file in split_files(config, split, data)? {
            let mut records = Records::open(&file, &DatasetLayout::default(), skip_bad)?;
            if extension(&file).is_some_and(|e| e == "csv" || e == "tsv") {
                csv_columns::infer(&mut records.records);
            }
            all.rows.append(&mut records.records);
            all.skipped.append(&mut records.skipped);
        }
        if all.rows.is_empty() {
            return Err(config.error("dataset_path", format!("expected rows in the split `{split}`, found none")));
        }
        all.unify_fields();
        Ok(all)
    }

    /// Gives all rows the same fields in the same order, as `datasets` does: a field that a row lacks becomes null.
    fn unify_fields(&mut self) {
        for row in &self.rows {
            for name in row.fields.keys() {
                if !self.fields.contains(name) {
                    self.fields.push(name.clone());
                }
            }
        }
        for row in &mut self.rows {
            if !row.fields.keys().eq(&self.fields) {
                let field = |name: &String| (name.clone(), row.fields.get(name).cloned().unwrap_or_default());
                row.fields = self.fields.iter().map(field).collect();
            }
        }
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row at an index, with its place in its file.
    pub(super) fn row(&self, index: usize) -> &Record {
        &self.rows[index]
    }

    /// The fields of the row at an index.
    pub(super) fn doc(&self, index: usize) -> &Map<String, Value> {
        &self.rows[index].fields
    }
}
