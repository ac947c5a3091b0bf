//! One row of a data set, and what can be wrong with its fields.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::Error;

/// A field that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadField {
    /// Its name.
    pub field: String,
    /// What was expected, and what was found.
    pub problem: String,
}

impl BadField {
    /// A problem with a field.
    pub fn new(field: &str, problem: impl Into<String>) -> Self {
        Self { field: field.to_owned(), problem: problem.into() }
    }

    /// The error that names where the field stands.
    pub fn at(&self, file: &Path, place: Place) -> Error {
        let file = file.display().to_string();
        Error::Task { file, place: format!("{place}, `{}`", self.field), problem: self.problem.clone() }
    }
}

/// Where a row stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line of a text, from 1.
    Line(usize),
    /// An entry of a list or table, from 0.
    Record(usize),
}

impl Place {
    /// Its number.
    pub fn number(self) -> usize {
        match self {
            Self::Line(number) | Self::Record(number) => number,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Record(number) => write!(f, "record {number}"),
        }
    }
}

/// One row. A field of a field is named with a dot: `choices.text`.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its file.
    pub file: Arc<Path>,
    /// Where it stands there.
    pub place: Place,
    /// Its fields.
    pub fields: Map<String, Value>,
}

impl Record {
    /// A row at a place.
    pub fn new(file: &Arc<Path>, place: Place, fields: Map<String, Value>) -> Self {
        Self { file: Arc::clone(file), place, fields }
    }

    /// The error that names where a field of this row stands.
    pub fn error(&self, bad: &BadField) -> Error {
        bad.at(&self.file, self.place)
    }

    /// A field that is there and not null.
    pub fn optional(&self, field: &str) -> Option<&Value> {
        let nested = || field.split_once('.').and_then(|(outer, inner)| self.fields.get(outer)?.get(inner));
        self.fields.get(field).or_else(nested).filter(|value| !value.is_null())
    }

    /// A field as it stands.
    ///
    /// # Errors
    /// There is none, or it is null.
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

    /// A text that is not blank, untrimmed.
    ///
    /// # Errors
    /// It is missing, something else, or blank.
    pub fn text(&self, field: &str) -> Result<&str, BadField> {
        match self.value(field)? {
            Value::String(text) if !text.trim().is_empty() => Ok(text),
            Value::String(_) => Err(BadField::new(field, "expected a text, found an empty one")),
            other => Err(BadField::new(field, format!("expected a text, found {other}"))),
        }
    }

    /// A list of texts that are not blank; in a table, the text of a JSON list.
    ///
    /// # Errors
    /// It is missing, no list, or an entry is no text.
    pub fn texts(&self, field: &str) -> Result<Vec<String>, BadField> {
        let text = |value: Value| match value {
            Value::String(text) if !text.trim().is_empty() => Ok(text),
            Value::String(_) => Err(BadField::new(field, "expected texts, found an empty one")),
            other => Err(BadField::new(field, format!("expected texts, found {other}"))),
        };
        self.list(field)?.into_iter().map(text).collect()
    }

    /// A list; in a table, the text of a JSON list.
    ///
    /// # Errors
    /// It is missing or no list.
    pub fn list(&self, field: &str) -> Result<Vec<Value>, BadField> {
        let value = self.value(field)?;
        let list = match value {
            Value::Array(list) => Some(list.clone()),
            Value::String(text) if text.trim_start().starts_with('[') => serde_json::from_str(text).ok(),
            _ => None,
        };
        list.ok_or_else(|| BadField::new(field, format!("expected a list, found {value}")))
    }

    /// An index below `n`, as a number or its text.
    ///
    /// # Errors
    /// It is missing, no whole number, or `n` or more.
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

    fn row(text: &str) -> Record {
        let file: Arc<Path> = Path::new("some.json").into();
        Record::new(&file, Place::Record(3), serde_json::from_str(text).expect("the test's JSON is valid"))
    }

    #[test]
    fn fields_are_what_they_should_be() {
        let row =
            row(r#"{"t":" a ","l":["x","y"],"c":"[\"x\", \"y\"]","i":1,"j":"1","n":null,"o":{"t":["z"]},"a.b":"d"}"#);
        assert_eq!(row.text("t"), Ok(" a "));
        assert_eq!(row.texts("l"), row.texts("c"));
        assert_eq!((row.index("i", 2), row.index("j", 2)), (Ok(1), Ok(1)));
        assert_eq!((row.texts("o.t"), row.text("a.b")), (Ok(vec!["z".to_owned()]), Ok("d")));
        assert_eq!(row.optional("n"), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let row = row(r#"{"blank":" ","l":["x",""],"m":["x",1],"i":2,"neg":-1,"n":null}"#);
        let problem = |bad: BadField| row.error(&bad).to_string();
        let missing = problem(row.text("t").unwrap_err());
        assert_eq!(missing, "some.json: record 3, `t`: expected this field, found blank, l, m, i, neg, n");
        assert!(problem(row.text("n").unwrap_err()).contains("found null"));
        assert!(problem(row.text("blank").unwrap_err()).contains("found an empty one"));
        assert!(problem(row.text("i").unwrap_err()).contains("found 2"));
        assert!(problem(row.texts("l").unwrap_err()).contains("found an empty one"));
        assert!(problem(row.texts("m").unwrap_err()).contains("found 1"));
        assert!(problem(row.texts("blank").unwrap_err()).contains("expected a list"));
        assert!(problem(row.index("i", 2).unwrap_err()).contains("expected an index below 2, found 2"));
        assert!(row.index("neg", 2).is_err() && row.index("blank", 2).is_err());
        assert!(row.text("l.x").is_err());
    }
}
