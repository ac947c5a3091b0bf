//! Outcomes → `results.json` and `samples_TASK.jsonl` under the harness's names (its `result_schema.py`), with what
//! Laser has to say besides under `laser`.
//!
//! The metrics are the harness's, by its definitions. Of tasks that are not the harness's, `acc` of an open question
//! is what the task's score calls right, which may be an alias or a match of another kind.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::measure::{Answered, Measured, aggregate, measure, stderr};
use super::stderr;
use crate::evaluate::outcome::{Likelihood, Outcome};
use crate::evaluate::{EvaluatedTask, Evaluator};
use crate::results::{EvalResults, SampleRecord};
use laser_task::Item;
use laser_task::harness::metric;
use laser_task::harness::metric::Metric;
pub use laser_task::harness::{OutputType, python};
use laser_task::score::Score;

/// An evaluation as the harness would write it.
#[derive(Debug, Clone)]
pub struct Output {
    /// `results.json`.
    pub results: Value,
    /// The lines of `samples_TASK.jsonl` of each task, by the task's name.
    pub samples: Vec<(String, Vec<Value>)>,
}

impl Output {
    /// Of items `indices` of an exam with their outcomes and Laser's own records of them. `limit`: as the user set it.
    pub fn new(
        exam: &Evaluator<'_>,
        indices: &[usize],
        outcomes: &[Outcome],
        records: &[SampleRecord],
        laser: &EvalResults,
        limit: Option<usize>,
    ) -> Self {
        let mut all = [(); 8].map(|()| Map::new());
        let [results, configs, versions, n_shot, higher, n_samples, hashes, subtasks] = &mut all;
        let mut samples = Vec::new();
        for part in exam.parts() {
            let answered = indices.iter().zip(outcomes).zip(records);
            let own = answered.filter(|((index, _), _)| part.range.contains(index));
            let own = own.map(|((index, outcome), record)| (exam.document_of(*index), outcome, record));
            let documents = documents(part, own);
            let metrics = metrics(part);
            let (name, task) = (part.task.name.clone(), part.task);
            let (mut lines, mut hash) = (Vec::new(), Sha256::new());
            let mut row = Map::new();
            row.insert("name".into(), json!(name));
            row.insert("alias".into(), task.config.get("task_alias").cloned().unwrap_or_else(|| json!(name)));
            row.insert("sample_len".into(), json!(documents.len()));
            for (filter, filter_name) in task.filters.names().into_iter().enumerate() {
                let mut columns = vec![Vec::with_capacity(documents.len()); metrics.len()];
                for document in &documents {
                    let sample = document.sample(part, &metrics, filter, filter_name, &mut columns);
                    for key in ["doc_hash", "prompt_hash", "target_hash"] {
                        hash.update(sample[key].as_str().unwrap_or_default());
                    }
                    lines.push(sample);
                }
                for (metric, values) in metrics.iter().zip(&columns) {
                    let error = stderr(metric, values).map_or_else(|| json!("N/A"), |error| json!(error));
                    row.insert(format!("{},{filter_name}", metric.name()), json!(aggregate(metric, values)));
                    row.insert(format!("{}_stderr,{filter_name}", metric.name()), error);
                }
            }
            let directions = metrics.iter().map(|m| (m.name().to_owned(), json!(m.higher_is_better)));
            higher.insert(name.clone(), Value::Object(directions.collect()));
            n_samples.insert(name.clone(), json!({"original": task.total, "effective": documents.len()}));
            configs.insert(name.clone(), config(part));
            versions.insert(name.clone(), task.definition.as_ref().map_or(Value::Null, |d| d.version.clone()));
            n_shot.insert(name.clone(), json!(task.num_fewshot));
            hashes.insert(name.clone(), json!(hex::encode(hash.finalize())));
            results.insert(name.clone(), Value::Object(row));
            samples.push((name, lines));
        }
        let manifest = &laser.manifest;
        let results = json!({
            "results": results,
            "group_subtasks": subtasks,
            "configs": configs,
            "versions": versions,
            "n-shot": n_shot,
            "higher_is_better": higher,
            "n-samples": n_samples,
            "config": {
                "model": "laser",
                "model_args": manifest.model.path,
                "model_dtype": manifest.dtype,
                "model_sha": manifest.model.sha256,
                "batch_size": "auto",
                "device": manifest.device,
                "limit": limit,
                "bootstrap_iters": stderr::ITERATIONS,
                "fewshot_seed": manifest.seeds.get("fewshot"),
            },
            "git_hash": manifest.git_hash,
            "model_source": "laser",
            "model_name": manifest.model.path,
            "task_hashes": hashes,
            "laser": laser,
        });
        Self { results, samples }
    }
}

/// The names of the files of samples, in the order of their tasks: `samples_NAME.jsonl`, where signs that have no place
/// in a file's name are `_` and a second file of one name is counted.
pub fn sample_files<'a>(tasks: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    /// Leaves room for what stands around it: file systems allow 255 bytes.
    const MAX_NAME: usize = 200;
    let mut names = Vec::<String>::new();
    for task in tasks {
        let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let name: String = task.strip_suffix(".jsonl").unwrap_or(task).chars().map(safe).collect();
        let name = &name[name.len().saturating_sub(MAX_NAME)..];
        let counted = (1..).map(|n| if n == 1 { name.to_owned() } else { format!("{name}-{n}") });
        let file = counted.map(|name| format!("samples_{name}.jsonl")).find(|file| !names.contains(file));
        names.extend(file);
    }
    names
}

/// What the harness measures in a task: what its file says, as long as it is asked for what the file asks.
fn metrics(part: &EvaluatedTask<'_>) -> Vec<Metric> {
    let asked = OutputType::of(part.score);
    match &part.task.definition {
        Some(definition) if definition.output_type == asked => definition.metrics.clone(),
        _ => match asked {
            OutputType::Loglikelihood | OutputType::GenerateUntil => vec![Metric::RIGHT],
            OutputType::MultipleChoice | OutputType::LoglikelihoodRolling => metric::defaults(asked),
        },
    }
}

/// The task's own file, or as much of one as can be said of another task.
fn config(part: &EvaluatedTask<'_>) -> Value {
    if !part.task.config.is_null() {
        return part.task.config.clone();
    }
    json!({
        "task": part.task.name,
        "output_type": OutputType::of(part.score).name(),
        "target_delimiter": part.task.join.delimiter,
        "num_fewshot": part.task.num_fewshot,
    })
}

/// One document: an item, or the windows of a long text.
struct Document<'a> {
    /// Position in the task.
    position: usize,
    item: &'a Item,
    candidates: Vec<Likelihood>,
    prediction: &'a str,
    record: SampleRecord,
}

/// The documents of a part, from their positions in the task. Windows of one text are one document: their
/// log-likelihoods and tokens are added.
fn documents<'a>(
    part: &EvaluatedTask<'a>,
    answered: impl Iterator<Item = (usize, &'a Outcome, &'a SampleRecord)>,
) -> Vec<Document<'a>> {
    let mut documents = Vec::<Document<'a>>::new();
    for (position, outcome, record) in answered {
        match documents.last_mut().filter(|last| last.position == position) {
            None => documents.push(Document {
                position,
                item: &part.task.items[position],
                candidates: outcome.candidates.clone(),
                prediction: &outcome.prediction,
                record: record.clone(),
            }),
            Some(last) => {
                for (sum, window) in last.candidates.iter_mut().zip(&outcome.candidates) {
                    sum.logprob += window.logprob;
                    sum.greedy &= window.greedy;
                }
                last.record.logprob += record.logprob;
                last.record.answer_tokens += record.answer_tokens;
                last.record.acc = last.record.acc.min(record.acc);
            }
        }
    }
    documents
}

impl Document<'_> {
    /// The line of a document under one pipeline of filters; its values go to the metrics' columns.
    fn sample(
        &self,
        part: &EvaluatedTask<'_>,
        metrics: &[Metric],
        filter: usize,
        filter_name: &str,
        columns: &mut [Vec<Measured>],
    ) -> Value {
        let (task, item) = (part.task, self.item);
        let output_type = OutputType::of(part.score);
        let filtered = task.filters.nth(filter, self.prediction);
        let answered = Answered { item, candidates: &self.candidates, text: &filtered, right: self.record.acc == 1 };
        let delimiter = &task.join.delimiter;
        let said = |l: &Likelihood| json!([python::float(l.logprob), python::text(&json!(l.greedy))]);
        let gold = &self.candidates[item.gold.min(self.candidates.len() - 1)];
        let (arguments, resps): (Vec<Value>, Vec<Value>) = match output_type {
            OutputType::MultipleChoice => {
                let argument = |choice: &String| json!({"arg_0": item.prompt, "arg_1": format!("{delimiter}{choice}")});
                (item.choices.iter().map(argument).collect(), self.candidates.iter().map(said).collect())
            }
            OutputType::Loglikelihood => {
                let argument = json!({"arg_0": item.prompt, "arg_1": format!("{delimiter}{}", item.target())});
                (vec![argument], vec![said(gold)])
            }
            OutputType::LoglikelihoodRolling => {
                (vec![json!({"arg_0": item.target()})], vec![json!(python::float(gold.logprob))])
            }
            OutputType::GenerateUntil => {
                let argument = json!({"arg_0": item.prompt, "arg_1": generation(part)});
                (vec![argument], vec![json!(self.prediction)])
            }
        };
        let raw: Vec<Value> = resps.iter().map(|resp| json!([resp])).collect();
        let filtered_resps = if output_type == OutputType::GenerateUntil { vec![json!(filtered)] } else { resps };
        let doc = if item.doc.is_null() { json!({"id": item.id}) } else { Value::clone(&item.doc) };
        let (doc_id, target) = match &task.definition {
            Some(definition) => (item.id.parse().unwrap_or(self.position), definition.targets[self.position].clone()),
            None if item.choices.is_empty() => (self.position, item.target().to_owned()),
            None => (self.position, item.gold.to_string()),
        };
        let prompt = arguments.first().and_then(|argument| argument["arg_0"].as_str()).unwrap_or_default();
        let hashes =
            [python::json(&doc), prompt.to_owned(), target.clone()].map(|text| hex::encode(Sha256::digest(text)));
        let mut sample = Map::new();
        let named = (0..).zip(arguments).map(|(i, argument): (usize, _)| (format!("gen_args_{i}"), argument));
        for (key, value) in [
            ("doc_id", json!(doc_id)),
            ("doc", doc),
            ("target", json!(target)),
            ("arguments", Value::Object(named.collect())),
            ("resps", json!(raw)),
            ("filtered_resps", json!(filtered_resps)),
            ("filter", json!(filter_name)),
            ("metrics", metrics.iter().map(Metric::name).collect()),
            ("doc_hash", json!(hashes[0])),
            ("prompt_hash", json!(hashes[1])),
            ("target_hash", json!(hashes[2])),
        ] {
            sample.insert(key.to_owned(), value);
        }
        for (metric, column) in metrics.iter().zip(columns) {
            let value = measure(metric, &answered);
            sample.insert(metric.name().to_owned(), value.json());
            column.push(value);
        }
        sample.insert("laser".into(), json!(self.record));
        Value::Object(sample)
    }
}

/// How texts are generated: as the task's file says, with the length in use.
fn generation(part: &EvaluatedTask<'_>) -> Value {
    let Score::Generate { max_tokens, .. } = part.score else { return Value::Null };
    match part.task.config.get("generation_kwargs") {
        Some(Value::Object(own)) => {
            let mut own = own.clone();
            if own
                .get("max_gen_toks")
                .map_or(laser_task::harness::config::MAX_GEN_TOKS as u64, |n| n.as_u64().unwrap_or(0))
                != max_tokens as u64
            {
                own.insert("max_gen_toks".into(), json!(max_tokens));
            }
            Value::Object(own)
        }
        _ => json!({"until": part.task.until, "max_gen_toks": max_tokens, "do_sample": false}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_have_files_of_their_own() {
        let long = "x".repeat(300);
        let names = sample_files(["arc_easy", "../a b/c.jsonl", ".._a_b_c", "é", &long]);
        assert_eq!(
            names[..4],
            ["samples_arc_easy.jsonl", "samples_.._a_b_c.jsonl", "samples_.._a_b_c-2.jsonl", "samples__.jsonl"]
        );
        assert!(names[4].len() < 255);
    }
}
