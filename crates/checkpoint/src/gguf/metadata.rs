//! The metadata of a GGUF file, a list of keys with values: the header reader fills it, and code that knows the meaning
//! of the keys reads it.
//!
//! Keys keep the order of the file. The typed getters convert from every stored type if nothing is lost; otherwise
//! their error names the key, the expected type and the stored one.

use std::collections::HashMap;

use crate::error::CheckpointError;

/// A metadata value, in the type in which the file stores it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Unsigned 8-bit integer.
    U8(u8),
    /// Signed 8-bit integer.
    I8(i8),
    /// Unsigned 16-bit integer.
    U16(u16),
    /// Signed 16-bit integer.
    I16(i16),
    /// Unsigned 32-bit integer.
    U32(u32),
    /// Signed 32-bit integer.
    I32(i32),
    /// 32-bit float.
    F32(f32),
    /// Unsigned 64-bit integer.
    U64(u64),
    /// Signed 64-bit integer.
    I64(i64),
    /// 64-bit float.
    F64(f64),
    /// Truth value.
    Bool(bool),
    /// UTF-8 text.
    String(String),
    /// A list of values of one type.
    Array(Array),
}

/// A metadata list of elements of one type.
///
/// One vector for each type instead of a vector of [`Value`]s, because vocabularies have hundreds of thousands of
/// entries.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    /// Unsigned 8-bit integers.
    U8(Vec<u8>),
    /// Signed 8-bit integers.
    I8(Vec<i8>),
    /// Unsigned 16-bit integers.
    U16(Vec<u16>),
    /// Signed 16-bit integers.
    I16(Vec<i16>),
    /// Unsigned 32-bit integers.
    U32(Vec<u32>),
    /// Signed 32-bit integers.
    I32(Vec<i32>),
    /// 32-bit floats.
    F32(Vec<f32>),
    /// Unsigned 64-bit integers.
    U64(Vec<u64>),
    /// Signed 64-bit integers.
    I64(Vec<i64>),
    /// 64-bit floats.
    F64(Vec<f64>),
    /// Truth values.
    Bools(Vec<bool>),
    /// UTF-8 texts.
    Strings(Vec<String>),
    /// Lists of lists.
    Nested(Vec<Array>),
}

impl Value {
    /// Name of the stored type for messages, such as `u32`, `string` or `array of i32`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::U8(_) => "u8",
            Value::I8(_) => "i8",
            Value::U16(_) => "u16",
            Value::I16(_) => "i16",
            Value::U32(_) => "u32",
            Value::I32(_) => "i32",
            Value::F32(_) => "f32",
            Value::U64(_) => "u64",
            Value::I64(_) => "i64",
            Value::F64(_) => "f64",
            Value::Bool(_) => "bool",
            Value::String(_) => "string",
            Value::Array(array) => array.type_name(),
        }
    }

    /// The value as an integer, if it has one of the eight integer types; an `i128` holds all of them.
    fn integer(&self) -> Option<i128> {
        Some(match self {
            Value::U8(v) => i128::from(*v),
            Value::I8(v) => i128::from(*v),
            Value::U16(v) => i128::from(*v),
            Value::I16(v) => i128::from(*v),
            Value::U32(v) => i128::from(*v),
            Value::I32(v) => i128::from(*v),
            Value::U64(v) => i128::from(*v),
            Value::I64(v) => i128::from(*v),
            _ => return None,
        })
    }
}

impl Array {
    /// Name of the stored type for messages, such as `array of i32`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Array::U8(_) => "array of u8",
            Array::I8(_) => "array of i8",
            Array::U16(_) => "array of u16",
            Array::I16(_) => "array of i16",
            Array::U32(_) => "array of u32",
            Array::I32(_) => "array of i32",
            Array::F32(_) => "array of f32",
            Array::U64(_) => "array of u64",
            Array::I64(_) => "array of i64",
            Array::F64(_) => "array of f64",
            Array::Bools(_) => "array of bool",
            Array::Strings(_) => "array of strings",
            Array::Nested(_) => "array of arrays",
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Array::U8(v) => v.len(),
            Array::I8(v) => v.len(),
            Array::U16(v) => v.len(),
            Array::I16(v) => v.len(),
            Array::U32(v) => v.len(),
            Array::I32(v) => v.len(),
            Array::F32(v) => v.len(),
            Array::U64(v) => v.len(),
            Array::I64(v) => v.len(),
            Array::F64(v) => v.len(),
            Array::Bools(v) => v.len(),
            Array::Strings(v) => v.len(),
            Array::Nested(v) => v.len(),
        }
    }

    /// Tells whether the list has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The metadata of one GGUF file, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    entries: Vec<(String, Value)>,
    /// Position in `entries` of each key.
    position_of: HashMap<String, usize>,
}

impl Metadata {
    /// Makes metadata of these keys and values, in this order.
    ///
    /// # Errors
    /// [`CheckpointError::DuplicateKey`] if a key occurs twice.
    pub fn from_pairs(pairs: Vec<(String, Value)>) -> Result<Self, CheckpointError> {
        let mut metadata = Self::default();
        for (key, value) in pairs {
            if metadata.position_of.contains_key(&key) {
                return Err(CheckpointError::DuplicateKey { key });
            }
            metadata.position_of.insert(key.clone(), metadata.entries.len());
            metadata.entries.push((key, value));
        }
        Ok(metadata)
    }

    /// These metadata without some keys, the others in their order.
    pub(crate) fn without(self, keys: &[&str]) -> Self {
        let kept = self.entries.into_iter().filter(|(key, _)| !keys.contains(&key.as_str()));
        Self::from_pairs(kept.collect()).expect("keys that are distinct stay distinct")
    }

    /// These metadata with other values for some keys; new keys come last, in the order given.
    #[must_use]
    pub fn with(mut self, pairs: Vec<(String, Value)>) -> Self {
        for (key, value) in pairs {
            match self.position_of.get(&key) {
                Some(&at) => self.entries[at].1 = value,
                None => {
                    self.position_of.insert(key.clone(), self.entries.len());
                    self.entries.push((key, value));
                }
            }
        }
        self
    }

    /// The value of `key`; `None` if the key is absent.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.position_of.get(key).map(|&at| &self.entries[at].1)
    }

    /// All keys and values, in the order of the file.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value of `key` as a non-negative integer, stored in any integer type; `None` if the key is absent.
    ///
    /// # Errors
    /// [`CheckpointError::MetadataType`] if the value has another type or is negative.
    pub fn u64(&self, key: &str) -> Result<Option<u64>, CheckpointError> {
        self.typed(key, "a non-negative integer", |value| u64::try_from(value.integer()?).ok())
    }

    /// The value of `key` as a float, stored as a float or as an integer that an `f64` holds exactly; `None` if the key
    /// is absent.
    ///
    /// # Errors
    /// [`CheckpointError::MetadataType`] if the value is no such number.
    pub fn f64(&self, key: &str) -> Result<Option<f64>, CheckpointError> {
        self.typed(key, "a number", |value| match value {
            Value::F32(v) => Some(f64::from(*v)),
            Value::F64(v) => Some(*v),
            other => exact_f64(other.integer()?),
        })
    }

    /// The truth value of `key`; `None` if the key is absent.
    ///
    /// # Errors
    /// [`CheckpointError::MetadataType`] if the value has another type.
    pub fn bool(&self, key: &str) -> Result<Option<bool>, CheckpointError> {
        self.typed(key, "bool", |value| match value {
            Value::Bool(v) => Some(*v),
            _ => None,
        })
    }

    /// The text of `key`; `None` if the key is absent.
    ///
    /// # Errors
    /// [`CheckpointError::MetadataType`] if the value has another type.
    pub fn str(&self, key: &str) -> Result<Option<&str>, CheckpointError> {
        self.typed(key, "string", |value| match value {
            Value::String(v) => Some(v.as_str()),
            _ => None,
        })
    }

    /// The list of texts of `key`; `None` if the key is absent.
    ///
    /// # Errors
    /// [`CheckpointError::MetadataType`] if the value has another type.
    pub fn strings(&self, key: &str) -> Result<Option<&[String]>, CheckpointError> {
        self.typed(key, "array of strings", |value| match value {
            Value::Array(Array::Strings(v)) => Some(v.as_slice()),
            _ => None,
        })
    }

    /// The list of 32-bit floats of `key`; `None` if the key is absent.
    ///
    /// # Errors
    /// [`CheckpointError::MetadataType`] if the value has another type.
    pub fn f32s(&self, key: &str) -> Result<Option<&[f32]>, CheckpointError> {
        self.typed(key, "array of f32", |value| match value {
            Value::Array(Array::F32(v)) => Some(v.as_slice()),
            _ => None,
        })
    }

    /// The list of non-negative integers of `key`, stored in any integer type; `None` if the key is absent.
    ///
    /// # Errors
    /// [`CheckpointError::MetadataType`] if the value has another type or an integer is negative.
    pub fn u64s(&self, key: &str) -> Result<Option<Vec<u64>>, CheckpointError> {
        fn all<T: Copy + TryInto<u64>>(list: &[T]) -> Option<Vec<u64>> {
            list.iter().map(|&number| number.try_into().ok()).collect()
        }
        self.typed(key, "array of non-negative integers", |value| match value {
            Value::Array(Array::U8(v)) => all(v),
            Value::Array(Array::I8(v)) => all(v),
            Value::Array(Array::U16(v)) => all(v),
            Value::Array(Array::I16(v)) => all(v),
            Value::Array(Array::U32(v)) => all(v),
            Value::Array(Array::I32(v)) => all(v),
            Value::Array(Array::U64(v)) => all(v),
            Value::Array(Array::I64(v)) => all(v),
            _ => None,
        })
    }

    /// The list of integers of `key`, stored as `i32` or as `u32` that fit; `None` if the key is absent.
    ///
    /// # Errors
    /// [`CheckpointError::MetadataType`] if the value has another type or an integer does not fit.
    pub fn i32s(&self, key: &str) -> Result<Option<Vec<i32>>, CheckpointError> {
        self.typed(key, "array of i32", |value| match value {
            Value::Array(Array::I32(v)) => Some(v.clone()),
            Value::Array(Array::U32(v)) => v.iter().map(|&x| i32::try_from(x).ok()).collect(),
            _ => None,
        })
    }

    /// Converts the value of `key` by `read`; if that gives `None`, the error says that `expected` was expected.
    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, CheckpointError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match read(value) {
            Some(read) => Ok(Some(read)),
            None => Err(CheckpointError::MetadataType {
                key: key.to_string(),
                expected,
                found: match value.integer() {
                    Some(number) => format!("{} {number}", value.type_name()),
                    None => value.type_name().to_string(),
                },
            }),
        }
    }
}

/// Converts `number` to an `f64`, if it is within ±2⁵³, where an `f64` holds every integer exactly.
fn exact_f64(number: i128) -> Option<f64> {
    const EXACT: i128 = 1 << 53;
    (-EXACT..=EXACT).contains(&number).then_some(number as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(value: Value) -> Metadata {
        Metadata::from_pairs(vec![("k".to_string(), value)]).expect("one key cannot repeat")
    }

    #[test]
    fn integers_of_every_width_read_as_u64() {
        for value in [
            Value::U8(7),
            Value::I8(7),
            Value::U16(7),
            Value::I16(7),
            Value::U32(7),
            Value::I32(7),
            Value::U64(7),
            Value::I64(7),
        ] {
            let metadata = metadata(value);
            assert_eq!(metadata.u64("k").expect("an integer"), Some(7));
            assert_eq!(metadata.f64("k").expect("an integer"), Some(7.0));
        }
        assert_eq!(metadata(Value::U64(u64::MAX)).u64("k").expect("fits"), Some(u64::MAX));
    }

    #[test]
    fn a_wrong_type_names_key_expected_and_found() {
        let message = metadata(Value::I32(-3)).u64("k").expect_err("negative").to_string();
        for part in ["`k`", "a non-negative integer", "i32 -3"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(metadata(Value::U64(u64::MAX)).f64("k").is_err());
        assert!(metadata(Value::Bool(true)).str("k").is_err());
        assert!(metadata(Value::String("x".into())).bool("k").is_err());
        assert!(metadata(Value::F32(1.0)).u64("k").is_err());
        assert!(metadata(Value::Array(Array::U32(vec![u32::MAX]))).i32s("k").is_err());
        assert!(metadata(Value::Array(Array::I32(vec![1]))).strings("k").is_err());
        assert!(metadata(Value::Array(Array::I32(vec![1]))).f32s("k").is_err());
    }

    #[test]
    fn lists_are_read_and_missing_keys_are_none() {
        let unsigned = metadata(Value::Array(Array::U32(vec![1, 2])));
        assert_eq!(unsigned.i32s("k").expect("fits"), Some(vec![1, 2]));
        assert_eq!(unsigned.i32s("other").expect("absent"), None);
        for list in [Array::U8(vec![1, 2]), Array::I16(vec![1, 2]), Array::U64(vec![1, 2]), Array::I64(vec![1, 2])] {
            assert_eq!(metadata(Value::Array(list)).u64s("k").expect("integers"), Some(vec![1, 2]));
        }
        for list in [Array::I8(vec![1, -2]), Array::F32(vec![1.0]), Array::Bools(vec![true])] {
            assert!(metadata(Value::Array(list)).u64s("k").is_err());
        }
        let texts = metadata(Value::Array(Array::Strings(vec!["a".into()])));
        assert_eq!(texts.strings("k").expect("texts").map(<[String]>::len), Some(1));
    }

    #[test]
    fn order_is_kept_and_repeated_keys_are_refused() {
        let pair = |key: &str| (key.to_string(), Value::Bool(true));
        let metadata = Metadata::from_pairs(vec![pair("z"), pair("a")]).expect("distinct");
        assert_eq!(metadata.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["z", "a"]);
        assert!(matches!(
            Metadata::from_pairs(vec![pair("z"), pair("z")]),
            Err(CheckpointError::DuplicateKey { key }) if key == "z"
        ));
    }
}
