//! A file while it is read: takes what its format found at each place, gives rows, and decides about what is none.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{BadField, Place, Record};
use crate::error::{Error, Result};

/// The rows of one file so far.
pub(super) struct Reading {
    pub(super) file: Arc<Path>,
    skip_bad: bool,
    pub(super) rows: Vec<Record>,
    pub(super) skipped: Vec<String>,
}

impl Reading {
    pub(super) fn new(file: &Path, skip_bad: bool) -> Self {
        Self { file: file.into(), skip_bad, rows: Vec::new(), skipped: Vec::new() }
    }

    pub(super) fn row(&mut self, place: Place, fields: Map<String, Value>) {
        self.rows.push(Record::new(&self.file, place, fields));
    }

    /// What stands at `place` is no row.
    pub(super) fn bad(&mut self, place: Place, problem: impl std::fmt::Display) -> Result<()> {
        self.decide(self.wrong(place, problem))
    }

    /// A field of the row at `place` cannot be read.
    pub(super) fn bad_field(&mut self, place: Place, field: &BadField) -> Result<()> {
        self.decide(field.at(&self.file, place))
    }

    /// The whole file cannot be understood, from `place` on.
    pub(super) fn wrong(&self, place: Place, problem: impl std::fmt::Display) -> Error {
        let file = self.file.display().to_string();
        Error::Task { file, place: place.to_string(), problem: problem.to_string() }
    }

    fn decide(&mut self, error: Error) -> Result<()> {
        if !self.skip_bad {
            return Err(error);
        }
        self.skipped.push(error.to_string());
        Ok(())
    }
}
