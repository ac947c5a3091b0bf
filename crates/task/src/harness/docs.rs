//! One row as the task asks it: question, target and choices.

use minijinja::Environment;
use serde_json::{Map, Value};

use super::config::{Choices, Config, SEVERAL_INPUTS, Target};
use super::python;
use super::template::{Source, environment};
use crate::dataset::BadField;
use crate::error::{Error, Result};

/// The texts of a task's rows.
pub(super) struct Docs<'a> {
    config: &'a Config,
    environment: Environment<'static>,
    text: Source,
    target: Option<Source>,
    choice: Option<Source>,
    description: Source,
}

impl<'a> Docs<'a> {
    /// For rows with these fields.
    ///
    /// # Errors
    /// A template that does not parse.
    pub(super) fn new(config: &'a Config, fields: &[String]) -> Result<Self> {
        let mut environment = environment();
        let mut source = |key: &'static str, text: &str| {
            let wrong =
                |problem| Error::Task { file: config.file.display().to_string(), place: format!("`{key}`"), problem };
            Source::new(key, text, fields, &mut environment).map_err(wrong)
        };
        let text = source("doc_to_text", &config.doc_to_text)?;
        let target = match &config.doc_to_target {
            Target::Text(text) => Some(source("doc_to_target", text)?),
            Target::Index(_) => None,
        };
        let choice = match &config.doc_to_choice {
            Some(Choices::Text(text)) => Some(source("doc_to_choice", text)?),
            _ => None,
        };
        let description = source("description", &config.description)?;
        Ok(Self { config, environment, text, target, choice, description })
    }

    fn value(&self, key: &str, source: &Source, doc: &Map<String, Value>) -> Result<Value, BadField> {
        source.of(doc, &self.environment).map_err(|problem| BadField::new(key, problem))
    }

    /// The question.
    pub(super) fn question(&self, doc: &Map<String, Value>) -> Result<String, BadField> {
        let bad = |problem: String| BadField::new("doc_to_text", problem);
        match self.value("doc_to_text", &self.text, doc)? {
            // The harness takes digits for an index where there are choices.
            Value::String(text) if self.rendered_digits(&self.text, &text) => {
                Err(bad(format!("{SEVERAL_INPUTS}, found `{text}`")))
            }
            Value::String(text) => Ok(text),
            Value::Number(n) => Err(bad(format!("{SEVERAL_INPUTS}, found {n}"))),
            other => Err(bad(format!("expected a text, found {other}"))),
        }
    }

    /// Whether a template gave nothing but digits in a task with choices.
    fn rendered_digits(&self, source: &Source, text: &str) -> bool {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits && self.config.doc_to_choice.is_some() && matches!(source, Source::Template(_))
    }

    /// The target as the harness has it: an index, a text or a list.
    pub(super) fn target(&self, doc: &Map<String, Value>) -> Result<Value, BadField> {
        let source = match (&self.target, &self.config.doc_to_target) {
            (Some(source), _) => source,
            (None, Target::Index(index)) => return Ok((*index).into()),
            (None, Target::Text(_)) => unreachable!("`new` made a source of every text"),
        };
        Ok(match self.value("doc_to_target", source, doc)? {
            Value::String(text) if matches!(source, Source::Field(_)) => text.into(),
            Value::String(text) if self.rendered_digits(source, &text) => match python::literal(&text) {
                Some(index) => index,
                None => return Err(BadField::new("doc_to_target", format!("expected an index, found `{text}`"))),
            },
            Value::String(text) if text.len() >= 2 && text.starts_with('[') && text.ends_with(']') => {
                python::literal(&text).unwrap_or(Value::String(text))
            }
            other => other,
        })
    }

    /// The choices, where the task has any.
    pub(super) fn choices(&self, doc: &Map<String, Value>) -> Result<Option<Vec<String>>, BadField> {
        let bad = |problem: String| BadField::new("doc_to_choice", problem);
        let value = match (&self.choice, &self.config.doc_to_choice) {
            (None, Some(Choices::List(list))) => return Ok(Some(list.clone())),
            (None, _) => return Ok(None),
            (Some(source), _) => match (source, self.value("doc_to_choice", source, doc)?) {
                (Source::Template(_), Value::String(text)) => {
                    python::literal(&text).ok_or_else(|| bad(format!("expected a list of texts, found `{text}`")))?
                }
                (_, value) => value,
            },
        };
        let Value::Array(list) = &value else { return Err(bad(format!("expected a list of texts, found {value}"))) };
        let text = |value: &Value| match value {
            Value::String(text) if !text.is_empty() => Ok(text.clone()),
            other => Err(bad(format!("expected texts that are not empty, found {other}"))),
        };
        let choices = list.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        if choices.is_empty() { Err(bad("expected choices, found none".into())) } else { Ok(Some(choices)) }
    }

    /// What stands before everything else.
    pub(super) fn description(&self, doc: &Map<String, Value>) -> Result<String, BadField> {
        if self.config.description.is_empty() {
            return Ok(String::new());
        }
        match self.value("description", &self.description, doc)? {
            Value::String(text) => Ok(text),
            other => Err(BadField::new("description", format!("expected a text, found {other}"))),
        }
    }

    /// A question with its answer, as it stands before another question.
    pub(super) fn example(&self, doc: &Map<String, Value>) -> Result<String, BadField> {
        let (mut text, target, choices) = (self.question(doc)?, self.target(doc)?, self.choices(doc)?);
        let bad = |found: &Value| BadField::new("doc_to_target", format!("expected a text or an index, found {found}"));
        let answer = match (&target, &choices) {
            (Value::Null, _) => return Ok(text),
            (Value::String(answer), _) if answer.is_empty() => return Ok(text),
            (Value::String(answer), _) => answer,
            (Value::Array(list), _) => match list.first() {
                Some(Value::String(answer)) => answer,
                _ => return Err(bad(&target)),
            },
            (index, Some(choices)) => {
                let index = place(index).and_then(|i| usize::try_from(i).ok());
                index.and_then(|i| choices.get(i)).ok_or_else(|| bad(&target))?
            }
            (other, None) => return Err(bad(other)),
        };
        text.push_str(&self.config.target_delimiter);
        text.push_str(answer);
        text.push_str(&self.config.fewshot_delimiter);
        Ok(text)
    }
}

/// A whole number, true and false being 1 and 0 as in Python.
pub(super) fn place(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_bool().map(i64::from))
}
