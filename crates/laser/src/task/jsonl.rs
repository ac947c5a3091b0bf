//! The user's own questions: one JSON object a line, `{"question", "answer"}` or `{"question", "choices", "gold"}`.
//!
//! Optional keys: `id` (text or number; default: the line), `group` (default: the id), `aliases` (of an answer).
//! The question is the prompt as it stands; the answer follows after one space.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{Item, Task};
use crate::error::{Error, Result};
use crate::score::Score;

const KEYS: [&str; 7] = ["question", "answer", "aliases", "choices", "gold", "id", "group"];

pub(super) fn read(path: &Path) -> Result<Task> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let mut items = Vec::new();
    for (i, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let wrong = |field: &str, problem: String| Error::Task {
            file: name.clone(),
            place: if field.is_empty() { format!("line {}", i + 1) } else { format!("line {}, `{field}`", i + 1) },
            problem,
        };
        let line = std::str::from_utf8(line).map_err(|e| wrong("", format!("not UTF-8: {e}")))?;
        let line = line.trim_start_matches('\u{feff}').trim();
        if !line.is_empty() {
            let row: BTreeMap<String, Value> = serde_json::from_str(line).map_err(|e| wrong("", e.to_string()))?;
            items.push(item(i + 1, &row).map_err(|(field, problem)| wrong(&field, problem))?);
        }
    }
    let score = if items.iter().all(|item: &Item| !item.choices.is_empty()) { Score::CHOICE } else { Score::GENERATE };
    Task::new(name, items, score)
}

/// One item, or the field that is wrong and why.
fn item(line: usize, row: &BTreeMap<String, Value>) -> Result<Item, (String, String)> {
    let wrong = |field: &str, problem: &str| (field.to_owned(), problem.to_owned());
    if let Some(unknown) = row.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(wrong(unknown, &format!("unknown key: expected {}", KEYS.join(", "))));
    }
    let text = |field: &str, value: &Value| match value {
        Value::String(s) if !s.trim().is_empty() => Ok(s.trim().to_owned()),
        Value::String(_) => Err(wrong(field, "expected a text, found an empty one")),
        Value::Number(n) => Ok(n.to_string()),
        other => Err(wrong(field, &format!("expected a text, found {other}"))),
    };
    let optional = |field: &str| row.get(field).map(|v| text(field, v)).transpose();
    let list = |field: &str| -> Result<Vec<String>, (String, String)> {
        match row.get(field) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(|v| text(field, v)).collect(),
            Some(other) => Err(wrong(field, &format!("expected a list of texts, found {other}"))),
        }
    };
    let prompt = optional("question")?.ok_or_else(|| wrong("question", "expected a text, found nothing"))?;
    let id = optional("id")?.unwrap_or_else(|| line.to_string());
    let group = optional("group")?.unwrap_or_else(|| id.clone());
    let choices = list("choices")?;
    if choices.is_empty() {
        let answer =
            optional("answer")?.ok_or_else(|| wrong("answer", "expected an answer or choices, found neither"))?;
        if row.contains_key("gold") || row.contains_key("choices") {
            return Err(wrong("choices", "expected at least two, found none"));
        }
        let answers = std::iter::once(answer).chain(list("aliases")?).collect();
        return Ok(Item { id, group, prompt, answers, ..Item::default() });
    }
    if choices.len() < 2 {
        return Err(wrong("choices", "expected at least two, found one"));
    }
    for key in ["answer", "aliases"] {
        if row.contains_key(key) {
            return Err(wrong(key, "an item has either an answer or choices, found both"));
        }
    }
    let gold = match row.get("gold") {
        Some(Value::Number(n)) => n.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n < choices.len()),
        Some(Value::String(s)) => choices.iter().position(|c| c == s.trim()),
        _ => None,
    };
    let gold = gold.ok_or_else(|| {
        let found = row.get("gold").map_or("nothing".to_owned(), Value::to_string);
        wrong(
            "gold",
            &format!("expected an index from 0 to {} or one of the choices, found {found}", choices.len() - 1),
        )
    })?;
    Ok(Item { id, group, prompt, answers: vec![choices[gold].clone()], choices, gold, ..Item::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Item, (String, String)> {
        item(3, &serde_json::from_str(line).expect("the test's JSON is valid"))
    }

    #[test]
    fn both_forms_are_read() {
        let open = parse(r#"{"question":"2+2 is ","answer":4,"aliases":["four"]}"#).expect("open");
        assert_eq!((open.prompt.as_str(), open.answers.as_slice()), ("2+2 is", &["4".into(), "four".into()][..]));
        assert_eq!((open.id.as_str(), open.group.as_str()), ("3", "3"));
        let choice = parse(r#"{"question":"Sky?","choices":["red","blue"],"gold":"blue","id":"s"}"#).expect("choice");
        assert_eq!((choice.gold, choice.target()), (1, "blue"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, field) in [
            (r#"{"answer":"x"}"#, "question"),
            (r#"{"question":"x"}"#, "answer"),
            (r#"{"question":"x","answer":" "}"#, "answer"),
            (r#"{"question":"x","answer":"y","extra":1}"#, "extra"),
            (r#"{"question":"x","choices":["a","b"],"gold":2}"#, "gold"),
            (r#"{"question":"x","choices":["a","b"],"gold":"c"}"#, "gold"),
            (r#"{"question":"x","choices":["a","b"]}"#, "gold"),
            (r#"{"question":"x","choices":["a"],"gold":0}"#, "choices"),
            (r#"{"question":"x","choices":[],"gold":0,"answer":"a"}"#, "choices"),
            (r#"{"question":"x","choices":["a","b"],"gold":0,"answer":"a"}"#, "answer"),
            (r#"{"question":["x"],"answer":"a"}"#, "question"),
        ] {
            assert_eq!(parse(line).expect_err(line).0, field, "{line}");
        }
    }
}
