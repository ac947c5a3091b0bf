//! Task file → [`Task`]: reads the file and its rows, renders each row into an item, and sets the score.

use std::path::Path;

use serde_json::Value;

use super::config::TaskConfig;
use super::definition::Definition;
use super::fewshot::FewshotExamples;
use super::items::{TargetShape, item};
use super::metric::MetricKind;
use super::output_type::OutputType;
use super::row_renderer::RowRenderer;
use super::split_rows::SplitRows;
use super::{python, yaml};
use crate::error::{Error, Result};
use crate::join::{Boundary, Join};
use crate::options::TaskOptions;
use crate::score::{LengthNormalization, Match, Score, Ties};
use crate::task::{Item, Task};

/// Opens the task of a YAML file. `data`: file or folder with its rows, needed if the file names a data set on the Hub.
///
/// # Errors
/// A key that is not supported, missing data, or a bad row (unless `setup` says to leave bad rows out).
pub(crate) fn open(path: &Path, data: Option<&Path>, setup: &TaskOptions<'_>) -> Result<Task> {
    let mut config = TaskConfig::new(path, yaml::read(path)?)?;
    let num_fewshot = num_fewshot(&config, setup)?;
    config.json.insert("num_fewshot".into(), num_fewshot.into());
    let questions = SplitRows::read(&config, config.splits.evaluated(), data, setup.skip_bad)?;
    let renderer = RowRenderer::new(&config, &questions.fields)?;
    let example_rows = match num_fewshot {
        // Without examples, the split they would come from need not exist.
        0 => SplitRows::default(),
        _ if config.splits.examples() == config.splits.evaluated() => questions.clone(),
        _ => SplitRows::read(&config, config.splits.examples(), data, setup.skip_bad)?,
    };
    let examples = FewshotExamples::new(&config, &renderer, &example_rows, num_fewshot, setup.fewshot_seed);
    let rendered = render(&config, &renderer, &questions, examples, setup.skip_bad)?;
    build_task(config, num_fewshot, rendered)
}

/// Number of examples before each question: the user's, or else the file's, or else 0.
fn num_fewshot(config: &TaskConfig, setup: &TaskOptions<'_>) -> Result<usize> {
    let file = config.fewshot.num_fewshot;
    if let (Some(1..), Some(0)) = (setup.num_fewshot, file) {
        let path = config.file.display();
        let problem = format!("{path}: the task says `num_fewshot: 0`, which the harness keeps, too");
        return Err(Error::setting("num-fewshot", problem));
    }
    Ok(setup.num_fewshot.or(file).unwrap_or(0))
}

/// The items of a task, before they are checked as a whole.
struct RenderedItems {
    items: Vec<Item>,
    /// Target of each item as the harness writes it.
    targets: Vec<String>,
    /// Errors of rows that were left out.
    skipped: Vec<String>,
}

/// Renders each row of `questions` into an item.
fn render(
    config: &TaskConfig,
    renderer: &RowRenderer<'_>,
    questions: &SplitRows,
    mut examples: FewshotExamples<'_>,
    skip_bad: bool,
) -> Result<RenderedItems> {
    let mut rendered = RenderedItems { items: Vec::new(), targets: Vec::new(), skipped: questions.skipped.clone() };
    let mut shape = TargetShape::default();
    for index in 0..questions.len() {
        // Drawn for bad rows as well: the generator must advance once for each row, as in the harness.
        let examples = examples.next(questions, index)?;
        let made = item(config, renderer, index, questions.doc(index), &examples);
        match made.and_then(|(item, target)| shape.check(&target).map(|()| (item, target))) {
            Ok((item, target)) => {
                rendered.items.push(item);
                rendered.targets.push(python::to_str(&target));
            }
            Err(bad) => {
                let error = questions.row(index).error(&bad);
                if !skip_bad {
                    return Err(error);
                }
                rendered.skipped.push(error.to_string());
            }
        }
    }
    Ok(rendered)
}

fn build_task(config: TaskConfig, num_fewshot: usize, rendered: RenderedItems) -> Result<Task> {
    let score = score(&config);
    let delimiter = match config.output_type {
        // The harness puts nothing between a context and the target of a log-likelihood.
        OutputType::Loglikelihood | OutputType::LoglikelihoodRolling => String::new(),
        OutputType::MultipleChoice | OutputType::GenerateUntil => config.prompt.target_delimiter,
    };
    let mut task = Task::new(config.task, rendered.items, score)?;
    task.join = Join { delimiter, boundary: Boundary::Harness, special: true };
    task.until = config.generation.until;
    task.filters = config.filters;
    task.num_fewshot = num_fewshot;
    task.config = Value::Object(config.json);
    task.skipped = rendered.skipped;
    task.definition = Some(Definition {
        output_type: config.output_type,
        metrics: config.metrics,
        version: config.version,
        targets: rendered.targets,
    });
    Ok(task)
}

/// The score that decides whether an item is right: the first metric's.
fn score(config: &TaskConfig) -> Score {
    let first = config.metrics.first().map(|metric| metric.kind);
    match config.output_type {
        OutputType::Loglikelihood => Score::Greedy,
        OutputType::LoglikelihoodRolling => Score::Perplexity { window: usize::MAX, stride: 0 },
        OutputType::MultipleChoice => {
            let length = if first == Some(MetricKind::AccNorm) {
                LengthNormalization::PerCharacter
            } else {
                LengthNormalization::Sum
            };
            Score::Choice { length, ties: Ties::First }
        }
        OutputType::GenerateUntil => {
            let matching = match first {
                Some(MetricKind::ExactMatch { ignore_case, ignore_punctuation }) => {
                    Match::Equal { ignore_case, ignore_punctuation }
                }
                _ => Match::Equal { ignore_case: false, ignore_punctuation: false },
            };
            Score::Generate { max_tokens: config.generation.max_gen_toks, matching }
        }
    }
}
