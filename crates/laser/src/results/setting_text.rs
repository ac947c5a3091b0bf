//! Settings of a manifest as readable texts, for the tables of where numbers come from.

use std::collections::BTreeMap;

use serde_json::Value;

/// Name and value of each setting; settings without a value have no row.
pub(crate) fn setting_rows(settings: &BTreeMap<String, Value>) -> Vec<(String, String)> {
    let rows = settings.iter().map(|(name, value)| (words(name), formatted(value)));
    rows.filter(|(_, value)| !value.is_empty()).collect()
}

/// Name and value of each seed.
pub(crate) fn seed_rows(seeds: &BTreeMap<String, u64>) -> Vec<(String, String)> {
    seeds.iter().map(|(name, seed)| (format!("seed of {}", words(name)), seed.to_string())).collect()
}

/// A name of a setting as words: `split_seed` becomes `split seed`.
pub(crate) fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// A value as text: lists joined by commas, structures as `name value` pairs, yes and no.
fn formatted(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(formatted).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| match formatted(value) {
                text if text.is_empty() => None,
                text => Some(format!("{} {text}", words(name))),
            };
            fields.iter().filter_map(field).collect::<Vec<_>>().join("; ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_words_and_not_json() {
        let settings = BTreeMap::from(
            [("split_seed", json!(3)), ("removed", json!(["50", "90"])), ("all", json!(true)), ("none", Value::Null)]
                .map(|(name, value)| (name.to_owned(), value)),
        );
        let rows = setting_rows(&settings);
        let rows: Vec<(&str, &str)> = rows.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(rows, [("all", "yes"), ("removed", "50, 90"), ("split seed", "3")]);
    }

    #[test]
    fn values_are_written_without_json() {
        let value = json!({"choice": {"normalise": null, "by_length": true}, "rho": [0.9, "r4"]});
        assert_eq!(formatted(&value), "choice by length yes; rho 0.9, r4");
        assert_eq!(formatted(&json!("top1")), "top1");
    }
}
