//! Collects the records of one file; rejects malformed ones, or skips and counts them.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::record::{BadField, Record, RecordLocation};
use crate::error::{Error, Result};

/// Records of one file that were read so far, and messages about the malformed ones that were skipped.
pub(super) struct RecordCollector {
    pub(super) file: Arc<Path>,
    skip_bad: bool,
    pub(super) records: Vec<Record>,
    /// One message for each skipped record.
    pub(super) skipped: Vec<String>,
    /// Names of the fields of a JSON document beside its list of records.
    pub(super) beside: Vec<String>,
}

impl RecordCollector {
    /// An empty collection for `file`. `skip_bad`: skips malformed records instead of rejecting the file.
    pub(super) fn new(file: &Path, skip_bad: bool) -> Self {
        Self { file: file.into(), skip_bad, records: Vec::new(), skipped: Vec::new(), beside: Vec::new() }
    }

    /// Adds a record.
    pub(super) fn add(&mut self, location: RecordLocation, fields: Map<String, Value>) {
        self.records.push(Record::new(&self.file, location, fields));
    }

    /// Handles a malformed record: skips it, or rejects the file.
    ///
    /// # Errors
    /// Malformed records are not to be skipped.
    pub(super) fn add_bad(&mut self, location: RecordLocation, problem: impl std::fmt::Display) -> Result<()> {
        self.skip_or_fail(self.error(location, problem))
    }

    /// Handles a record with a malformed field: skips it, or rejects the file.
    ///
    /// # Errors
    /// Malformed records are not to be skipped.
    pub(super) fn add_bad_field(&mut self, location: RecordLocation, field: &BadField) -> Result<()> {
        self.skip_or_fail(field.at(&self.file, location))
    }

    /// The error for a file that cannot be understood from `location` on.
    pub(super) fn error(&self, location: RecordLocation, problem: impl std::fmt::Display) -> Error {
        let file = self.file.display().to_string();
        Error::Task { file, place: location.to_string(), problem: problem.to_string() }
    }

    fn skip_or_fail(&mut self, error: Error) -> Result<()> {
        if !self.skip_bad {
            return Err(error);
        }
        self.skipped.push(error.to_string());
        Ok(())
    }
}
