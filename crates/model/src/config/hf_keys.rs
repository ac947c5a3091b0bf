//! Typed access to the keys of `config.json`; every error names file, key, expected and found.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The keys of `config.json` that were read, by their paths (`rope_scaling.factor`).
#[derive(Debug, Default)]
pub(crate) struct ReadKeys(RefCell<BTreeSet<String>>);

/// An object of `config.json`. A key whose value is `null` counts as missing.
///
/// Methods named `…_or_none` and `…_or` accept a missing key; the others return an error.
#[derive(Debug, Clone)]
pub(crate) struct HfKeys<'a> {
    /// Named in errors.
    file: &'a str,
    /// Path of the object within the file, such as `rope_scaling.`; empty for the outermost one.
    prefix: String,
    map: &'a Map<String, Value>,
    /// Values of missing keys that are sizes, in lists of which the first with a key wins.
    defaults: Vec<&'static [(&'static str, usize)]>,
    /// Which keys were read, of the whole file.
    read: &'a ReadKeys,
}

impl<'a> HfKeys<'a> {
    pub(crate) fn new(file: &'a str, map: &'a Map<String, Value>, read: &'a ReadKeys) -> Self {
        Self { file, prefix: String::new(), map, defaults: Vec::new(), read }
    }

    /// The file, as errors name it.
    pub(crate) fn file(&self) -> &'a str {
        self.file
    }

    /// The same object with values for missing keys that are sizes. Called again, it adds values for further keys.
    pub(crate) fn with_defaults(mut self, defaults: &'static [(&'static str, usize)]) -> Self {
        self.defaults.push(defaults);
        self
    }

    fn default_of(&self, key: &str) -> Option<usize> {
        self.defaults.iter().copied().flatten().find(|(of, _)| *of == key).map(|(_, size)| *size)
    }

    /// The error that a key has another value than expected.
    pub(crate) fn wrong(&self, key: &str, expected: impl ToString, found: impl ToString) -> Error {
        Error::Config {
            file: self.file.into(),
            key: self.path(key),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    /// Remembers that a key was read.
    fn mark(&self, key: &str) {
        if self.map.contains_key(key) {
            self.read.0.borrow_mut().insert(self.path(key));
        }
    }

    /// Path of a key within the file.
    pub(crate) fn path(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// All keys of this object with their values, in the order of their names.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        self.map.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Whether the object has no keys.
    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Keys of this object that nobody has read, with their values, in the order of their names.
    pub(crate) fn unread(&self) -> Vec<(&'a str, &'a Value)> {
        let read = self.read.0.borrow();
        let unread = self.map.iter().filter(|(key, _)| !read.contains(&self.path(key)));
        unread.map(|(key, value)| (key.as_str(), value)).collect()
    }

    /// The value of a key as `read` converts it, `None` for a missing key; a value that `read` rejects is an error.
    fn get<T>(&self, key: &str, expected: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        self.mark(key);
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.wrong(key, expected, value)),
        }
    }

    fn required<T>(&self, key: &str, expected: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.wrong(key, expected, "nothing"))
    }

    /// A positive size, below 2⁴⁰, or the family's default.
    pub(crate) fn count_or_none(&self, key: &str) -> Result<Option<usize>> {
        let bounded = |v: &Value| v.as_u64().filter(|n| *n > 0 && *n < 1 << 40).and_then(|n| usize::try_from(n).ok());
        Ok(self.get(key, "a positive whole number", bounded)?.or_else(|| self.default_of(key)))
    }

    /// A positive size under the first of several keys that is present.
    pub(crate) fn count_of_or_none(&self, names: &[&str]) -> Result<Option<usize>> {
        match names.iter().find(|name| self.has(name)) {
            Some(name) => {
                // The same value under a second name counts as read too.
                let same = names.iter().filter(|other| self.map.get(**other) == self.map.get(*name));
                same.for_each(|other| self.mark(other));
                self.count_or_none(name)
            }
            None => Ok(None),
        }
    }

    /// Like [`HfKeys::count_of_or_none`]; the error for a missing size names the first key.
    pub(crate) fn count_of(&self, names: &[&str]) -> Result<usize> {
        self.required(names[0], "a positive whole number", self.count_of_or_none(names)?)
    }

    /// Whether the key is present with the value `null`.
    pub(crate) fn is_null(&self, key: &str) -> bool {
        self.mark(key);
        self.map.get(key).is_some_and(Value::is_null)
    }

    /// Whether the key is present and not `null`, or has a default.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null()) || self.default_of(key).is_some()
    }

    pub(crate) fn count_or(&self, key: &str, default: usize) -> Result<usize> {
        Ok(self.count_or_none(key)?.unwrap_or(default))
    }

    /// Like [`HfKeys::count_or`], but 0 is allowed, and the family's defaults are not used.
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

    /// Rejects the value of a flag that is not implemented; a missing key counts as `implemented`.
    pub(crate) fn only(&self, key: &str, implemented: bool) -> Result<()> {
        if self.flag_or(key, implemented)? == implemented {
            return Ok(());
        }
        Err(self.wrong(key, implemented, !implemented))
    }

    /// Rejects a text other than the one that is implemented; a missing key counts as that one.
    pub(crate) fn only_text(&self, key: &str, implemented: &str) -> Result<()> {
        match self.string_or(key, implemented)? {
            found if found == implemented => Ok(()),
            found => Err(self.wrong(key, implemented, found)),
        }
    }

    pub(crate) fn string_or(&self, key: &str, default: &str) -> Result<String> {
        Ok(self.get(key, "a text", Value::as_str)?.unwrap_or(default).to_owned())
    }

    pub(crate) fn string(&self, key: &str) -> Result<String> {
        self.required(key, "a text", self.get(key, "a text", Value::as_str)?).map(str::to_owned)
    }

    /// A text; `None` for a missing key and for a value of another type.
    pub(crate) fn text_or_none(&self, key: &str) -> Option<String> {
        self.mark(key);
        self.map.get(key).and_then(Value::as_str).map(str::to_owned)
    }

    pub(crate) fn strings_or_none(&self, key: &str) -> Result<Option<Vec<String>>> {
        let read = |v: &Value| v.as_array()?.iter().map(|s| s.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
        self.get(key, "a list of texts", read)
    }

    pub(crate) fn array_or_none(&self, key: &str) -> Result<Option<&'a Vec<Value>>> {
        self.get(key, "a list", Value::as_array)
    }

    /// Whole numbers, one or a list of them; empty for a missing key.
    pub(crate) fn integers_or_none(&self, key: &str) -> Result<Vec<i64>> {
        let read = |v: &Value| match v {
            Value::Array(list) => list.iter().map(Value::as_i64).collect::<Option<Vec<_>>>(),
            single => single.as_i64().map(|n| vec![n]),
        };
        Ok(self.get(key, "a whole number or a list of them", read)?.unwrap_or_default())
    }

    /// A token id or a list of them; empty for a missing key.
    pub(crate) fn ids_or_none(&self, key: &str) -> Result<Vec<u32>> {
        let id = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
        let read = |v: &Value| match v {
            Value::Array(list) => list.iter().map(id).collect::<Option<Vec<_>>>(),
            single => id(single).map(|n| vec![n]),
        };
        Ok(self.get(key, "a token id or a list of them", read)?.unwrap_or_default())
    }

    /// An object within this one.
    pub(crate) fn object_or_none(&self, key: &str) -> Result<Option<Self>> {
        let map = self.get(key, "an object", Value::as_object)?;
        let prefix = format!("{}{key}.", self.prefix);
        Ok(map.map(|map| Self { file: self.file, prefix, map, defaults: Vec::new(), read: self.read }))
    }
}
