//! The keys of a mapping, taken one by one: what is left over is an error that says what would have been right.

use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Keys that were not taken yet.
#[derive(Debug)]
pub(super) struct Keys<'a> {
    file: &'a Path,
    /// What stands before a key's name in an error: empty, or `metric_list[0].`.
    within: String,
    left: Map<String, Value>,
    taken: Vec<&'static str>,
}

impl<'a> Keys<'a> {
    /// The keys of a file. A key without a value is as good as none.
    pub(super) fn new(file: &'a Path, map: Map<String, Value>) -> Self {
        Self::within(file, String::new(), map)
    }

    fn within(file: &'a Path, within: String, map: Map<String, Value>) -> Self {
        let left = map.into_iter().filter(|(_, value)| !value.is_null()).collect();
        Self { file, within, left, taken: Vec::new() }
    }

    /// What is wrong with a key.
    pub(super) fn wrong(&self, key: &str, problem: impl Into<String>) -> Error {
        let place = format!("`{}{key}`", self.within);
        Error::Task { file: self.file.display().to_string(), place, problem: problem.into() }
    }

    fn expected(&self, key: &str, expected: &str, found: &Value) -> Error {
        self.wrong(key, format!("expected {expected}, found {found}"))
    }

    /// Refuses keys that are known and not followed, each with why.
    pub(super) fn refuse(&self, keys: &[(&str, &str)]) -> Result<()> {
        match keys.iter().find(|(key, _)| self.left.contains_key(*key)) {
            Some((key, why)) => Err(self.wrong(key, format!("not supported: {why}"))),
            None => Ok(()),
        }
    }

    /// A value of any kind.
    pub(super) fn value(&mut self, key: &'static str) -> Option<Value> {
        self.taken.push(key);
        self.left.shift_remove(key)
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.expected(key, "a text", &other)),
        }
    }

    /// A text, or a list of texts.
    pub(super) fn texts(&mut self, key: &'static str) -> Result<Option<Vec<String>>> {
        self.value(key).map(|value| self.as_texts(key, value)).transpose()
    }

    /// A value as a list of texts.
    pub(super) fn as_texts(&self, key: &str, value: Value) -> Result<Vec<String>> {
        let expected = |found: &Value| self.expected(key, "a text or a list of texts", found);
        match value {
            Value::String(text) => Ok(vec![text]),
            Value::Array(list) => {
                let text = |value| if let Value::String(text) = value { Ok(text) } else { Err(expected(&value)) };
                list.into_iter().map(text).collect()
            }
            other => Err(expected(&other)),
        }
    }

    /// A number from 0 up.
    pub(super) fn count(&mut self, key: &'static str) -> Result<Option<usize>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let count = value.as_u64().and_then(|n| usize::try_from(n).ok());
        count.map(Some).ok_or_else(|| self.expected(key, "a whole number from 0 up", &value))
    }

    /// A whole number.
    pub(super) fn integer(&mut self, key: &'static str) -> Result<Option<i64>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| self.expected(key, "a whole number", &value))
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &'static str) -> Result<Option<bool>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.expected(key, "true or false", &value))
    }

    /// A mapping.
    pub(super) fn keys(&mut self, key: &'static str) -> Result<Option<Keys<'a>>> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self::within(self.file, format!("{}{key}.", self.within), map))),
            Some(other) => Err(self.expected(key, "keys with values", &other)),
        }
    }

    /// A list of mappings; none where there is no key.
    pub(super) fn list(&mut self, key: &'static str) -> Result<Option<Vec<Keys<'a>>>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let Value::Array(list) = value else { return Err(self.expected(key, "a list", &value)) };
        let entry = |(i, value): (usize, Value)| match value {
            Value::Object(map) => Ok(Self::within(self.file, format!("{}{key}[{i}].", self.within), map)),
            other => Err(self.expected(&format!("{key}[{i}]"), "keys with values", &other)),
        };
        list.into_iter().enumerate().map(entry).collect::<Result<_>>().map(Some)
    }

    /// Takes a key whose only supported values are those given.
    pub(super) fn only(&mut self, key: &'static str, supported: &[Value]) -> Result<()> {
        match self.value(key) {
            Some(value) if !supported.contains(&value) => {
                let supported: Vec<String> = supported.iter().map(Value::to_string).collect();
                Err(self.expected(key, &format!("{}, which is all that is supported", supported.join(" or ")), &value))
            }
            _ => Ok(()),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// A key was not taken.
    pub(super) fn end(self) -> Result<()> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(key) => {
                let known = self.taken.join(", ");
                Err(self.wrong(key, format!("not supported: expected one of {known}")))
            }
        }
    }
}
