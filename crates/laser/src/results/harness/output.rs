//! `results.json` and the lines of `samples_TASK.jsonl` as the harness writes them (its `result_schema.py`); figures
//! that the harness has no key for are under the key `laser`.
//!
//! The metrics are the harness's. For tasks that are not the harness's, the `acc` of an open question is the task's own
//! score, which may accept an alias or match texts in another way.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::document::{DocumentOutcome, join_documents};
use super::metric_value::{MetricValue, aggregate, standard_error};
use super::sample::{FilterName, Sample};
use super::stderr;
use crate::evaluate::outcome::Outcome;
use crate::evaluate::{EvaluatedTask, Evaluator};
use crate::results::{EvalResults, SampleRecord};
use laser_task::harness::{Metric, OutputType};

/// An evaluation as the harness would write it.
#[derive(Debug, Clone)]
pub struct Output {
    /// The content of `results.json`.
    pub results: Value,
    /// For each task, in order, its name and the lines of its `samples_TASK.jsonl`.
    pub samples: Vec<(String, Vec<Value>)>,
}

impl Output {
    /// Builds the output of an evaluation.
    ///
    /// `outcomes` and `records` (Laser's own samples) belong to the items `indices` of `evaluator`, one by one. `laser`
    /// is written under the key `laser`. `limit`: largest number of items of a task, as the user set it.
    pub fn new(
        evaluator: &Evaluator<'_>,
        indices: &[usize],
        outcomes: &[Outcome],
        records: &[SampleRecord],
        laser: &EvalResults,
        limit: Option<usize>,
    ) -> Self {
        let mut sections = TaskSections::default();
        let mut samples = Vec::new();
        for part in evaluator.tasks() {
            let of_task = indices.iter().zip(outcomes).zip(records);
            let of_task = of_task.filter(|((index, _), _)| part.range.contains(index));
            let of_task = of_task.map(|((index, outcome), record)| (evaluator.index_in_task(*index), outcome, record));
            let documents = join_documents(part, of_task);
            samples.push((part.task.name.clone(), sections.add(part, &documents)));
        }
        Self { results: sections.into_results(laser, limit), samples }
    }
}

/// The sections of `results.json` that have an entry for each task.
#[derive(Default)]
struct TaskSections {
    results: Map<String, Value>,
    configs: Map<String, Value>,
    versions: Map<String, Value>,
    n_shot: Map<String, Value>,
    higher_is_better: Map<String, Value>,
    n_samples: Map<String, Value>,
    task_hashes: Map<String, Value>,
}

impl TaskSections {
    /// Adds a task; returns its sample lines.
    fn add(&mut self, part: &EvaluatedTask<'_>, documents: &[DocumentOutcome<'_>]) -> Vec<Value> {
        let (name, task) = (part.task.name.clone(), part.task);
        let metrics = metrics(part);
        let mut row = Map::new();
        row.insert("name".into(), json!(name));
        row.insert("alias".into(), task.config.get("task_alias").cloned().unwrap_or_else(|| json!(name)));
        row.insert("sample_len".into(), json!(documents.len()));
        let (mut lines, mut hash) = (Vec::new(), Sha256::new());
        for (index, filter) in task.filters.names().into_iter().enumerate() {
            // Per metric, the values of all documents.
            let mut columns: Vec<Vec<MetricValue>> = vec![Vec::with_capacity(documents.len()); metrics.len()];
            for document in documents {
                let Sample { json, values } = Sample::new(document, part, &metrics, FilterName { index, name: filter });
                // The harness's task hash runs over the hashes of all lines.
                for key in ["doc_hash", "prompt_hash", "target_hash"] {
                    hash.update(json[key].as_str().unwrap_or_default());
                }
                for (column, value) in columns.iter_mut().zip(values) {
                    column.push(value);
                }
                lines.push(json);
            }
            for (metric, values) in metrics.iter().zip(&columns) {
                let error = standard_error(metric, values).map_or_else(|| json!("N/A"), |error| json!(error));
                row.insert(format!("{},{filter}", metric.name()), json!(aggregate(metric, values)));
                row.insert(format!("{}_stderr,{filter}", metric.name()), error);
            }
        }
        let directions = metrics.iter().map(|m| (m.name().to_owned(), json!(m.higher_is_better)));
        self.higher_is_better.insert(name.clone(), Value::Object(directions.collect()));
        self.n_samples.insert(name.clone(), json!({"original": task.total, "effective": documents.len()}));
        self.configs.insert(name.clone(), config(part));
        self.versions.insert(name.clone(), task.definition.as_ref().map_or(Value::Null, |d| d.version.clone()));
        self.n_shot.insert(name.clone(), json!(task.num_fewshot));
        self.task_hashes.insert(name.clone(), json!(hex::encode(hash.finalize())));
        self.results.insert(name, Value::Object(row));
        lines
    }

    /// The content of `results.json`.
    fn into_results(self, laser: &EvalResults, limit: Option<usize>) -> Value {
        let manifest = &laser.manifest;
        json!({
            "results": self.results,
            "group_subtasks": {},
            "configs": self.configs,
            "versions": self.versions,
            "n-shot": self.n_shot,
            "higher_is_better": self.higher_is_better,
            "n-samples": self.n_samples,
            "config": {
                "model": "laser",
                "model_args": manifest.model.path,
                "model_dtype": manifest.dtype,
                "model_sha": manifest.model.sha256,
                "batch_size": "auto",
                "device": manifest.device,
                "limit": limit,
                "bootstrap_iters": stderr::BOOTSTRAP_RESAMPLES,
                "fewshot_seed": manifest.seeds.get("fewshot"),
            },
            "git_hash": manifest.git_hash,
            "model_source": "laser",
            "model_name": manifest.model.path,
            "task_hashes": self.task_hashes,
            "laser": laser,
        })
    }
}

/// The metrics of a task: its file's, unless the user chose a score that asks the model for something else.
fn metrics(part: &EvaluatedTask<'_>) -> Vec<Metric> {
    let output_type = OutputType::of_score(part.score);
    match &part.task.definition {
        Some(definition) if definition.output_type == output_type => definition.metrics.clone(),
        _ => match output_type {
            OutputType::Loglikelihood | OutputType::GenerateUntil => vec![Metric::RIGHT],
            OutputType::MultipleChoice | OutputType::LoglikelihoodRolling => Metric::defaults(output_type),
        },
    }
}

/// The task file as JSON, with the kind of output that the score asked for; for tasks without a file, the keys of one
/// that apply.
fn config(part: &EvaluatedTask<'_>) -> Value {
    let output_type = OutputType::of_score(part.score);
    if let Value::Object(file) = &part.task.config {
        let mut file = file.clone();
        if part.task.definition.as_ref().is_some_and(|definition| definition.output_type != output_type) {
            file.insert("output_type".into(), json!(output_type.name()));
        }
        return Value::Object(file);
    }
    json!({
        "task": part.task.name,
        "output_type": output_type.name(),
        "target_delimiter": part.task.join.delimiter,
        "num_fewshot": part.task.num_fewshot,
    })
}
