//! Counts: reads how often a corpus mentions each item, from a file of `laser corpus count` or a user's own.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Largest number of identifiers that a message names.
pub(super) const NAMED: usize = 5;

/// Counts by item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrequencyCounts {
    pub(super) of_item: BTreeMap<String, ItemCount>,
}

/// The count of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ItemCount {
    /// Number of documents that mention subject and answer, or the user's number.
    pub(super) count: u64,
    /// The answer that was counted, if the file says it.
    pub(super) answer: Option<String>,
}

impl FrequencyCounts {
    /// Reads a file of counts; [`FrequencyCounts::parse`].
    ///
    /// # Errors
    /// Those of [`FrequencyCounts::parse`]; a file that cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let text = std::str::from_utf8(&bytes).map_err(|e| {
            let line = 1 + bytes[..e.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            Error::parse(path, format!("line {line}: expected UTF-8, found other bytes"))
        })?;
        Self::parse(path, text)
    }

    /// Parses JSON lines, one for each item, with `id` (a text or a whole number) and `documents` or `count` (a whole
    /// number of at least 0). `answer` is compared with that of the item; other keys are not read, blank lines are skipped.
    /// `path` is named in errors.
    ///
    /// # Errors
    /// A line of another form; an item that has two lines; a file without lines.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let mut of_item = BTreeMap::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |problem: String| Error::parse(path, format!("line {number}: {problem}"));
            let fields: Map<String, Value> =
                serde_json::from_str(line).map_err(|e| wrong(format!("expected a JSON object, found: {e}")))?;
            let (id, count) = item_count(&fields).map_err(wrong)?;
            if of_item.insert(id.clone(), count).is_some() {
                return Err(wrong(format!("`id`: expected each item once, found `{id}` again")));
            }
        }
        if of_item.is_empty() {
            return Err(Error::parse(path, "expected a line for each item, found none"));
        }
        Ok(Self { of_item })
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.of_item.len()
    }

    /// Returns true if there is no item.
    pub fn is_empty(&self) -> bool {
        self.of_item.is_empty()
    }
}

/// Identifier and count of a line.
fn item_count(fields: &Map<String, Value>) -> Result<(String, ItemCount), String> {
    let found = |key: &str| fields.get(key).map_or_else(|| "none".to_owned(), ToString::to_string);
    let id = match fields.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) if id.is_u64() || id.is_i64() => id.to_string(),
        _ => return Err(format!("`id`: expected a text or a whole number, found {}", found("id"))),
    };
    let key = match ["documents", "count"].map(|key| fields.contains_key(key)) {
        [true, false] => "documents",
        [false, true] => "count",
        [true, true] => return Err("expected `documents` or `count`, found both".to_owned()),
        [false, false] => {
            let keys = fields.keys().map(String::as_str).take(NAMED).collect::<Vec<_>>().join(", ");
            return Err(format!("expected `documents` or `count`, found {keys}"));
        }
    };
    let count = fields.get(key).and_then(Value::as_u64);
    let count = count.ok_or_else(|| format!("`{key}`: expected a whole number of at least 0, found {}", found(key)))?;
    let answer = fields.get("answer").and_then(Value::as_str).map(str::to_owned);
    Ok((id, ItemCount { count, answer }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<FrequencyCounts> {
        FrequencyCounts::parse(Path::new("freq.jsonl"), text)
    }

    #[test]
    fn our_files_and_the_users_are_read() {
        let ours = r#"{"id":"a","subject":"s","answer":"x","documents":3,"subject_documents":9,"answer_documents":4,"nearest_words":null}"#;
        let counts = parse(&format!("\u{feff}{ours}\r\n\n{{\"count\": 0, \"id\": 7}}\n")).expect("counts");
        assert_eq!(counts.len(), 2);
        assert_eq!(counts.of_item["a"], ItemCount { count: 3, answer: Some("x".to_owned()) });
        assert_eq!(counts.of_item["7"], ItemCount { count: 0, answer: None });
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, expected) in [
            ("", "freq.jsonl: expected a line for each item, found none"),
            ("{\"id\":1,\"count\":2}\n[1]", "line 2: expected a JSON object"),
            ("{\"count\":2}", "line 1: `id`: expected a text or a whole number, found none"),
            ("{\"id\":1.5,\"count\":2}", "`id`: expected a text or a whole number, found 1.5"),
            ("{\"id\":1,\"n\":2}", "expected `documents` or `count`, found id, n"),
            ("{\"id\":1,\"count\":2,\"documents\":2}", "expected `documents` or `count`, found both"),
            ("{\"id\":1,\"count\":-2}", "`count`: expected a whole number of at least 0, found -2"),
            (
                "{\"id\":1,\"count\":2}\n{\"id\":\"1\",\"count\":3}",
                "line 2: `id`: expected each item once, found `1` again",
            ),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{error}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bad.jsonl");
        std::fs::write(&path, b"{\"id\":1,\"count\":2}\n\xff\n").expect("writes");
        let error = FrequencyCounts::read(&path).expect_err("no UTF-8").to_string();
        assert!(error.ends_with("bad.jsonl: line 2: expected UTF-8, found other bytes"), "{error}");
    }
}
