//! A task file whose keys are all understood: takes the keys that `yaml` read, gives typed settings.

mod dataset;
pub(super) mod fewshot;
pub(super) mod generation;
pub(super) mod prompt;
mod record;
mod splits;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::filter_list;
use super::keys::KeyReader;
use super::metric::Metric;
use super::metric_list;
use super::output_type::OutputType;
use crate::error::{Error, Result};
use crate::filter::Filters;
use dataset::DatasetConfig;
use fewshot::FewshotConfig;
use generation::GenerationConfig;
use prompt::PromptConfig;
use splits::Splits;

/// The settings of a task file.
#[derive(Debug)]
pub(super) struct TaskConfig {
    /// The task file itself, for errors and for paths relative to it.
    pub(super) file: PathBuf,
    /// Name of the task.
    pub(super) task: String,
    pub(super) output_type: OutputType,
    pub(super) dataset: DatasetConfig,
    pub(super) splits: Splits,
    pub(super) prompt: PromptConfig,
    pub(super) fewshot: FewshotConfig,
    pub(super) generation: GenerationConfig,
    pub(super) filters: Filters,
    pub(super) metrics: Vec<Metric>,
    /// `metadata.version`, or the text `Yaml` if there is none, as in the harness.
    pub(super) version: Value,
    /// All keys as JSON, with the defaults that the harness writes into its results.
    pub(super) json: Map<String, Value>,
}

impl TaskConfig {
    /// Checks the keys of a task file.
    ///
    /// # Errors
    /// A key that is missing, unknown, or has a value that is not supported.
    pub(super) fn new(file: &Path, map: Map<String, Value>) -> Result<Self> {
        let mut keys = KeyReader::new(file, map.clone());
        keys.refuse(&REFUSED)?;
        let task = task_name(&mut keys)?;
        // Labels, which have no effect on the items.
        keys.texts("tag")?;
        keys.texts("group")?;
        keys.text("task_alias")?;
        let output_type = output_type(&mut keys)?;
        let dataset = DatasetConfig::read(&mut keys)?;
        let mut splits = Splits::read(&mut keys)?;
        let prompt = PromptConfig::read(&mut keys, output_type)?;
        let fewshot = FewshotConfig::read(&mut keys)?;
        if fewshot.split.is_some() {
            splits.fewshot.clone_from(&fewshot.split);
        }
        let generation = GenerationConfig::read(&mut keys, output_type, &prompt.fewshot_delimiter)?;
        let filters = filter_list::read(&mut keys, output_type)?;
        let metrics = metric_list::read(&mut keys, output_type)?;
        keys.accept_only("repeats", &[json!(1)])?;
        // Decontamination happens in the harness only on a request that Laser does not offer.
        keys.flag("should_decontaminate")?;
        keys.take("doc_to_decontamination_query");
        keys.accept_only("unsafe_code", &[json!(false)])?;
        let version = version(&mut keys)?;
        keys.finish()?;
        let json = record::with_defaults(map, output_type, &prompt, &generation);
        let file = file.to_owned();
        Ok(Self {
            file,
            task,
            output_type,
            dataset,
            splits,
            prompt,
            fewshot,
            generation,
            filters,
            metrics,
            version,
            json,
        })
    }

    /// An error about a key of this file.
    pub(super) fn error(&self, key: &str, problem: String) -> Error {
        Error::Task { file: self.file.display().to_string(), place: format!("`{key}`"), problem }
    }
}

/// Reads `task`, which must be a name; a list would be a group of tasks.
fn task_name(keys: &mut KeyReader<'_>) -> Result<String> {
    match keys.take("task") {
        Some(Value::String(name)) if !name.trim().is_empty() => Ok(name),
        Some(Value::Array(_)) => Err(keys.error("task", "expected one task, found a group: name its tasks one by one")),
        found => Err(keys.error("task", format!("expected a name, found {}", found.unwrap_or_default()))),
    }
}

/// Reads `output_type`; the harness's default is `generate_until`.
fn output_type(keys: &mut KeyReader<'_>) -> Result<OutputType> {
    let Some(name) = keys.text("output_type")? else { return Ok(OutputType::GenerateUntil) };
    OutputType::parse(&name).ok_or_else(|| {
        let known = OutputType::NAMES.map(|(name, _)| name).join(", ");
        keys.error("output_type", format!("expected one of {known}, found `{name}`"))
    })
}

/// Reads `metadata.version`; without it the version is the text `Yaml`, as in the harness.
fn version(keys: &mut KeyReader<'_>) -> Result<Value> {
    let version = match keys.take("metadata") {
        None => Value::Null,
        Some(Value::Object(metadata)) => metadata.get("version").cloned().unwrap_or_default(),
        Some(other) => return Err(keys.error("metadata", format!("expected keys with values, found {other}"))),
    };
    Ok(if version.is_null() { json!("Yaml") } else { version })
}

/// Keys of the harness that are not supported, each with the reason or the way around it.
const REFUSED: [(&str, &str); 11] = [
    ("process_docs", "laser runs no Python; process the data before"),
    ("process_results", "laser runs no Python; name the metrics in `metric_list`"),
    ("class", "laser runs no Python"),
    ("custom_dataset", "laser runs no Python"),
    ("use_prompt", "write the template into `doc_to_text`"),
    ("doc_to_image", "laser reads texts only"),
    ("doc_to_audio", "laser reads texts only"),
    ("gen_prefix", "end `doc_to_text` with it"),
    ("task_list", "one file is one task"),
    ("aggregate_metric_list", "a group: name its tasks one by one"),
    ("group_alias", "a group: name its tasks one by one"),
];
