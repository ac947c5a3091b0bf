//! One row of a data set, and what can be wrong with its fields.

use serde_json::{Map, Value};

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
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Line of a text file from 1, or record of a list or table from 0.
    pub place: usize,
    /// Its fields.
    pub fields: Map<String, Value>,
}

impl Row {
    /// A row at a place.
    pub fn new(place: usize, fields: Map<String, Value>) -> Self {
        Self { place, fields }
    }

    /// A field as it stands.
    ///
    /// # Errors
    /// There is none.
    pub fn value(&self, field: &str) -> Result<&Value, BadField> {
        let found = || {
            let names: Vec<&str> = self.fields.keys().map(String::as_str).collect();
            format!("expected this field, found {}", names.join(", "))
        };
        self.fields.get(field).ok_or_else(|| BadField::new(field, found()))
    }

    /// A text that is not empty, untrimmed.
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

    /// A list of texts that are not empty.
    ///
    /// # Errors
    /// It is missing, no list, or an entry is no text.
    pub fn texts(&self, field: &str) -> Result<Vec<String>, BadField> {
        let list = self.value(field)?;
        let list = list.as_array().ok_or_else(|| BadField::new(field, format!("expected a list, found {list}")))?;
        let text = |value: &Value| match value {
            Value::String(text) if !text.trim().is_empty() => Ok(text.clone()),
            other => Err(BadField::new(field, format!("expected texts, found {other}"))),
        };
        list.iter().map(text).collect()
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
