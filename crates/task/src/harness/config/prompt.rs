//! The keys that make texts out of a row: `doc_to_text`, `doc_to_target`, `doc_to_choice`, the description and the
//! delimiters.

use serde_json::Value;

use crate::error::Result;
use crate::harness::keys::KeyReader;
use crate::harness::output_type::OutputType;

/// Start of the error for a question that is a number.
pub(in crate::harness) const SEVERAL_INPUTS: &str =
    "expected a text: a number, which picks one of several inputs, is not supported";

/// How the texts of an item are made from a row.
#[derive(Debug)]
pub(in crate::harness) struct PromptConfig {
    /// The question: the name of a field, or a template.
    pub(in crate::harness) doc_to_text: String,
    pub(in crate::harness) doc_to_target: DocToTarget,
    pub(in crate::harness) doc_to_choice: Option<DocToChoice>,
    /// Text before the examples and the question: the name of a field, or a template.
    pub(in crate::harness) description: String,
    /// Text between a question and its answer.
    pub(in crate::harness) target_delimiter: String,
    /// Text after each example.
    pub(in crate::harness) fewshot_delimiter: String,
}

/// `doc_to_target`: where the right answer of a row comes from.
#[derive(Debug)]
pub(in crate::harness) enum DocToTarget {
    /// The name of a field, or a template.
    Text(String),
    /// An index into the choices, the same for every row.
    Index(i64),
}

/// `doc_to_choice`: where the choices of a row come from.
#[derive(Debug)]
pub(in crate::harness) enum DocToChoice {
    /// The name of a field, or a template.
    Text(String),
    /// A list, the same for every row.
    List(Vec<String>),
}

impl PromptConfig {
    pub(super) fn read(keys: &mut KeyReader<'_>, output_type: OutputType) -> Result<Self> {
        Ok(Self {
            doc_to_text: doc_to_text(keys)?,
            doc_to_target: doc_to_target(keys)?,
            doc_to_choice: doc_to_choice(keys, output_type)?,
            description: keys.text("description")?.unwrap_or_default(),
            target_delimiter: keys.text("target_delimiter")?.unwrap_or_else(|| " ".to_owned()),
            fewshot_delimiter: keys.text("fewshot_delimiter")?.unwrap_or_else(|| "\n\n".to_owned()),
        })
    }
}

fn doc_to_text(keys: &mut KeyReader<'_>) -> Result<String> {
    match keys.take("doc_to_text") {
        Some(Value::String(text)) => Ok(text),
        Some(Value::Number(n)) => Err(keys.error("doc_to_text", format!("{SEVERAL_INPUTS}, found {n}"))),
        found => {
            let found = found.unwrap_or_default();
            Err(keys.error("doc_to_text", format!("expected a field or a template, found {found}")))
        }
    }
}

fn doc_to_target(keys: &mut KeyReader<'_>) -> Result<DocToTarget> {
    match keys.take("doc_to_target") {
        Some(Value::String(text)) => Ok(DocToTarget::Text(text)),
        Some(Value::Number(n)) if n.is_i64() => Ok(DocToTarget::Index(n.as_i64().unwrap_or_default())),
        found => {
            let found = found.unwrap_or_default();
            Err(keys.error("doc_to_target", format!("expected a field, a template or an index, found {found}")))
        }
    }
}

fn doc_to_choice(keys: &mut KeyReader<'_>, output_type: OutputType) -> Result<Option<DocToChoice>> {
    let choices = match keys.take("doc_to_choice") {
        None => None,
        Some(Value::String(text)) => Some(DocToChoice::Text(text)),
        // The harness takes the values of a mapping and ignores its keys.
        Some(Value::Object(map)) => {
            let list = map.into_iter().map(|(_, value)| value).collect();
            Some(DocToChoice::List(keys.as_texts("doc_to_choice", Value::Array(list))?))
        }
        Some(list) => Some(DocToChoice::List(keys.as_texts("doc_to_choice", list)?)),
    };
    match (output_type, &choices) {
        (OutputType::MultipleChoice, None) => {
            Err(keys.error("doc_to_choice", "expected it for `multiple_choice`, found nothing"))
        }
        (OutputType::Loglikelihood | OutputType::LoglikelihoodRolling, Some(_)) => {
            let problem = format!("not supported with `output_type: {}`", output_type.name());
            Err(keys.error("doc_to_choice", problem))
        }
        _ => Ok(choices),
    }
}
