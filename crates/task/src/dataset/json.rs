//! Reads JSON: a list of objects, an object that contains one such list, or one object per line.
//!
//! Only a line feed ends a line, as U+2028 and its like may stand in a text. Whole numbers of 64 bits keep every digit; any
//! other number is the closest double, as in Python.

use serde_json::{Map, Value};

use super::record::RecordLocation;
use super::record_collector::RecordCollector;
use super::text::{self, line_of};
use crate::error::{Error, Result};
use crate::text_file::{not_utf8, without_mark};

/// Reads one object per line; blank lines are ignored.
pub(super) fn lines(bytes: &[u8], collector: &mut RecordCollector) -> Result<()> {
    for (location, line) in text::lines(bytes) {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let line = match std::str::from_utf8(line) {
            Ok(line) => line,
            Err(e) => {
                collector.add_bad(location, not_utf8(&e))?;
                continue;
            }
        };
        match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => collector.add(location, fields),
            Ok(other) => collector.add_bad(location, format!("expected an object, found {}", kind(&other)))?,
            Err(e) => collector.add_bad(location, format!("expected a JSON object: {}", in_line(&e)))?,
        }
    }
    Ok(())
}

/// Reads a list of objects, an object's list under `key` (without `key`, its only list of objects), or one object per
/// line.
pub(super) fn read(bytes: &[u8], key: Option<&str>, collector: &mut RecordCollector) -> Result<()> {
    let bytes = without_mark(bytes);
    let first = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
    let Some(first) = first else { return Ok(()) };
    if bytes[first] == b'{' && is_lines(&bytes[first..], key) {
        return lines(bytes, collector);
    }
    if let Err(e) = std::str::from_utf8(bytes) {
        return Err(collector.error(line_of(bytes, e.valid_up_to()), "expected UTF-8, found other bytes"));
    }
    let value = serde_json::from_slice(bytes)
        .map_err(|e| collector.error(RecordLocation::Line(e.line()), format!("expected JSON: {}", in_line(&e))))?;
    let list = match value {
        Value::Array(list) => list,
        Value::Object(mut fields) => {
            let list = list_inside(&mut fields, key).map_err(|problem| Error::parse(&*collector.file, problem))?;
            collector.beside = fields.into_iter().map(|(name, _)| name).collect();
            list
        }
        other => {
            return Err(Error::parse(&*collector.file, format!("expected a list of objects, found {}", kind(&other))));
        }
    };
    for (i, value) in list.into_iter().enumerate() {
        match value {
            Value::Object(fields) => collector.add(RecordLocation::Record(i), fields),
            other => {
                collector.add_bad(RecordLocation::Record(i), format!("expected an object, found {}", kind(&other)))?
            }
        }
    }
    Ok(())
}

/// Whether a file that begins with `{` has one object per line: its first line is a whole object, and there are more
/// lines, or it is the only line and contains no list of objects.
fn is_lines(bytes: &[u8], key: Option<&str>) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let more = bytes[line.len()..].iter().any(|byte| !byte.is_ascii_whitespace());
    let plain = |value: &Value| !value.is_array() && !value.is_object();
    match serde_json::from_slice::<Map<String, Value>>(line) {
        Ok(fields) => more || (key.is_none() && fields.values().any(plain) && !fields.values().any(is_list_of_objects)),
        // A malformed record still ends its line with `}`; the first line of an indented object does not.
        Err(_) => more && line.trim_ascii_end().ends_with(b"}"),
    }
}

/// Takes the list of records out of an object: under `key`, or the only list of objects. A key with dots names an object
/// in the object first.
fn list_inside(fields: &mut Map<String, Value>, key: Option<&str>) -> Result<Vec<Value>, String> {
    if let Some((outer, inner)) = key.filter(|key| !fields.contains_key(*key)).and_then(|key| key.split_once('.'))
        && let Some(Value::Object(inside)) = fields.get_mut(outer)
    {
        return list_inside(inside, Some(inner)).map_err(|problem| format!("in `{outer}`: {problem}"));
    }
    let lists: Vec<String> =
        fields.iter().filter(|(_, value)| is_list_of_objects(value)).map(|(name, _)| name.clone()).collect();
    let name = match (key, lists.as_slice()) {
        (Some(key), _) => key,
        (None, [name]) => name.as_str(),
        (None, []) if !fields.is_empty() && fields.values().all(|v| v.is_array() || v.is_object()) => {
            return Err("expected a list of objects, found an object of columns".to_owned());
        }
        (None, []) => return Err("expected a list of objects, or an object that holds one, found neither".to_owned()),
        (None, several) => {
            let several = several.join(", ");
            return Err(format!("expected one list of objects, found {several}: the setting `records` names one"));
        }
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

/// Whether a value is a list that begins with an object.
fn is_list_of_objects(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.first().is_some_and(Value::is_object))
}

/// Name of a value's type for an error, because the value itself could be long.
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

/// The parser's message with the column only, because the error names the line already.
fn in_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let cut = text.find(" at line ").unwrap_or(text.len());
    format!("{} (column {})", &text[..cut], error.column())
}
