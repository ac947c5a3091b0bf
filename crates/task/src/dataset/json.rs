//! JSON: a list of objects, an object that holds one such list, or an object a line.

use serde_json::{Map, Value};

use super::Place;
use super::reading::Reading;
use super::text::{self, line_of, not_utf8};
use crate::error::{Error, Result};

/// One object a line; blank lines are none.
pub(super) fn lines(bytes: &[u8], reading: &mut Reading) -> Result<()> {
    for (place, line) in text::lines(bytes) {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let line = match std::str::from_utf8(line) {
            Ok(line) => line,
            Err(e) => {
                reading.bad(place, not_utf8(&e))?;
                continue;
            }
        };
        match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => reading.row(place, fields),
            Ok(other) => reading.bad(place, format!("expected an object, found {}", kind(&other)))?,
            Err(e) => reading.bad(place, format!("expected a JSON object: {}", in_line(&e)))?,
        }
    }
    Ok(())
}

/// A list, an object's list under `key`, or (a second value after the first says so) an object a line.
pub(super) fn read(bytes: &[u8], key: Option<&str>, reading: &mut Reading) -> Result<()> {
    let bytes = text::without_mark(bytes);
    let first = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
    let Some(first) = first else { return Ok(()) };
    if bytes[first] == b'{' && is_lines(&bytes[first..], key) {
        return lines(bytes, reading);
    }
    if let Err(e) = std::str::from_utf8(bytes) {
        return Err(reading.wrong(line_of(bytes, e.valid_up_to()), "expected UTF-8, found other bytes"));
    }
    let value = serde_json::from_slice(bytes)
        .map_err(|e| reading.wrong(Place::Line(e.line()), format!("expected JSON: {}", in_line(&e))))?;
    let list = match value {
        Value::Array(list) => list,
        Value::Object(fields) => held(fields, key).map_err(|problem| Error::parse(&*reading.file, problem))?,
        other => {
            return Err(Error::parse(&*reading.file, format!("expected a list of objects, found {}", kind(&other))));
        }
    };
    for (i, value) in list.into_iter().enumerate() {
        match value {
            Value::Object(fields) => reading.row(Place::Record(i), fields),
            other => reading.bad(Place::Record(i), format!("expected an object, found {}", kind(&other)))?,
        }
    }
    Ok(())
}

/// Whether the first line is a row: an object by itself with others after it, or a lone one that holds no others.
fn is_lines(bytes: &[u8], key: Option<&str>) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let more = bytes[line.len()..].iter().any(|byte| !byte.is_ascii_whitespace());
    let plain = |value: &Value| !value.is_array() && !value.is_object();
    match serde_json::from_slice::<Map<String, Value>>(line) {
        Ok(fields) => more || (key.is_none() && fields.values().any(plain) && !fields.values().any(is_list_of_objects)),
        // A malformed object still ends its line, while one of several lines does not.
        Err(_) => more && line.trim_ascii_end().ends_with(b"}"),
    }
}

/// The rows inside an object.
fn held(mut fields: Map<String, Value>, key: Option<&str>) -> Result<Vec<Value>, String> {
    let lists: Vec<String> =
        fields.iter().filter(|(_, value)| is_list_of_objects(value)).map(|(name, _)| name.clone()).collect();
    let name = match (key, lists.as_slice()) {
        (Some(key), _) => key,
        (None, [name]) => name.as_str(),
        (None, []) if !fields.is_empty() && fields.values().all(|v| v.is_array() || v.is_object()) => {
            return Err("expected a list of objects, found an object of columns".to_owned());
        }
        (None, []) => return Err("expected a list of objects, or an object that holds one, found neither".to_owned()),
        (None, several) => return Err(format!("expected one list of objects, found {}", several.join(", "))),
    };
    match fields.remove(name) {
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(format!("`{name}`: expected a list of objects, found {}", kind(&other))),
        None => {
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            Err(format!("`{name}`: expected a list of objects under this key, found {}", names.join(", ")))
        }
    }
}

fn is_list_of_objects(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.first().is_some_and(Value::is_object))
}

/// A value in a word, because the whole could be long.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The parser's message with the column only: the line is named already.
fn in_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let cut = text.find(" at line ").unwrap_or(text.len());
    format!("{} (column {})", &text[..cut], error.column())
}
