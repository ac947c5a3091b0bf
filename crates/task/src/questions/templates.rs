//! Templates of questions: takes the user's settings and records of any layout, gives records whose question, answer, choices
//! and right choice are what the templates make.

use std::path::Path;

use minijinja::Environment;
use serde_json::{Map, Value};

use super::layout::{Part, all_names, folded};
use super::recognize::listed;
use super::settings::QuestionSettings;
use crate::dataset::{BadField, Record, Records, is_table};
use crate::error::{Error, Result};
use crate::harness::csv_columns;
use crate::harness::python;
use crate::harness::template::{TextSource, environment};

/// A template with the part of a question that it makes.
#[derive(Debug)]
struct PartTemplate {
    /// Name of the setting.
    setting: &'static str,
    /// Name under which the layouts know the part.
    field: &'static str,
    source: TextSource,
}

/// Parts of a question that stand for what a template of the prompt makes.
const ASKED: &[Part] =
    &[Part::Question, Part::Passage, Part::Instruction, Part::Input, Part::Messages, Part::Statement];
/// Parts that stand for what a template of the answer makes.
const ANSWERED: &[Part] = &[
    Part::Answer,
    Part::Aliases,
    Part::Choices,
    Part::Column,
    Part::Gold,
    Part::Scores,
    Part::Truth,
    Part::Good,
    Part::Bad,
];

/// The templates of some settings, ready for the records of a file.
#[derive(Debug)]
pub(super) struct Templates {
    templates: Vec<PartTemplate>,
    environment: Environment<'static>,
    /// Folded names of the fields that the templates stand for.
    hidden: Vec<String>,
    /// The fields of each record with the types that the cells of a table have; empty for files whose values have types.
    typed: Vec<Map<String, Value>>,
}

impl Templates {
    /// Prepares the templates for the records of a file; `None` if there are no templates.
    ///
    /// # Errors
    /// A template that does not parse; choices without a right one, or both choices and an answer.
    pub(super) fn new(settings: &QuestionSettings, records: &Records) -> Result<Option<Self>> {
        if settings.answer.is_some() && (settings.choices.is_some() || settings.gold.is_some()) {
            let problem = "an item has either an answer, or choices with the setting `gold`: expected one of the two";
            return Err(Error::setting("answer", problem));
        }
        let mut fields: Vec<String> = Vec::new();
        for name in records.records.iter().flat_map(|record| record.fields.keys()) {
            // Rows of a file have few different names, and all of them soon after its beginning.
            if !fields.contains(name) {
                fields.push(name.clone());
            }
        }
        let (mut templates, mut hidden) = (Vec::new(), Vec::new());
        for (setting, field, template, stands_for) in [
            ("prompt", "question", &settings.prompt, ASKED),
            ("answer", "answer", &settings.answer, ANSWERED),
            (
                "choices",
                "choices",
                &settings.choices,
                &[Part::Choices, Part::Column, Part::Scores, Part::Good, Part::Bad],
            ),
            ("gold", "gold", &settings.gold, &[Part::Gold]),
        ] {
            let Some(text) = template else { continue };
            let source = TextSource::new(setting, text, &fields).map_err(|problem| Error::setting(setting, problem))?;
            templates.push(PartTemplate { setting, field, source });
            hidden.extend(stands_for.iter().flat_map(|part| all_names(*part)).map(folded));
        }
        if templates.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { templates, environment: environment(), hidden, typed: typed(records) }))
    }

    /// The settings whose templates are applied, each with the name of the field that its text becomes.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.templates.iter().map(|template| (template.setting, template.field))
    }

    /// The record as the templates say: their texts under the names that the layouts know, beside the fields that no
    /// template stands for. `number`: the record's place among all records.
    ///
    /// # Errors
    /// A template that cannot be rendered, or one of choices that gives no list.
    pub(super) fn apply(&self, record: &Record, number: usize) -> Result<Record, BadField> {
        let mut fields = record.fields.clone();
        fields.retain(|name, _| !self.hidden.contains(&folded(name)));
        let variables = self.typed.get(number).unwrap_or(&record.fields);
        for PartTemplate { setting, field, source } in &self.templates {
            let value = source.value(variables, &self.environment).map_err(|problem| {
                let names: Vec<&str> = record.fields.keys().map(String::as_str).collect();
                BadField::new(setting, format!("{problem}; the fields are {}", listed(&names)))
            })?;
            fields.insert((*field).to_owned(), read(setting, value)?);
        }
        Ok(Record { fields, ..record.clone() })
    }
}

/// The value that a template gives: lists as Python writes them are lists again.
fn read(setting: &str, value: Value) -> Result<Value, BadField> {
    let Value::String(text) = value else { return Ok(value) };
    let is_list = || text.trim_start().starts_with('[') && text.trim_end().ends_with(']');
    match setting {
        "choices" => python::literal_eval(&text)
            .filter(Value::is_array)
            .ok_or_else(|| BadField::new(setting, format!("expected a list such as ['a', 'b'], found `{text}`"))),
        "answer" if is_list() => Ok(python::literal_eval(&text).unwrap_or(Value::String(text))),
        _ => Ok(Value::String(text)),
    }
}

/// The fields of records with the types that Hugging Face's `datasets` gives to the columns of a table, so that
/// `label == 1` is true for a cell `1`; empty for files whose values have types.
fn typed(records: &Records) -> Vec<Map<String, Value>> {
    if !is_table(&records.file) {
        return Vec::new();
    }
    let mut typed = records.records.clone();
    csv_columns::infer(&mut typed);
    typed.into_iter().map(|record| record.fields).collect()
}

/// Checks that a file can have its records under a key.
///
/// # Errors
/// The setting `records` is given, and the file is a table, a list of lines or Parquet.
pub(super) fn check_records(settings: &QuestionSettings, path: &Path) -> Result<()> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match &settings.records {
        Some(key) if !["json", ""].contains(&extension.as_str()) => {
            let problem =
                format!("only a JSON document has its records under a key such as `{key}`: {}", path.display());
            Err(Error::setting("records", problem))
        }
        _ => Ok(()),
    }
}
