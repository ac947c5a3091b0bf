//! Rows → items: the context a question is asked in, what is scored after it, and what the harness calls its target.

use serde_json::{Map, Value};

use super::config::Config;
use super::definition::OutputType;
use super::docs::{Docs, place};
use super::python;
use crate::dataset::BadField;
use crate::task::Item;

/// The item of row `index`, and its target. `before`: the examples.
pub(super) fn item(
    config: &Config,
    docs: &Docs<'_>,
    index: usize,
    doc: &Map<String, Value>,
    before: &str,
) -> Result<(Item, Value), BadField> {
    let bad = |problem: String| Err(BadField::new("doc_to_target", problem));
    let context = docs.description(doc)? + before + &docs.question(doc)?;
    let (target, choices) = (docs.target(doc)?, docs.choices(doc)?);
    let id = index.to_string();
    let mut item =
        Item { group: id.clone(), id, prompt: context, doc: Value::Object(doc.clone()).into(), ..Item::default() };
    match (config.output_type, choices) {
        (OutputType::MultipleChoice, choices) => {
            let choices = choices.expect("choices are there because a task without `doc_to_choice` is refused");
            let gold = match &target {
                Value::String(label) => choices.iter().position(|choice| choice == label),
                index => place(index).and_then(|i| usize::try_from(i).ok()).filter(|i| *i < choices.len()),
            };
            let Some(gold) = gold else {
                let last = choices.len() - 1;
                return bad(format!("expected an index from 0 to {last} or one of the choices, found {target}"));
            };
            item.answers = vec![choices[gold].clone()];
            (item.choices, item.gold) = (choices, gold);
        }
        (OutputType::GenerateUntil, Some(choices)) => {
            let index = place(&target).and_then(|i| usize::try_from(i).ok());
            let Some(gold) = index.and_then(|i| choices.get(i)) else {
                return bad(format!("expected an index below {}, found {target}", choices.len()));
            };
            item.answers = vec![gold.clone()];
        }
        (OutputType::GenerateUntil, None) => {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let answers = match &target {
                Value::Array(list) => list.iter().map(text).collect(),
                Value::Null | Value::Object(_) => None,
                one => Some(vec![python::text(one)]),
            };
            let Some(answers) = answers else {
                return bad(format!("expected a text or a list of texts, found {target}"));
            };
            item.answers = answers;
        }
        (OutputType::Loglikelihood | OutputType::LoglikelihoodRolling, _) => {
            let Value::String(text) = &target else { return bad(format!("expected a text, found {target}")) };
            item.answers = vec![text.clone()];
        }
    }
    if config.output_type == OutputType::LoglikelihoodRolling {
        item.prompt = String::new();
    }
    if item.answers.first().is_none_or(String::is_empty) {
        return bad("expected a text, found an empty one".into());
    }
    Ok((item, target))
}

/// The item, if its target is a list where the first one's is: the harness takes the first for all.
pub(super) fn alike(lists: &mut Option<bool>, item: Item, target: Value) -> Result<(Item, Value), BadField> {
    match (*lists.get_or_insert(target.is_array()), target.is_array()) {
        (true, false) => {
            Err(BadField::new("doc_to_target", format!("expected a list as in the first row, found {target}")))
        }
        (false, true) => {
            Err(BadField::new("doc_to_target", format!("expected no list as in the first row, found {target}")))
        }
        _ => Ok((item, target)),
    }
}
