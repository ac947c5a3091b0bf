//! `json.dumps` of values.

use serde_json::Value;

use super::repr::float_repr;

/// `json.dumps(value, indent=2, ensure_ascii=False)`: the text of a document that the harness hashes.
pub fn json_dumps(value: &Value) -> String {
    let mut out = String::new();
    dump(value, "\n", &mut out);
    out
}

/// Appends a value to `out`. `line`: a line end with the indentation of the value's own line.
fn dump(value: &Value, line: &str, out: &mut String) {
    let inner = format!("{line}  ");
    let (open, close) = match value {
        Value::Array(list) if !list.is_empty() => ('[', ']'),
        Value::Object(map) if !map.is_empty() => ('{', '}'),
        Value::Number(n) if n.is_f64() => return out.push_str(&float_repr(n.as_f64().unwrap_or(f64::NAN))),
        other => return out.push_str(&other.to_string()),
    };
    out.push(open);
    let entries: Vec<(Option<&String>, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (Some(key), value)).collect(),
        other => other.as_array().into_iter().flatten().map(|value| (None, value)).collect(),
    };
    for (i, (key, value)) in entries.into_iter().enumerate() {
        out.push_str(if i > 0 { "," } else { "" });
        out.push_str(&inner);
        if let Some(key) = key {
            out.push_str(&format!("{}: ", Value::String(key.clone())));
        }
        dump(value, &inner, out);
    }
    out.push_str(line);
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Expected text from CPython 3.11.
    #[test]
    fn json_is_dumped_as_python_dumps_it() {
        let value = json!({"a": [1, {"b": [], "c": {}}], "é\n\u{1f}\"": "x\\/\u{7f}", "f": [1e-7, 2.0, null, true]});
        assert_eq!(
            json_dumps(&value),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": [],\n      \"c\": {}\n    }\n  ],\n  \"é\\n\\u001f\\\"\": \"x\\\\/\u{7f}\",\n  \"f\": [\n    1e-07,\n    2.0,\n    null,\n    true\n  ]\n}"
        );
    }
}
