//! Typed access to the keys of a JSON object; every error names file, key, expected and found.

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// A JSON object with the names its errors need. `null` counts as absent.
#[derive(Debug, Clone)]
pub struct Keys<'a> {
    file: &'a str,
    prefix: String,
    map: &'a Map<String, Value>,
    /// Sizes that count where the object leaves them out.
    defaults: &'static [(&'static str, usize)],
}

impl<'a> Keys<'a> {
    pub(crate) fn new(file: &'a str, map: &'a Map<String, Value>) -> Self {
        Self { file, prefix: String::new(), map, defaults: &[] }
    }

    /// The same object with sizes for keys that it may leave out.
    pub(crate) fn with_defaults(self, defaults: &'static [(&'static str, usize)]) -> Self {
        Self { defaults, ..self }
    }

    fn default_of(&self, key: &str) -> Option<usize> {
        self.defaults.iter().find(|(of, _)| *of == key).map(|(_, size)| *size)
    }

    pub(crate) fn wrong(&self, key: &str, expected: impl ToString, found: impl ToString) -> Error {
        Error::Config {
            file: self.file.into(),
            key: format!("{}{key}", self.prefix),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    fn get<T>(&self, key: &str, expected: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.wrong(key, expected, value)),
        }
    }

    fn required<T>(&self, key: &str, expected: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.wrong(key, expected, "nothing"))
    }

    pub(crate) fn count_or_none(&self, key: &str) -> Result<Option<usize>> {
        let bounded = |v: &Value| v.as_u64().filter(|n| *n > 0 && *n < 1 << 40).and_then(|n| usize::try_from(n).ok());
        Ok(self.get(key, "a positive whole number", bounded)?.or_else(|| self.default_of(key)))
    }

    /// The first of several names for one thing that is there.
    pub(crate) fn count_of_or_none(&self, names: &[&str]) -> Result<Option<usize>> {
        match names.iter().find(|name| self.has(name)) {
            Some(name) => self.count_or_none(name),
            None => Ok(None),
        }
    }

    pub(crate) fn count_of(&self, names: &[&str]) -> Result<usize> {
        self.count(names.iter().find(|name| self.has(name)).unwrap_or(&names[0]))
    }

    /// Whether the key is there and null.
    pub(crate) fn is_null(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(Value::is_null)
    }

    /// Whether the key is there and not null.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null()) || self.default_of(key).is_some()
    }

    pub(crate) fn count_or(&self, key: &str, default: usize) -> Result<usize> {
        Ok(self.count_or_none(key)?.unwrap_or(default))
    }

    /// Like [`Keys::count_or`], but zero is a value.
    pub(crate) fn size_or(&self, key: &str, default: usize) -> Result<usize> {
        let read = |v: &Value| v.as_u64().and_then(|n| usize::try_from(n).ok());
        Ok(self.get(key, "a whole number", read)?.unwrap_or(default))
    }

    pub(crate) fn count(&self, key: &str) -> Result<usize> {
        self.required(key, "a positive whole number", self.count_or_none(key)?)
    }

    pub(crate) fn number_or_none(&self, key: &str) -> Result<Option<f64>> {
        self.get(key, "a number", Value::as_f64)
    }

    pub(crate) fn number_or(&self, key: &str, default: f64) -> Result<f64> {
        Ok(self.number_or_none(key)?.unwrap_or(default))
    }

    pub(crate) fn number(&self, key: &str) -> Result<f64> {
        self.required(key, "a number", self.number_or_none(key)?)
    }

    pub(crate) fn numbers(&self, key: &str) -> Result<Vec<f64>> {
        let read = |v: &Value| v.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<_>>>();
        self.required(key, "a list of numbers", self.get(key, "a list of numbers", read)?)
    }

    pub(crate) fn flag_or(&self, key: &str, default: bool) -> Result<bool> {
        Ok(self.get(key, "true or false", Value::as_bool)?.unwrap_or(default))
    }

    /// A switch that is implemented in one position only.
    pub(crate) fn only(&self, key: &str, implemented: bool) -> Result<()> {
        if self.flag_or(key, implemented)? == implemented {
            return Ok(());
        }
        Err(self.wrong(key, implemented, !implemented))
    }

    pub(crate) fn string_or(&self, key: &str, default: &str) -> Result<String> {
        Ok(self.get(key, "a text", Value::as_str)?.unwrap_or(default).to_owned())
    }

    pub(crate) fn string(&self, key: &str) -> Result<String> {
        self.required(key, "a text", self.get(key, "a text", Value::as_str)?).map(str::to_owned)
    }

    pub(crate) fn strings_or_none(&self, key: &str) -> Result<Option<Vec<String>>> {
        let read = |v: &Value| v.as_array()?.iter().map(|s| s.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
        self.get(key, "a list of texts", read)
    }

    pub(crate) fn array_or_none(&self, key: &str) -> Result<Option<&'a Vec<Value>>> {
        self.get(key, "a list", Value::as_array)
    }

    /// One id or a list of ids.
    pub(crate) fn ids_or_none(&self, key: &str) -> Result<Vec<u32>> {
        let id = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
        let read = |v: &Value| match v {
            Value::Array(list) => list.iter().map(id).collect::<Option<Vec<_>>>(),
            single => id(single).map(|n| vec![n]),
        };
        Ok(self.get(key, "a token id or a list of them", read)?.unwrap_or_default())
    }

    pub(crate) fn object_or_none(&self, key: &str) -> Result<Option<Keys<'a>>> {
        let map = self.get(key, "an object", Value::as_object)?;
        Ok(map.map(|map| Self { file: self.file, prefix: format!("{}{key}.", self.prefix), map, defaults: &[] }))
    }
}
