//! Reads the keys of a YAML mapping one by one. A key that was not read is an error that lists the keys that were.
//!
//! Not shared with the reader of `config.json` in `laser_model`: a `config.json` has many keys that do not matter here,
//! so that reader borrows the object, ignores unknown keys and reports model errors. A task file must not have unknown
//! keys, so this reader removes each key that it reads, from a map that it owns. Little more than a match on the type
//! of a value would be left to share.

use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The keys of a mapping that were not read yet.
#[derive(Debug)]
pub(super) struct KeyReader<'a> {
    file: &'a Path,
    /// Path of the mapping in the file, written before a key's name in errors: empty, or `metric_list[0].`.
    prefix: String,
    unread: Map<String, Value>,
    /// Keys that were asked for, present or not: the keys that are supported.
    known: Vec<&'static str>,
}

impl<'a> KeyReader<'a> {
    /// Reads the top-level keys of a file. A key with the value null counts as absent.
    pub(super) fn new(file: &'a Path, map: Map<String, Value>) -> Self {
        Self::nested(file, String::new(), map)
    }

    fn nested(file: &'a Path, prefix: String, map: Map<String, Value>) -> Self {
        let unread = map.into_iter().filter(|(_, value)| !value.is_null()).collect();
        Self { file, prefix, unread, known: Vec::new() }
    }

    /// An error that names the file and the key.
    pub(super) fn error(&self, key: &str, problem: impl Into<String>) -> Error {
        let place = format!("`{}{key}`", self.prefix);
        Error::Task { file: self.file.display().to_string(), place, problem: problem.into() }
    }

    fn expected(&self, key: &str, expected: &str, found: &Value) -> Error {
        self.error(key, format!("expected {expected}, found {found}"))
    }

    /// Fails if one of `keys` is present; each key comes with the reason why it is not supported.
    pub(super) fn refuse(&self, keys: &[(&str, &str)]) -> Result<()> {
        match keys.iter().find(|(key, _)| self.unread.contains_key(*key)) {
            Some((key, why)) => Err(self.error(key, format!("not supported: {why}"))),
            None => Ok(()),
        }
    }

    /// Takes a value of any type; `None` if the key is absent.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.unread.shift_remove(key)
    }

    /// Takes a value that `convert` accepts; `expected` names such values in the error for others.
    fn take_as<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        convert: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        convert(&value).map(Some).ok_or_else(|| self.expected(key, expected, &value))
    }

    /// Takes a text.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        self.take_as(key, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// Takes a text, or a list of texts.
    pub(super) fn texts(&mut self, key: &'static str) -> Result<Option<Vec<String>>> {
        self.take(key).map(|value| self.as_texts(key, value)).transpose()
    }

    /// A value that was taken, as a list of texts; a single text is a list of one.
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

    /// Takes a whole number from 0 up.
    pub(super) fn count(&mut self, key: &'static str) -> Result<Option<usize>> {
        let convert = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
        self.take_as(key, "a whole number from 0 up", convert)
    }

    /// Takes a whole number, which may be negative.
    pub(super) fn integer(&mut self, key: &'static str) -> Result<Option<i64>> {
        self.take_as(key, "a whole number", Value::as_i64)
    }

    /// Takes true or false.
    pub(super) fn flag(&mut self, key: &'static str) -> Result<Option<bool>> {
        self.take_as(key, "true or false", Value::as_bool)
    }

    /// Takes a mapping, to be read by a reader of its own.
    pub(super) fn mapping(&mut self, key: &'static str) -> Result<Option<KeyReader<'a>>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self::nested(self.file, format!("{}{key}.", self.prefix), map))),
            Some(other) => Err(self.expected(key, "keys with values", &other)),
        }
    }

    /// Takes a list of mappings, each to be read by a reader of its own.
    pub(super) fn list(&mut self, key: &'static str) -> Result<Option<Vec<KeyReader<'a>>>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let Value::Array(list) = value else { return Err(self.expected(key, "a list", &value)) };
        let entry = |(i, value): (usize, Value)| match value {
            Value::Object(map) => Ok(Self::nested(self.file, format!("{}{key}[{i}].", self.prefix), map)),
            other => Err(self.expected(&format!("{key}[{i}]"), "keys with values", &other)),
        };
        list.into_iter().enumerate().map(entry).collect::<Result<_>>().map(Some)
    }

    /// Takes a value that has no effect; fails unless it is one of `supported`.
    pub(super) fn accept_only(&mut self, key: &'static str, supported: &[Value]) -> Result<()> {
        match self.take(key) {
            Some(value) if !supported.contains(&value) => {
                let supported: Vec<String> = supported.iter().map(Value::to_string).collect();
                Err(self.expected(key, &format!("{}, which is all that is supported", supported.join(" or ")), &value))
            }
            _ => Ok(()),
        }
    }

    /// Fails if the mapping has a key that was not read.
    pub(super) fn finish(self) -> Result<()> {
        match self.unread.keys().next() {
            None => Ok(()),
            Some(key) => {
                let known = self.known.join(", ");
                Err(self.error(key, format!("not supported: expected one of {known}")))
            }
        }
    }
}
