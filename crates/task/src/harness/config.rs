//! What a task file says, checked: every key is either understood or an error that names it.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::definition::OutputType;
use super::keys::Keys;
use super::metric::{self, Metric};
use super::pipeline;
use crate::error::Result;
use crate::filter::Filters;

/// Tokens of a generated text unless the task says otherwise, as in the harness.
pub const MAX_GEN_TOKS: usize = 256;

/// A task file.
#[derive(Debug)]
pub(super) struct Config {
    /// The file.
    pub(super) file: PathBuf,
    pub(super) task: String,
    pub(super) output_type: OutputType,
    pub(super) data: DataConfig,
    pub(super) training_split: Option<String>,
    pub(super) validation_split: Option<String>,
    pub(super) test_split: Option<String>,
    /// `fewshot_config.split`, else `fewshot_split`.
    pub(super) fewshot_split: Option<String>,
    pub(super) doc_to_text: String,
    pub(super) doc_to_target: Target,
    pub(super) doc_to_choice: Option<Choices>,
    pub(super) description: String,
    pub(super) target_delimiter: String,
    pub(super) fewshot_delimiter: String,
    pub(super) num_fewshot: Option<usize>,
    pub(super) sampler: Sampler,
    pub(super) until: Vec<String>,
    pub(super) max_gen_toks: usize,
    pub(super) filters: Filters,
    pub(super) metrics: Vec<Metric>,
    /// `metadata.version`; the harness says `Yaml` where there is none.
    pub(super) version: Value,
    /// All of it as JSON, with the defaults that the harness writes down.
    pub(super) json: Map<String, Value>,
}

/// Where the rows are.
#[derive(Debug)]
pub(super) struct DataConfig {
    pub(super) path: String,
    pub(super) name: Option<String>,
    /// Split and files.
    pub(super) files: Option<Vec<(String, Vec<String>)>>,
    pub(super) dir: Option<String>,
}

/// `doc_to_target`.
#[derive(Debug)]
pub(super) enum Target {
    /// A field or template.
    Text(String),
    /// The same for every row.
    Index(i64),
}

/// `doc_to_choice`.
#[derive(Debug)]
pub(super) enum Choices {
    /// A field or template.
    Text(String),
    /// The same for every row.
    List(Vec<String>),
}

/// `fewshot_config.sampler`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sampler {
    /// `default`: drawn at random for every question.
    Random,
    /// `first_n`: the first ones of the split.
    First,
}

impl Config {
    /// Reads the keys of a file.
    ///
    /// # Errors
    /// A key that is missing, unknown, or asks for what is not supported.
    pub(super) fn new(file: &Path, map: Map<String, Value>) -> Result<Self> {
        let mut json = map.clone();
        let mut keys = Keys::new(file, map);
        keys.refuse(&REFUSED)?;
        let task = match keys.value("task") {
            Some(Value::String(name)) if !name.trim().is_empty() => name,
            Some(Value::Array(_)) => {
                return Err(keys.wrong("task", "expected one task, found a group: name its tasks one by one"));
            }
            found => return Err(keys.wrong("task", format!("expected a name, found {}", found.unwrap_or_default()))),
        };
        keys.texts("tag")?;
        keys.texts("group")?;
        keys.text("task_alias")?;
        let output_type = match keys.text("output_type")? {
            None => OutputType::GenerateUntil,
            Some(name) => OutputType::parse(&name).ok_or_else(|| {
                let known = OutputType::NAMES.map(|(name, _)| name).join(", ");
                keys.wrong("output_type", format!("expected one of {known}, found `{name}`"))
            })?,
        };
        let data = DataConfig::read(&mut keys)?;
        let [training_split, validation_split, test_split, fewshot_split] = [
            keys.text("training_split")?,
            keys.text("validation_split")?,
            keys.text("test_split")?,
            keys.text("fewshot_split")?,
        ];
        if test_split.is_none() && validation_split.is_none() {
            return Err(keys.wrong("test_split", "expected this or `validation_split`, found neither"));
        }
        let doc_to_text = match keys.value("doc_to_text") {
            Some(Value::String(text)) => text,
            Some(Value::Number(n)) => return Err(keys.wrong("doc_to_text", format!("{SEVERAL_INPUTS}, found {n}"))),
            found => {
                let found = found.unwrap_or_default();
                return Err(keys.wrong("doc_to_text", format!("expected a field or a template, found {found}")));
            }
        };
        let doc_to_target = match keys.value("doc_to_target") {
            Some(Value::String(text)) => Target::Text(text),
            Some(Value::Number(n)) if n.is_i64() => Target::Index(n.as_i64().unwrap_or_default()),
            found => {
                let found = found.unwrap_or_default();
                return Err(
                    keys.wrong("doc_to_target", format!("expected a field, a template or an index, found {found}"))
                );
            }
        };
        let doc_to_choice = match keys.value("doc_to_choice") {
            None => None,
            Some(Value::String(text)) => Some(Choices::Text(text)),
            Some(Value::Object(map)) => {
                let list = map.into_iter().map(|(_, value)| value).collect();
                Some(Choices::List(keys.as_texts("doc_to_choice", Value::Array(list))?))
            }
            Some(list) => Some(Choices::List(keys.as_texts("doc_to_choice", list)?)),
        };
        if output_type == OutputType::MultipleChoice && doc_to_choice.is_none() {
            return Err(keys.wrong("doc_to_choice", "expected it for `multiple_choice`, found nothing"));
        }
        if matches!(output_type, OutputType::Loglikelihood | OutputType::LoglikelihoodRolling)
            && doc_to_choice.is_some()
        {
            return Err(
                keys.wrong("doc_to_choice", format!("not supported with `output_type: {}`", output_type.name()))
            );
        }
        let description = keys.text("description")?.unwrap_or_default();
        let target_delimiter = keys.text("target_delimiter")?.unwrap_or_else(|| " ".to_owned());
        let fewshot_delimiter = keys.text("fewshot_delimiter")?.unwrap_or_else(|| "\n\n".to_owned());
        let num_fewshot = keys.count("num_fewshot")?;
        let (sampler, split) = fewshot(&mut keys)?;
        let (until, max_gen_toks) = generation(&mut keys, output_type, &fewshot_delimiter)?;
        let filters = pipeline::read(&mut keys, output_type)?;
        let metrics = metric::read(&mut keys, output_type)?;
        keys.only("repeats", &[json!(1)])?;
        keys.flag("should_decontaminate")?; // measured only on a demand that Laser does not know
        keys.value("doc_to_decontamination_query");
        keys.only("unsafe_code", &[json!(false)])?;
        let version = match keys.value("metadata") {
            None => Value::Null,
            Some(Value::Object(metadata)) => metadata.get("version").cloned().unwrap_or_default(),
            Some(other) => return Err(keys.wrong("metadata", format!("expected keys with values, found {other}"))),
        };
        keys.end()?;

        for key in ["tag", "group"] {
            json.shift_remove(key);
        }
        json.retain(|_, value| !value.is_null());
        let defaults = [
            ("description", json!("")),
            ("target_delimiter", json!(target_delimiter)),
            ("fewshot_delimiter", json!(fewshot_delimiter)),
            ("output_type", json!(output_type.name())),
            ("repeats", json!(1)),
            ("should_decontaminate", json!(false)),
        ];
        for (key, value) in defaults {
            json.entry(key).or_insert(value);
        }
        if output_type == OutputType::GenerateUntil {
            let generation = json
                .entry("generation_kwargs")
                .or_insert_with(|| json!({"temperature": 0.0, "do_sample": false, "max_gen_toks": MAX_GEN_TOKS}));
            if let Value::Object(generation) = generation {
                generation.entry("until").or_insert_with(|| json!(until));
                if generation.contains_key("temperature") {
                    generation.insert("temperature".into(), json!(0.0)); // as the harness writes it
                }
            }
        }
        Ok(Self {
            file: file.to_owned(),
            task,
            output_type,
            data,
            training_split,
            validation_split,
            test_split,
            fewshot_split: split.or(fewshot_split),
            doc_to_text,
            doc_to_target,
            doc_to_choice,
            description,
            target_delimiter,
            fewshot_delimiter,
            num_fewshot,
            sampler,
            until,
            max_gen_toks,
            filters,
            metrics,
            version: if version.is_null() { json!("Yaml") } else { version },
            json,
        })
    }

    /// The split that is asked: test, else validation.
    pub(super) fn eval_split(&self) -> &str {
        let split = self.test_split.as_ref().or(self.validation_split.as_ref());
        split.expect("a split is there because a file without one is refused")
    }

    /// The split that examples come from: its own, else training, validation or test.
    pub(super) fn example_split(&self) -> &str {
        let split = self.fewshot_split.as_ref().or(self.training_split.as_ref()).or(self.validation_split.as_ref());
        split.map_or_else(|| self.eval_split(), String::as_str)
    }

    /// Whether the question itself is left out of its examples: where the harness names the same split for both, and
    /// where it names none for either.
    pub(super) fn excludes_question(&self) -> bool {
        self.fewshot_split == self.test_split
    }
}

/// Why a question that is a number is refused.
pub(super) const SEVERAL_INPUTS: &str =
    "expected a text: a number, which picks one of several inputs, is not supported";

/// Keys of the harness that Laser does not follow, and why.
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

impl DataConfig {
    fn read(keys: &mut Keys<'_>) -> Result<Self> {
        let path = keys.text("dataset_path")?.filter(|path| !path.is_empty());
        let path = path
            .ok_or_else(|| keys.wrong("dataset_path", "expected json, csv, parquet, text or a path, found nothing"))?;
        let name = keys.text("dataset_name")?;
        let (mut files, mut dir) = (None, None);
        if let Some(mut kwargs) = keys.keys("dataset_kwargs")? {
            dir = kwargs.text("data_dir")?;
            files = match kwargs.value("data_files") {
                None => None,
                Some(Value::Object(splits)) => {
                    let split = |(split, value)| {
                        let files = kwargs.as_texts(&format!("data_files.{split}"), value)?;
                        Ok((split, files))
                    };
                    Some(splits.into_iter().map(split).collect::<Result<_>>()?)
                }
                Some(value) => Some(vec![("train".to_owned(), kwargs.as_texts("data_files", value)?)]),
            };
            kwargs.end()?;
        }
        Ok(Self { path, name, files, dir })
    }
}

fn fewshot(keys: &mut Keys<'_>) -> Result<(Sampler, Option<String>)> {
    let Some(mut own) = keys.keys("fewshot_config")? else { return Ok((Sampler::Random, None)) };
    let sampler = match own.text("sampler")?.as_deref() {
        None | Some("default") => Sampler::Random,
        Some("first_n") => Sampler::First,
        Some(other) => return Err(own.wrong("sampler", format!("expected default or first_n, found `{other}`"))),
    };
    let split = own.text("split")?;
    own.end()?;
    Ok((sampler, split))
}

fn generation(keys: &mut Keys<'_>, output_type: OutputType, fewshot_delimiter: &str) -> Result<(Vec<String>, usize)> {
    let (mut until, mut tokens) = (None, None);
    if let Some(mut own) = keys.keys("generation_kwargs")? {
        until = own.texts("until")?;
        tokens = own.count("max_gen_toks")?;
        if tokens == Some(0) {
            return Err(own.wrong("max_gen_toks", "expected at least 1, found 0"));
        }
        own.only("do_sample", &[json!(false)])?;
        own.only("temperature", &[json!(0), json!(0.0)])?;
        own.end()?;
    }
    if output_type != OutputType::GenerateUntil {
        return Ok((Vec::new(), 0));
    }
    let mut until = until.unwrap_or_else(|| vec![fewshot_delimiter.to_owned()]);
    until.retain(|text| !text.is_empty());
    Ok((until, tokens.unwrap_or(MAX_GEN_TOKS)))
}
