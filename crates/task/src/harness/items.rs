//! Rows → items: the context, the answers that count as right, and the target as the harness writes it.

use serde_json::{Map, Value};

use super::config::TaskConfig;
use super::output_type::OutputType;
use super::python;
use super::row_renderer::RowRenderer;
use crate::dataset::BadField;
use crate::task::Item;

/// The item of row `index` with the fields `doc`, and its target. `examples`: the text of its few-shot examples.
///
/// # Errors
/// A field or template without a usable value, or a target that is empty or none of the choices.
pub(super) fn item(
    config: &TaskConfig,
    renderer: &RowRenderer<'_>,
    index: usize,
    doc: &Map<String, Value>,
    examples: &str,
) -> Result<(Item, Value), BadField> {
    let question = renderer.question(doc)?;
    let context = renderer.description(doc)? + examples + &question;
    let question = if context == question { String::new() } else { question };
    let (target, choices) = (renderer.target(doc)?, renderer.choices(doc)?);
    let id = index.to_string();
    let mut item = Item {
        group: id.clone(),
        id,
        question,
        prompt: context,
        doc: Value::Object(doc.clone()).into(),
        ..Item::default()
    };
    match (config.output_type, choices) {
        (OutputType::MultipleChoice, choices) => {
            let choices = choices.expect("choices are there because a task without `doc_to_choice` is refused");
            item.gold = gold_choice(&target, &choices)?;
            item.answers = vec![choices[item.gold].clone()];
            item.choices = choices;
        }
        (OutputType::GenerateUntil, Some(choices)) => {
            // The harness compares the generated text with the choice, not with its index.
            let gold = python::as_position(&target).and_then(|i| choices.get(i));
            let gold = gold.ok_or_else(|| bad(format!("expected an index below {}, found {target}", choices.len())))?;
            item.answers = vec![gold.clone()];
        }
        (OutputType::GenerateUntil, None) => {
            let answers = generation_targets(&target);
            item.answers = answers.ok_or_else(|| bad(format!("expected a text or a list of texts, found {target}")))?;
        }
        (OutputType::Loglikelihood | OutputType::LoglikelihoodRolling, _) => {
            let text = target.as_str().ok_or_else(|| bad(format!("expected a text, found {target}")))?;
            item.answers = vec![text.to_owned()];
        }
    }
    if config.output_type == OutputType::LoglikelihoodRolling {
        item.prompt = String::new(); // the harness scores the target alone
    }
    if item.answers.first().is_none_or(String::is_empty) {
        return Err(bad("expected a text, found an empty one".into()));
    }
    Ok((item, target))
}

fn bad(problem: String) -> BadField {
    BadField::new("doc_to_target", problem)
}

/// Index of the right choice, from a target that is one of the choices or an index.
fn gold_choice(target: &Value, choices: &[String]) -> Result<usize, BadField> {
    let gold = match target {
        Value::String(label) => choices.iter().position(|choice| choice == label),
        index => python::as_position(index).filter(|i| *i < choices.len()),
    };
    gold.ok_or_else(|| {
        let last = choices.len() - 1;
        bad(format!("expected an index from 0 to {last} or one of the choices, found {target}"))
    })
}

/// The texts that a generated text may equal; `None` if the target is neither a text, a number nor a list of texts.
fn generation_targets(target: &Value) -> Option<Vec<String>> {
    match target {
        Value::Array(list) => list.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Object(_) => None,
        single => Some(vec![python::to_str(single)]),
    }
}

/// Whether the targets of a task are lists, which the first row decides: the harness looks at that row only and then
/// treats all targets alike.
#[derive(Debug, Default)]
pub(super) struct TargetShape {
    lists: Option<bool>,
}

impl TargetShape {
    /// Fails if the target is a list and the first one was not, or the other way round.
    pub(super) fn check(&mut self, target: &Value) -> Result<(), BadField> {
        match (*self.lists.get_or_insert(target.is_array()), target.is_array()) {
            (true, false) => Err(bad(format!("expected a list as in the first row, found {target}"))),
            (false, true) => Err(bad(format!("expected no list as in the first row, found {target}"))),
            _ => Ok(()),
        }
    }
}
