//! Renders the texts of a row: question, target, choices, description, and the row as a few-shot example.

use minijinja::Environment;
use serde_json::{Map, Value};

use super::config::TaskConfig;
use super::config::prompt::{DocToChoice, DocToTarget, SEVERAL_INPUTS};
use super::python;
use super::template::{TextSource, environment};
use crate::dataset::BadField;
use crate::error::Result;

/// Renders the texts of a task's rows by its `doc_to_…` keys.
pub(super) struct RowRenderer<'a> {
    config: &'a TaskConfig,
    environment: Environment<'static>,
    question: TextSource,
    /// `None` if the target is a fixed index.
    target: Option<TextSource>,
    /// `None` without choices, or if they are a fixed list.
    choices: Option<TextSource>,
    description: TextSource,
}

impl<'a> RowRenderer<'a> {
    /// Prepares the templates for rows with `fields`.
    ///
    /// # Errors
    /// A template that does not parse.
    pub(super) fn new(config: &'a TaskConfig, fields: &[String]) -> Result<Self> {
        let environment = environment();
        let source = |key: &'static str, text: &str| {
            TextSource::new(key, text, fields).map_err(|problem| config.error(key, problem))
        };
        let prompt = &config.prompt;
        let question = source("doc_to_text", &prompt.doc_to_text)?;
        let target = match &prompt.doc_to_target {
            DocToTarget::Text(text) => Some(source("doc_to_target", text)?),
            DocToTarget::Index(_) => None,
        };
        let choices = match &prompt.doc_to_choice {
            Some(DocToChoice::Text(text)) => Some(source("doc_to_choice", text)?),
            _ => None,
        };
        let description = source("description", &prompt.description)?;
        Ok(Self { config, environment, question, target, choices, description })
    }

    fn value(&self, key: &str, source: &TextSource, doc: &Map<String, Value>) -> Result<Value, BadField> {
        source.value(doc, &self.environment).map_err(|problem| BadField::new(key, problem))
    }

    /// The question of a row.
    pub(super) fn question(&self, doc: &Map<String, Value>) -> Result<String, BadField> {
        let bad = |problem: String| BadField::new("doc_to_text", problem);
        match self.value("doc_to_text", &self.question, doc)? {
            // With choices, the harness reads digits as an index into several inputs.
            Value::String(text) if self.rendered_digits(&self.question, &text) => {
                Err(bad(format!("{SEVERAL_INPUTS}, found `{text}`")))
            }
            Value::String(text) => Ok(text),
            Value::Number(n) => Err(bad(format!("{SEVERAL_INPUTS}, found {n}"))),
            other => Err(bad(format!("expected a text, found {other}"))),
        }
    }

    /// Whether a template gave nothing but digits in a task with choices.
    fn rendered_digits(&self, source: &TextSource, text: &str) -> bool {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits && self.config.prompt.doc_to_choice.is_some() && matches!(source, TextSource::Template(_))
    }

    /// The target of a row as the harness stores it: an index, a text or a list.
    pub(super) fn target(&self, doc: &Map<String, Value>) -> Result<Value, BadField> {
        let source = match (&self.target, &self.config.prompt.doc_to_target) {
            (Some(source), _) => source,
            (None, DocToTarget::Index(index)) => return Ok((*index).into()),
            (None, DocToTarget::Text(_)) => unreachable!("`new` made a source of every text"),
        };
        Ok(match self.value("doc_to_target", source, doc)? {
            // A field's value is the target as it is; only templates can give a number or list, as Python text.
            Value::String(text) if matches!(source, TextSource::Field(_)) => text.into(),
            Value::String(text) if self.rendered_digits(source, &text) => match python::literal_eval(&text) {
                Some(index) => index,
                None => return Err(BadField::new("doc_to_target", format!("expected an index, found `{text}`"))),
            },
            Value::String(text) if text.len() >= 2 && text.starts_with('[') && text.ends_with(']') => {
                python::literal_eval(&text).unwrap_or(Value::String(text))
            }
            other => other,
        })
    }

    /// The choices of a row; `None` for a task without choices.
    pub(super) fn choices(&self, doc: &Map<String, Value>) -> Result<Option<Vec<String>>, BadField> {
        let bad = |problem: String| BadField::new("doc_to_choice", problem);
        let value = match (&self.choices, &self.config.prompt.doc_to_choice) {
            (None, Some(DocToChoice::List(list))) => return Ok(Some(list.clone())),
            (None, _) => return Ok(None),
            (Some(source), _) => match (source, self.value("doc_to_choice", source, doc)?) {
                // A template gives its list as Python text.
                (TextSource::Template(_), Value::String(text)) => python::literal_eval(&text)
                    .ok_or_else(|| bad(format!("expected a list of texts, found `{text}`")))?,
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

    /// The text before the examples and the question.
    pub(super) fn description(&self, doc: &Map<String, Value>) -> Result<String, BadField> {
        if self.config.prompt.description.is_empty() {
            return Ok(String::new());
        }
        match self.value("description", &self.description, doc)? {
            Value::String(text) => Ok(text),
            other => Err(BadField::new("description", format!("expected a text, found {other}"))),
        }
    }

    /// The row as a few-shot example: question, delimiter, answer, delimiter. A row without a target gives its question
    /// alone, as in the harness.
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
                python::as_position(index).and_then(|i| choices.get(i)).ok_or_else(|| bad(&target))?
            }
            (other, None) => return Err(bad(other)),
        };
        text.push_str(&self.config.prompt.target_delimiter);
        text.push_str(answer);
        text.push_str(&self.config.prompt.fewshot_delimiter);
        Ok(text)
    }
}
