//! The published JSON Schema of `results.json`, and a check of values by it.

use serde_json::Value;

/// Checks the `results.json` of a search.
#[track_caller]
pub(crate) fn check_results(results: &Value) {
    let schema = schema();
    check(results, &schema, &schema, "results.json");
}

/// Checks what Laser adds to the `results.json` of an evaluation, its key `laser`.
#[track_caller]
pub(crate) fn check_evaluation(laser: &Value) {
    let schema = schema();
    check(laser, &schema["$defs"]["evaluation"], &schema, "laser");
}

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the schema")).expect("JSON")
}

/// Checks a value by a schema, of which only the keywords below are known; `root` has the definitions. A key that the schema
/// does not describe is a fault too: the documentation would lack it.
#[track_caller]
fn check(value: &Value, schema: &Value, root: &Value, place: &str) {
    for keyword in schema.as_object().expect("a schema is an object").keys() {
        let known = [
            "$schema",
            "$ref",
            "$defs",
            "title",
            "description",
            "type",
            "enum",
            "pattern",
            "properties",
            "required",
            "additionalProperties",
            "items",
            "minItems",
            "maxItems",
            "minimum",
            "maximum",
            "anyOf",
        ];
        assert!(known.contains(&keyword.as_str()), "{place}: the check does not know `{keyword}`");
    }
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.strip_prefix('#').expect("a definition of this file");
        return check(value, root.pointer(pointer).expect(name), root, place);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = |choice: &&Value| match (choice["type"].as_str(), value) {
            (Some("null"), value) => value.is_null(),
            (_, value) => !value.is_null(),
        };
        let choice = choices.iter().find(fits).unwrap_or_else(|| panic!("{place}: fits none of the choices: {value}"));
        return check(value, choice, root, place);
    }
    let of_type = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{place}: no type `{other}`"),
    };
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        other => panic!("{place}: the schema has no type: {other}"),
    };
    assert!(types.iter().any(|name| of_type(name)), "{place}: expected {types:?}, found {value}");
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{place}: {value} is not among {allowed:?}");
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str()) {
        // The only pattern of the schema.
        assert_eq!(pattern, "^[0-9a-f]{64}$");
        assert!(
            text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit() && !c.is_uppercase()),
            "{place}: {text}"
        );
    }
    if let Some(number) = value.as_f64() {
        assert!(schema["minimum"].as_f64().is_none_or(|least| number >= least), "{place}: {number} is too small");
        assert!(schema["maximum"].as_f64().is_none_or(|most| number <= most), "{place}: {number} is too large");
    }
    if let Some(values) = value.as_array() {
        let n = values.len() as u64;
        assert!(schema["minItems"].as_u64().is_none_or(|least| n >= least), "{place}: {n} values are too few");
        assert!(schema["maxItems"].as_u64().is_none_or(|most| n <= most), "{place}: {n} values are too many");
        values.iter().enumerate().for_each(|(i, value)| check(value, &schema["items"], root, &format!("{place}[{i}]")));
    }
    let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(fields.contains_key(name), "{place}: `{name}` is missing");
    }
    for (name, value) in fields {
        let property = properties.get(name).unwrap_or_else(|| panic!("{place}: the schema does not describe `{name}`"));
        check(value, property, root, &format!("{place}.{name}"));
    }
}
