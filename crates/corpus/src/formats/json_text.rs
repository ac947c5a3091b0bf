//! The text of a document in JSON: a string, or an object with the text under a key.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::fault::excerpt;

/// Finder of the text in JSON.
#[derive(Debug)]
pub(crate) struct JsonText<'k> {
    key: &'k str,
    /// The text, if it has escapes and so is no part of the JSON.
    unescaped: String,
}

/// A value that may be a text.
enum Value<'de> {
    /// A string as it is in the JSON.
    Borrowed(&'de str),
    /// A string that is now in the buffer.
    Unescaped,
    /// A value that is no string.
    Other(&'static str),
    /// An object without the key.
    Missing,
}

impl<'k> JsonText<'k> {
    /// A finder of texts under `key`.
    pub(crate) fn new(key: &'k str) -> Self {
        Self { key, unescaped: String::new() }
    }

    /// The text of the document `json`.
    ///
    /// # Errors
    /// A message with what was expected and what was found.
    pub(crate) fn find<'a>(&'a mut self, json: &'a [u8]) -> Result<&'a str, String> {
        let json = std::str::from_utf8(json).map_err(|e| {
            let rest = &json[e.valid_up_to()..];
            format!("expected UTF-8, found {} at its byte {}", excerpt(&rest[..rest.len().min(4)]), e.valid_up_to())
        })?;
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let visitor = Document { key: self.key, unescaped: &mut self.unescaped };
        let value = deserializer.deserialize_any(visitor).and_then(|value| deserializer.end().map(|()| value));
        match value.map_err(|e| problem(&e))? {
            Value::Borrowed(text) => Ok(text),
            Value::Unescaped => Ok(&self.unescaped),
            Value::Other(found) => Err(format!("expected a string under {:?}, found {found}", self.key)),
            Value::Missing => Err(format!("expected a string under {:?}, found no such key", self.key)),
        }
    }
}

/// The message of an error without its line, which is the only one.
fn problem(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let cut = message.rfind(" at line ").unwrap_or(message.len());
    format!("expected JSON, found: {} at column {}", &message[..cut], error.column())
}

/// Visitor of a document.
struct Document<'a> {
    key: &'a str,
    unescaped: &'a mut String,
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Text(self.unescaped).visit_str(text)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Value::Missing;
        while let Some(is_text) = map.next_key_seed(Key(self.key))? {
            if is_text {
                found = map.next_value_seed(Text(self.unescaped))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Result of comparing a key with the sought one: true if they are equal.
struct Key<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// A value that should be a string.
struct Text<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        self.0.clear();
        self.0.push_str(text);
        Ok(Value::Unescaped)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Other("null"))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Value::Other("true or false"))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other("an object"))
    }
}
