//! The user's own questions: takes records with `question` and `answer`, or `question`, `choices` and `gold`, in any
//! format that [`Records`] reads, gives a task.
//!
//! Optional fields: `id` (default: the number of the line or record), `group` (default: the id), `subject` (items with the
//! same subject and answer ask for one fact), `relation` (the answers of one relation are of one type), `aliases` (other right answers), `meta` (anything; kept with the item as
//! part of [`Item::doc`], never read here). In CSV and TSV, lists are written as JSON, `["red", "blue"]`, and an empty
//! cell means that the record does not have the field. The question is used as the prompt unchanged; the answer follows
//! after one space.

use std::path::Path;

use serde_json::Value;

use crate::dataset::{BadField, DatasetLayout, Record, Records};
use crate::error::Result;
use crate::options::TaskOptions;
use crate::score::Score;
use crate::task::{Item, Task};

/// Fields that a record may have.
const KEYS: [&str; 10] =
    ["question", "answer", "aliases", "choices", "gold", "id", "group", "subject", "relation", "meta"];

/// Reads the file at `path` as a task. Its default score is [`Score::CHOICE`] if every item has choices, else
/// [`Score::GENERATE`].
///
/// # Errors
/// The file cannot be read; a record is malformed and is not to be skipped; all records are malformed.
pub(super) fn read(path: &Path, setup: &TaskOptions<'_>) -> Result<Task> {
    let records = Records::open(path, &DatasetLayout::default(), setup.skip_bad)?;
    let (items, skipped) = records.items(setup, |record| Ok(vec![item(record)?]))?;
    let score = if items.iter().all(|item| !item.choices.is_empty()) { Score::CHOICE } else { Score::GENERATE };
    Ok(Task { skipped, ..Task::new(path.display().to_string(), items, score)? })
}

/// Makes the item of one record.
fn item(record: &Record) -> Result<Item, BadField> {
    if let Some(unknown) = record.fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(BadField::new(unknown, format!("unknown key: expected {}", KEYS.join(", "))));
    }
    let prompt = text("question", record.value("question")?)?;
    let id = given(record, "id").map(|id| text("id", id)).transpose()?;
    let id = id.unwrap_or_else(|| record.location.number().to_string());
    let group = given(record, "group").map(|group| text("group", group)).transpose()?.unwrap_or_else(|| id.clone());
    let optional = |key: &str| -> Result<String, BadField> {
        Ok(given(record, key).map(|value| text(key, value)).transpose()?.unwrap_or_default())
    };
    let (subject, relation) = (optional("subject")?, optional("relation")?);
    let item = Item { id, group, subject, relation, prompt, ..Item::default() };
    if given(record, "choices").is_some() {
        let (choices, gold) = choices(record)?;
        return Ok(Item { answers: vec![choices[gold].clone()], choices, gold, ..item });
    }
    let Some(answer) = record.optional("answer") else {
        return Err(BadField::new("answer", "expected an answer or choices, found neither"));
    };
    if given(record, "gold").is_some() {
        return Err(BadField::new("choices", "expected at least two, found none"));
    }
    let mut answers = vec![text("answer", answer)?];
    if given(record, "aliases").is_some() {
        answers.extend(texts(record, "aliases")?);
    }
    Ok(Item { answers, ..item })
}

/// Reads the choices and the index of the right one.
fn choices(record: &Record) -> Result<(Vec<String>, usize), BadField> {
    let choices = texts(record, "choices")?;
    if choices.len() < 2 {
        return Err(BadField::new("choices", format!("expected at least two, found {}", choices.len())));
    }
    if let Some(key) = ["answer", "aliases"].into_iter().find(|key| given(record, key).is_some()) {
        return Err(BadField::new(key, "an item has either an answer or choices, found both"));
    }
    let last = choices.len() - 1;
    let wrong = |found: &str| {
        BadField::new("gold", format!("expected an index from 0 to {last} or one of the choices, found {found}"))
    };
    let gold = given(record, "gold").ok_or_else(|| wrong("nothing"))?;
    let index = record.index("gold", choices.len()).ok();
    let named = gold.as_str().and_then(|text| choices.iter().position(|choice| choice == text.trim()));
    match (named, index) {
        // In CSV, gold `1` of the choices `["1", "2"]` could be an index or a choice; in JSON, the types differ.
        (Some(a), Some(b)) if a != b && record.fields["choices"].is_string() => {
            let problem = format!("expected an index or one of the choices, found {gold}, which could be either");
            Err(BadField::new("gold", problem))
        }
        (Some(gold), _) | (None, Some(gold)) => Ok((choices, gold)),
        (None, None) => Err(wrong(&gold.to_string())),
    }
}

/// The value of a field, unless it is missing, null or an empty cell.
fn given<'a>(record: &'a Record, field: &str) -> Option<&'a Value> {
    record.optional(field).filter(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()))
}

/// A text, trimmed, or a number as text.
fn text(field: &str, value: &Value) -> Result<String, BadField> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Value::String(_) => Err(BadField::new(field, "expected a text, found an empty one")),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(BadField::new(field, format!("expected a text, found {other}"))),
    }
}

/// A list of texts or numbers.
fn texts(record: &Record, field: &str) -> Result<Vec<String>, BadField> {
    record.list(field)?.iter().map(|value| text(field, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::RecordLocation;

    fn parse(line: &str) -> Result<Item, BadField> {
        let fields = serde_json::from_str(line).expect("the test's JSON is valid");
        item(&Record::new(&Path::new("some.jsonl").into(), RecordLocation::Line(3), fields))
    }

    #[test]
    fn open_and_multiple_choice_questions_are_read() {
        let open = parse(r#"{"question":"2+2 is ","answer":4,"aliases":["four"]}"#).expect("open");
        assert_eq!((open.prompt.as_str(), open.answers.as_slice()), ("2+2 is", &["4".into(), "four".into()][..]));
        assert_eq!((open.id.as_str(), open.group.as_str()), ("3", "3"));
        let choice = parse(r#"{"question":"Sky?","choices":["red","blue"],"gold":"blue","id":"s"}"#).expect("choice");
        assert_eq!((choice.gold, choice.target()), (1, "blue"));
        let fact = r#"{"question":"Capital?","answer":"Paris","subject":" France ","relation":"capital","group":7,"meta":{"count":[3]}}"#;
        let fact = parse(fact).expect("a fact");
        assert_eq!((fact.subject.as_str(), fact.group.as_str(), choice.subject.as_str()), ("France", "7", ""));
        assert_eq!((fact.relation.as_str(), choice.relation.as_str()), ("capital", ""));
    }

    #[test]
    fn errors_name_the_field() {
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
            (r#"{"question":"x","choices":"[\"1\",\"2\"]","gold":"1"}"#, "gold"),
        ] {
            assert_eq!(parse(line).expect_err(line).field, field, "{line}");
        }
    }

    #[test]
    fn every_format_gives_the_same_items() {
        let folder = tempfile::tempdir().expect("a folder");
        let read = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("writes");
            let task = super::read(&folder.path().join(name), &TaskOptions::default()).expect(name);
            let brief = |i: &Item| (i.id.clone(), i.prompt.clone(), i.answers.clone(), i.choices.clone(), i.gold);
            task.items.iter().map(brief).collect::<Vec<_>>()
        };
        let records = [
            r#"{"id":"a","question":"2+2, is","answer":"4","aliases":["four"]}"#,
            r#"{"id":"b","question":"Sky?","choices":["red","blue"],"gold":1}"#,
        ];
        let lines = read("q.jsonl", &records.join("\n"));
        assert_eq!(lines.len(), 2);
        assert_eq!(read("q.json", &format!("[{}]", records.join(","))), lines);
        assert_eq!(read("q", &records.join("\n")), lines);
        let table = "id,question,answer,aliases,choices,gold\n\
            a,\"2+2, is\",4,\"[\"\"four\"\"]\",,\nb,Sky?,,,\"[\"\"red\"\",\"\"blue\"\"]\",1\n";
        assert_eq!(read("q.csv", table), lines);
    }
}
