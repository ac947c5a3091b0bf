//! lm-evaluation-harness: its task files in, its results out.
//!
//! A strict subset of the YAML of version 0.4.13 becomes a [`Task`] whose contexts, few-shot examples and targets are
//! the harness's own byte for byte (`yaml` → `config` → `data`, `template` → `docs`, `fewshot`, `items`), and outcomes
//! become results and samples under its names (`metric` → `output`). A key that is not supported is an error that
//! names it. What Python does, such as drawing examples, is done as Python does it (`python*`).

mod columns;
pub mod config;
mod data;
pub mod definition;
mod docs;
mod fewshot;
mod items;
mod keys;
pub mod metric;
mod pipeline;
pub mod python;
pub mod python_random;
pub mod python_regex;
mod template;
mod yaml;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::join::{Boundary, Join};
use crate::score::{Length, Match, Score, Ties};
use crate::setup::TaskOptions;
use crate::task::{Item, Task};
pub use definition::{Definition, OutputType};
use metric::{Kind, Metric};

/// The task of a YAML file. `data`: the file or folder with its rows, where the task names a set on the hub.
///
/// # Errors
/// A key that is not supported, data that is not there, or a bad row (unless `setup` leaves them out).
pub(crate) fn open(path: &Path, data: Option<&Path>, setup: &TaskOptions<'_>) -> Result<Task> {
    let mut config = config::Config::new(path, yaml::read(path)?)?;
    let num_fewshot = match (setup.num_fewshot, config.num_fewshot) {
        (Some(n), Some(0)) if n > 0 => {
            let problem = format!("{}: the task says `num_fewshot: 0`, which the harness keeps, too", path.display());
            return Err(Error::setting("--num-fewshot", problem));
        }
        (asked, own) => asked.or(own).unwrap_or(0),
    };
    config.json.insert("num_fewshot".into(), num_fewshot.into());
    let asked = data::Split::read(&config, config.eval_split(), data, setup.skip_bad)?;
    let docs = docs::Docs::new(&config, &asked.fields)?;
    let pool = match num_fewshot {
        0 => data::Split::default(),
        _ if config.example_split() == config.eval_split() => asked.clone(),
        _ => data::Split::read(&config, config.example_split(), data, setup.skip_bad)?,
    };
    let mut examples = fewshot::Examples::new(&config, &docs, &pool, num_fewshot, setup.fewshot_seed);
    let (mut items, mut targets, mut skipped) = (Vec::<Item>::new(), Vec::new(), asked.skipped.clone());
    let mut lists = None;
    for index in 0..asked.len() {
        let before = examples.next(&asked, index)?;
        let made = items::item(&config, &docs, index, asked.doc(index), &before);
        match made.and_then(|(item, target)| items::alike(&mut lists, item, target)) {
            Ok((item, target)) => {
                items.push(item);
                targets.push(python::text(&target));
            }
            Err(bad) => {
                let error = asked.row(index).error(&bad);
                if !setup.skip_bad {
                    return Err(error);
                }
                skipped.push(error.to_string());
            }
        }
    }
    let score = score(&config);
    let delimiter = match config.output_type {
        // The harness puts nothing between a context and a likelihood's target.
        OutputType::Loglikelihood | OutputType::LoglikelihoodRolling => String::new(),
        OutputType::MultipleChoice | OutputType::GenerateUntil => config.target_delimiter.clone(),
    };
    let mut task = Task::new(config.task.clone(), items, score)?;
    task.join = Join { delimiter, boundary: Boundary::Harness, special: true };
    task.until = config.until;
    task.filters = config.filters;
    task.num_fewshot = num_fewshot;
    task.config = Value::Object(config.json);
    task.skipped = skipped;
    task.definition =
        Some(Definition { output_type: config.output_type, metrics: config.metrics, version: config.version, targets });
    Ok(task)
}

/// What makes an item right: the first of the metrics.
fn score(config: &config::Config) -> Score {
    let first = config.metrics.first().map(|metric| metric.kind);
    match config.output_type {
        OutputType::Loglikelihood => Score::Greedy,
        OutputType::LoglikelihoodRolling => Score::Perplexity { window: usize::MAX, stride: 0 },
        OutputType::MultipleChoice => {
            let length = if first == Some(Kind::AccNorm) { Length::PerCharacter } else { Length::Sum };
            Score::Choice { length, ties: Ties::First }
        }
        OutputType::GenerateUntil => {
            let matching = match first {
                Some(Kind::ExactMatch { ignore_case, ignore_punctuation }) => {
                    Match::Equal { ignore_case, ignore_punctuation }
                }
                _ => Match::Equal { ignore_case: false, ignore_punctuation: false },
            };
            Score::Generate { max_tokens: config.max_gen_toks, matching }
        }
    }
}

/// Folders deep that a task's file is looked for.
const MAX_DEPTH: usize = 8;

/// The file in or below some folders whose `task` is `name`.
///
/// # Errors
/// A folder that cannot be read, or two files of that name.
pub(crate) fn find(name: &str, folders: &[PathBuf]) -> Result<Option<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders {
        search(name, folder, 0, &mut found)?;
    }
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        [one, other, ..] => {
            let problem =
                format!("expected one file of the task `{name}`, found {} and {}", one.display(), other.display());
            Err(Error::setting("--include-path", problem))
        }
    }
}

fn search(name: &str, folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
        .map_err(Error::io(folder))?;
    entries.sort();
    for path in entries {
        if path.is_dir() && depth < MAX_DEPTH {
            search(name, &path, depth + 1, found)?;
        } else if is_yaml(&path) {
            // A file that cannot be read is another task's, or says so when it is opened by its path.
            if yaml::is_task(&path, name) {
                found.push(path);
            }
        }
    }
    Ok(())
}

/// Whether a path is a task file by its name.
pub(crate) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml")
}

#[cfg(test)]
mod tests;
