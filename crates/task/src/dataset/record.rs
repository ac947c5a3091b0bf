//! One record of a data set: typed access to its fields, with errors that name file, location and field.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::Error;

/// A missing or malformed field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadField {
    /// Name of the field.
    pub field: String,
    /// Expected and found.
    pub problem: String,
}

impl BadField {
    /// A problem with the field of this name.
    pub(crate) fn new(field: &str, problem: impl Into<String>) -> Self {
        Self { field: field.to_owned(), problem: problem.into() }
    }

    /// The error that names the file and the location of the field's record.
    pub(super) fn at(&self, file: &Path, location: RecordLocation) -> Error {
        let file = file.display().to_string();
        Error::Task { file, place: format!("{location}, `{}`", self.field), problem: self.problem.clone() }
    }
}

/// Location of a record in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordLocation {
    /// Line of a text file, counted from 1.
    Line(usize),
    /// Entry of a list or of a Parquet file, counted from 0.
    Record(usize),
}

impl RecordLocation {
    /// Number of the line or entry.
    pub fn number(self) -> usize {
        match self {
            Self::Line(number) | Self::Record(number) => number,
        }
    }
}

impl std::fmt::Display for RecordLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Record(number) => write!(f, "record {number}"),
        }
    }
}

/// One entry of a data file: named JSON values. A field inside another is named with a dot: `choices.text`.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// File that contains the record.
    pub file: Arc<Path>,
    /// Location in that file.
    pub location: RecordLocation,
    /// Values by field name, in the order of the file.
    pub fields: Map<String, Value>,
}

impl Record {
    /// A record of `file`.
    pub(crate) fn new(file: &Arc<Path>, location: RecordLocation, fields: Map<String, Value>) -> Self {
        Self { file: Arc::clone(file), location, fields }
    }

    /// The error for a bad field of this record.
    pub(crate) fn error(&self, bad: &BadField) -> Error {
        bad.at(&self.file, self.location)
    }

    /// Value of a field; `None` if it is missing or null.
    pub fn optional(&self, field: &str) -> Option<&Value> {
        let nested = || field.split_once('.').and_then(|(outer, inner)| self.fields.get(outer)?.get(inner));
        self.fields.get(field).or_else(nested).filter(|value| !value.is_null())
    }

    /// Value of a field.
    ///
    /// # Errors
    /// The field is missing or null.
    pub fn value(&self, field: &str) -> Result<&Value, BadField> {
        let found = || match self.fields.contains_key(field) {
            true => "expected a value, found null".to_owned(),
            false => {
                let names: Vec<&str> = self.fields.keys().map(String::as_str).collect();
                format!("expected this field, found {}", names.join(", "))
            }
        };
        self.optional(field).ok_or_else(|| BadField::new(field, found()))
    }

    /// A text field, untrimmed.
    ///
    /// # Errors
    /// The field is missing, not a text, or only white space.
    pub fn text(&self, field: &str) -> Result<&str, BadField> {
        match self.value(field)? {
            Value::String(text) if !text.trim().is_empty() => Ok(text),
            Value::String(_) => Err(BadField::new(field, "expected a text, found an empty one")),
            other => Err(BadField::new(field, format!("expected a text, found {other}"))),
        }
    }

    /// A list of texts. In CSV and TSV, where all values are texts, a list written as JSON.
    ///
    /// # Errors
    /// The field is missing or not a list, or an entry is not a text or only white space.
    pub fn texts(&self, field: &str) -> Result<Vec<String>, BadField> {
        let text = |value: Value| match value {
            Value::String(text) if !text.trim().is_empty() => Ok(text),
            Value::String(_) => Err(BadField::new(field, "expected texts, found an empty one")),
            other => Err(BadField::new(field, format!("expected texts, found {other}"))),
        };
        self.list(field)?.into_iter().map(text).collect()
    }

    /// A list. In CSV and TSV, where all values are texts, a list written as JSON.
    ///
    /// # Errors
    /// The field is missing or not a list.
    pub fn list(&self, field: &str) -> Result<Vec<Value>, BadField> {
        let value = self.value(field)?;
        let list = match value {
            Value::Array(list) => Some(list.clone()),
            Value::String(text) if text.trim_start().starts_with('[') => serde_json::from_str(text).ok(),
            _ => None,
        };
        list.ok_or_else(|| BadField::new(field, format!("expected a list, found {value}")))
    }

    /// An index below `n`, as a number or as text.
    ///
    /// # Errors
    /// The field is missing, not a whole number, or at least `n`.
    pub fn index(&self, field: &str, n: usize) -> Result<usize, BadField> {
        let value = self.value(field)?;
        let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        let index = number.and_then(|i| usize::try_from(i).ok()).filter(|i| *i < n);
        index.ok_or_else(|| BadField::new(field, format!("expected an index below {n}, found {value}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> Record {
        let file: Arc<Path> = Path::new("some.json").into();
        Record::new(&file, RecordLocation::Record(3), serde_json::from_str(text).expect("the test's JSON is valid"))
    }

    #[test]
    fn fields_have_the_expected_types() {
        let record = record(
            r#"{"t":" a ","l":["x","y"],"c":"[\"x\", \"y\"]","i":1,"j":"1","n":null,"o":{"t":["z"]},"a.b":"d"}"#,
        );
        assert_eq!(record.text("t"), Ok(" a "));
        assert_eq!(record.texts("l"), record.texts("c"));
        assert_eq!((record.index("i", 2), record.index("j", 2)), (Ok(1), Ok(1)));
        assert_eq!((record.texts("o.t"), record.text("a.b")), (Ok(vec!["z".to_owned()]), Ok("d")));
        assert_eq!(record.optional("n"), None);
    }

    #[test]
    fn errors_name_the_field_and_the_value_found() {
        let record = record(r#"{"blank":" ","l":["x",""],"m":["x",1],"i":2,"neg":-1,"n":null}"#);
        let problem = |bad: BadField| record.error(&bad).to_string();
        let missing = problem(record.text("t").unwrap_err());
        assert_eq!(missing, "some.json: record 3, `t`: expected this field, found blank, l, m, i, neg, n");
        assert!(problem(record.text("n").unwrap_err()).contains("found null"));
        assert!(problem(record.text("blank").unwrap_err()).contains("found an empty one"));
        assert!(problem(record.text("i").unwrap_err()).contains("found 2"));
        assert!(problem(record.texts("l").unwrap_err()).contains("found an empty one"));
        assert!(problem(record.texts("m").unwrap_err()).contains("found 1"));
        assert!(problem(record.texts("blank").unwrap_err()).contains("expected a list"));
        assert!(problem(record.index("i", 2).unwrap_err()).contains("expected an index below 2, found 2"));
        assert!(record.index("neg", 2).is_err() && record.index("blank", 2).is_err());
        assert!(record.text("l.x").is_err());
    }
}
