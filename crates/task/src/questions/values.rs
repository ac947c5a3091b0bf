//! Values of fields in the forms that files give them: takes a JSON value, gives a text, answers, choices or the place of the
//! right choice.
//!
//! A cell of a table is a text whatever it holds, so that lists in it are read as JSON or Python writes them, and numbers in
//! digits. pandas makes numbers of a column with gaps decimal, `1.0`, which is read as 1.

use serde_json::Value;

use crate::dataset::BadField;
use crate::harness::python;

/// A text, trimmed, or a number as text.
pub(super) fn text(field: &str, value: &Value) -> Result<String, BadField> {
    untrimmed(field, value).map(|text| text.trim().to_owned())
}

/// A text with its blanks and line ends, or a number as text.
pub(super) fn untrimmed(field: &str, value: &Value) -> Result<String, BadField> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Ok(text.clone()),
        Value::String(_) => Err(BadField::new(field, "expected a text, found an empty one")),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(BadField::new(field, format!("expected a text, found {}", brief(other)))),
    }
}

/// The gold answer and its aliases: a text, a list of texts, or an object that holds them as `text`, or as `value` and
/// `aliases` (SQuAD, TriviaQA). `is_list`: a text that is a list in brackets is one, too.
pub(super) fn answers(field: &str, value: &Value, is_list: bool) -> Result<Vec<String>, BadField> {
    let object = value.as_object();
    let part = |name: &str| object.and_then(|object| object.get(name)).filter(|value| !value.is_null());
    let mut answers = match (value, part("text"), part("value")) {
        (Value::Object(_), Some(Value::Array(list)), _) | (Value::Array(list), ..) => texts(field, list)?,
        (Value::Object(_), Some(single), _) | (Value::Object(_), None, Some(single)) => vec![text(field, single)?],
        (Value::String(cell), ..) if is_list && cell.trim_start().starts_with('[') => match written_list(cell) {
            Some(list) => texts(field, &list)?,
            None => vec![text(field, value)?],
        },
        _ => vec![text(field, value)?],
    };
    if let Some(Value::Array(aliases)) = part("aliases") {
        answers.extend(texts(field, aliases)?);
    }
    if answers.is_empty() {
        return Err(BadField::new(field, "expected at least one answer, found an empty list"));
    }
    let mut seen = std::collections::HashSet::new();
    answers.retain(|answer| seen.insert(answer.clone()));
    Ok(answers)
}

/// Choices, with the labels that the record gives them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choices {
    pub(super) texts: Vec<String>,
    /// A label for each choice; empty if the record gives none.
    pub(super) labels: Vec<String>,
    /// True if the choices stood in a cell of a table, where an index is no number but a text.
    pub(super) is_cell: bool,
}

impl Choices {
    /// Choices without labels.
    pub(super) fn unlabelled(texts: Vec<String>) -> Self {
        Self { texts, labels: Vec::new(), is_cell: false }
    }

    /// Reads a list of texts; a list of pairs `{"label", "text"}` (ARC as published, CommonsenseQA); two lists, `text` and
    /// `label` (the same sets on the Hugging Face Hub); or an object of labels with their texts (MedQA).
    ///
    /// # Errors
    /// Another value, or less than two choices.
    pub(super) fn read(field: &str, value: &Value) -> Result<Self, BadField> {
        let cell = value.as_str().filter(|text| text.trim_start().starts_with('['));
        let written = cell.and_then(written_list).map(Value::Array);
        let value = written.as_ref().unwrap_or(value);
        let is_pair = |value: &Value| value.get("text").is_some();
        let (texts, labels) = match value {
            Value::Array(pairs) if pairs.first().is_some_and(is_pair) => {
                let part = |name: &str| pairs.iter().map(|pair| pair[name].clone()).collect::<Vec<Value>>();
                (texts(field, &part("text"))?, labels(&part("label")))
            }
            Value::Array(list) => (texts(field, list)?, Vec::new()),
            Value::Object(lists) if lists.get("text").is_some_and(Value::is_array) => {
                let list = |name: &str| lists.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
                (texts(field, &list("text"))?, labels(&list("label")))
            }
            Value::Object(choices) if !choices.is_empty() => {
                let values: Vec<Value> = choices.values().cloned().collect();
                (texts(field, &values)?, choices.keys().cloned().collect())
            }
            other => return Err(BadField::new(field, format!("expected a list, found {}", brief(other)))),
        };
        if texts.len() < 2 {
            return Err(BadField::new(field, format!("expected at least two, found {}", texts.len())));
        }
        let labels = if labels.len() == texts.len() { labels } else { Vec::new() };
        Ok(Self { texts, labels, is_cell: cell.is_some() })
    }
}

/// The right choice, as a field says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gold {
    /// A number, which is an index if counted from 0.
    Number(i64),
    /// The choice at this index, by its text, its label or its letter.
    Choice(usize),
    /// Nothing that a choice goes by.
    Unknown,
    /// A cell that could be an index or the text of another choice.
    Either,
}

impl Gold {
    /// Reads the value of a field.
    pub(super) fn read(value: &Value, choices: &Choices) -> Self {
        let Some(text) = value.as_str().map(str::trim) else {
            return whole(value).map_or(Self::Unknown, Self::Number);
        };
        let position = |texts: &[String]| texts.iter().position(|choice| choice == text);
        let number = text.parse().ok().or_else(|| whole(&Value::from(text.parse::<f64>().ok()?)));
        match (position(&choices.texts), position(&choices.labels), number) {
            // In a table, gold `1` of the choices `["1", "2"]` could be either; in JSON, the types differ.
            (Some(named), _, Some(number)) if choices.is_cell && usize::try_from(number) != Ok(named) => Self::Either,
            (_, Some(labelled), _) => Self::Choice(labelled),
            (Some(named), None, _) => Self::Choice(named),
            (None, None, Some(number)) => Self::Number(number),
            (None, None, None) => letter(text).filter(|i| *i < choices.texts.len()).map_or(Self::Unknown, Self::Choice),
        }
    }

    /// Index of the right one of `n` choices, if it is one.
    pub(super) fn index(self, n: usize) -> Option<usize> {
        match self {
            Self::Number(number) => usize::try_from(number).ok().filter(|index| *index < n),
            Self::Choice(index) => Some(index),
            Self::Unknown | Self::Either => None,
        }
    }
}

/// Truth of a statement: true or false, 1 or 0, in any spelling.
pub(super) fn truth(field: &str, value: &Value) -> Result<bool, BadField> {
    let text = value.as_str().map(|text| text.trim().to_lowercase());
    match (value.as_bool(), whole(value), text.as_deref()) {
        (Some(truth), ..) => Ok(truth),
        (_, Some(1), _) | (.., Some("true" | "1" | "1.0" | "yes")) => Ok(true),
        (_, Some(0), _) | (.., Some("false" | "0" | "0.0" | "no")) => Ok(false),
        _ => Err(BadField::new(
            field,
            format!(
                "expected true or false, or 1 or 0, found {}; for other labels, the setting `prompt` and the setting `answer` are \
                 templates",
                brief(value)
            ),
        )),
    }
}

/// A whole number, also one that is written as a decimal.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64().filter(|x| x.fract() == 0.0 && x.abs() < 1e15)?;
        #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
        Some(number as i64)
    })
}

/// The index of a letter: 1 for `B`, `b`, `B.`, `B)` and `(B)`.
fn letter(text: &str) -> Option<usize> {
    let bare = text.trim_matches(|c: char| "(). :".contains(c));
    let letter = bare.bytes().next().filter(|letter| bare.len() == 1 && letter.is_ascii_alphabetic())?;
    Some(usize::from(letter.to_ascii_uppercase() - b'A'))
}

/// A list that a text holds, as JSON or as Python writes it.
fn written_list(text: &str) -> Option<Vec<Value>> {
    let value = serde_json::from_str(text).ok().or_else(|| python::literal_eval(text))?;
    if let Value::Array(list) = value { Some(list) } else { None }
}

/// A list of texts or numbers.
pub(super) fn texts(field: &str, list: &[Value]) -> Result<Vec<String>, BadField> {
    list.iter().map(|value| text(field, value)).collect()
}

/// A list of other right answers; in a table, as JSON or as Python writes it.
pub(super) fn list(field: &str, value: &Value) -> Result<Vec<String>, BadField> {
    let written = value.as_str().filter(|text| text.trim_start().starts_with('[')).and_then(written_list);
    match (value, &written) {
        (Value::Array(list), _) | (_, Some(list)) => texts(field, list),
        (other, None) => Err(BadField::new(field, format!("expected a list, found {}", brief(other)))),
    }
}

/// The labels of choices; empty unless all are texts or numbers.
fn labels(values: &[Value]) -> Vec<String> {
    let label = |value: &Value| match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    values.iter().map(label).collect::<Option<_>>().unwrap_or_default()
}

/// Longest value that a message shows whole, in characters.
const SHOWN: usize = 80;

/// A value, as a message shows it.
pub(super) fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn choices_come_in_several_forms() {
        for (value, labels) in [
            (json!(["x", 2]), vec![]),
            (json!("[\"x\", \"2\"]"), vec![]),
            (json!("['x', '2']"), vec![]),
            (json!([{"label": "A", "text": "x"}, {"label": "B", "text": "2"}]), vec!["A", "B"]),
            (json!({"text": ["x", "2"], "label": [1, 2]}), vec!["1", "2"]),
            (json!({"A": "x", "B": "2"}), vec!["A", "B"]),
        ] {
            let choices = Choices::read("c", &value).expect("choices");
            assert_eq!(
                (choices.texts, choices.labels),
                (vec!["x".to_owned(), "2".to_owned()], labels.iter().map(|l: &&str| (*l).to_owned()).collect()),
                "{value}"
            );
        }
        for value in [json!(["x"]), json!("x, y"), json!({}), json!([1, null]), json!([]), json!([{"text": "x"}, 3])] {
            assert!(Choices::read("c", &value).is_err(), "{value}");
        }
    }

    #[test]
    fn the_right_choice_is_a_number_a_letter_a_label_or_a_text() {
        let plain = Choices::unlabelled(vec!["red".into(), "blue".into()]);
        let labelled = Choices { labels: vec!["1".into(), "2".into()], ..Choices::unlabelled(plain.texts.clone()) };
        for (value, index) in [
            (json!(1), Some(1)),
            (json!(1.0), Some(1)),
            (json!("1"), Some(1)),
            (json!("1.0"), Some(1)),
            (json!("B"), Some(1)),
            (json!("(b)"), Some(1)),
            (json!("blue"), Some(1)),
            (json!(0.5), None),
            (json!(2), None),
            (json!(-1), None),
            (json!("C"), None),
            (json!("green"), None),
            (json!(true), None),
        ] {
            assert_eq!(Gold::read(&value, &plain).index(2), index, "{value}");
        }
        assert_eq!(Gold::read(&json!("2"), &labelled), Gold::Choice(1));
        let numbers = Choices { is_cell: true, ..Choices::unlabelled(vec!["1".into(), "2".into()]) };
        assert_eq!(Gold::read(&json!("1"), &numbers), Gold::Either);
        assert_eq!(Gold::read(&json!("1"), &Choices { is_cell: false, ..numbers }), Gold::Choice(0));
    }

    #[test]
    fn answers_may_be_lists() {
        let read = |value: Value, is_list| answers("a", &value, is_list).map_err(|bad| bad.problem);
        let both = || Ok(vec!["x".to_owned(), "y".to_owned()]);
        assert_eq!(read(json!(["x", " y", "x"]), false), both());
        assert_eq!(read(json!({"text": ["x", "y"], "answer_start": [1, 2]}), false), both());
        assert_eq!(read(json!({"value": "x", "aliases": ["y"]}), false), both());
        assert_eq!(read(json!("['x', 'y']"), true), both());
        assert_eq!(read(json!("[x]"), true), Ok(vec!["[x]".to_owned()]));
        assert_eq!(read(json!("['x']"), false), Ok(vec!["['x']".to_owned()]));
        assert!(read(json!([]), false).is_err() && read(json!({"text": []}), false).is_err());
        assert!(read(json!(true), false).is_err() && read(json!({}), false).is_err());
    }
}
