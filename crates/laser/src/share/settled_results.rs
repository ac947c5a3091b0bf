//! Results without what differs between two runs of the same search: the date, the machine, the places of files, the
//! version, and remarks, which may be about caches and the network.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Largest number of keys that are named.
const NAMED: usize = 5;

/// The contents of `results.json` without what two runs of the same search need not share, keys in alphabetical order.
#[must_use]
pub fn settled(results: &Value) -> Value {
    let mut results = results.clone();
    let mut remove = |pointer: &str, keys: &[&str]| {
        if let Some(object) = results.pointer_mut(pointer).and_then(Value::as_object_mut) {
            keys.iter().for_each(|key| drop(object.remove(*key)));
        }
    };
    remove("", &["notes"]);
    remove("/manifest", &["date", "host", "threads", "tool_version", "git_hash"]);
    remove("/manifest/model", &["path"]);
    for adapter in results.pointer_mut("/manifest/model/adapters").and_then(Value::as_array_mut).into_iter().flatten() {
        adapter.as_object_mut().map(|adapter| adapter.remove("path"));
    }
    results.sort_all_objects();
    results
}

/// SHA-256 of the settled results.
pub fn settled_sha256(results: &Value) -> String {
    hex::encode(Sha256::digest(settled(results).to_string()))
}

/// Names of the first values in which two settled results differ, such as `test.diff`; empty if they are the same.
pub fn differing_keys(recorded: &Value, found: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    collect(recorded, found, "", &mut keys);
    keys
}

fn collect(recorded: &Value, found: &Value, at: &str, keys: &mut Vec<String>) {
    if recorded == found || keys.len() == NAMED {
        return;
    }
    let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    match (recorded, found) {
        (Value::Object(a), Value::Object(b)) => {
            let only_found = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(only_found) {
                let of = |object: &serde_json::Map<String, Value>| object.get(key).cloned().unwrap_or_default();
                collect(&of(a), &of(b), &below(key), keys);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                collect(a, b, &below(&i.to_string()), keys);
            }
        }
        _ => keys.push(at.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_machine_the_date_and_places_do_not_count_and_everything_else_does() {
        let results = |date: &str, path: &str, diff: f64| {
            json!({
                "test": {"diff": diff, "n": 10}, "notes": [path],
                "manifest": {"date": date, "host": {"cores": date.len()}, "threads": path.len(), "seeds": {"split": 0},
                    "model": {"path": path, "sha256": "ab", "adapters": [{"path": path, "sha256": "cd"}]}},
            })
        };
        let (a, b) = (results("2026", "here", 0.25), results("2027-01", "there/it/is", 0.25));
        assert_eq!(settled(&a), settled(&b));
        assert_eq!(settled_sha256(&a), settled_sha256(&b));
        assert!(differing_keys(&settled(&a), &settled(&b)).is_empty());
        let mut other = results("2026", "here", 0.5);
        other["manifest"]["seeds"]["split"] = 1.into();
        other["manifest"]["model"]["adapters"][0]["sha256"] = "ce".into();
        assert_ne!(settled_sha256(&a), settled_sha256(&other));
        let named = differing_keys(&settled(&a), &settled(&other));
        assert_eq!(named, ["manifest.model.adapters.0.sha256", "manifest.seeds.split", "test.diff"]);
    }

    #[test]
    fn the_order_of_keys_does_not_count_and_missing_keys_do() {
        let [a, b]: [Value; 2] = [r#"{"a":1,"b":{"c":2,"d":3}}"#, r#"{"b":{"d":3,"c":2},"a":1}"#]
            .map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(settled_sha256(&a), settled_sha256(&b));
        assert_eq!(differing_keys(&a, &json!({"a": 1, "b": {"c": 2}, "e": 4})), ["b.d", "e"]);
        let many: Value = (0..20).map(|i| (i.to_string(), json!(i))).collect::<serde_json::Map<_, _>>().into();
        assert_eq!(differing_keys(&many, &json!({})).len(), NAMED);
    }
}
