//! Run folders: a search or an evaluation written so that it describes itself, and read back.
//!
//! A search leaves `results.json`, `samples.jsonl` (the winner) and `samples.base.jsonl`, `recipe.yaml`,
//! `report.html` and `trials.sqlite`; an evaluation `results.json` and a `samples_TASK.jsonl` for each task, both under
//! lm-evaluation-harness' names. None holds a clock, so that the same run gives the same bytes.

use std::path::{Path, PathBuf};

use laser_checkpoint::write_atomically;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::edit::recipe::Recipe;
use crate::error::{Error, Result};
use crate::evaluate::outcome::Outcome;
use crate::evaluate::{EvaluatedTask, Evaluator};
use crate::report::{Flip, render_html};
use crate::results::harness::{Output, sample_files};
use crate::results::{Baselines, SplitScores, SplitSummary};
use crate::results::{
    BestEdit, Change, GuardKept, Manifest, Results, SampleRecord, SearchSpace, SearchSummary, TaskChange, TaskScores,
    constants, labels,
};
use crate::search::store::{Outcomes, Store};
use crate::search::{Found, Protocol, Settings};
use laser_statistics::{Constant, Split, balanced_accuracy, constant_answer_rate, group_ids, most_frequent};
use laser_task::Item;

/// A run folder.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// The folder at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The trial store.
    pub fn store(&self) -> PathBuf {
        self.path.join("trials.sqlite")
    }

    /// The best edit.
    pub fn recipe(&self) -> PathBuf {
        self.path.join("recipe.yaml")
    }

    /// The report.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// Writes an evaluation.
    pub fn write_eval(&self, output: &Output) -> Result<()> {
        let files = sample_files(output.samples.iter().map(|(task, _)| task.as_str()));
        for (file, (_, lines)) in files.iter().zip(&output.samples) {
            self.write_lines(file, lines)?;
        }
        self.write_json("results.json", &output.results)
    }

    /// Writes a search: results, samples, recipe and report.
    pub fn write_search(
        &self,
        results: &Results,
        base: &[SampleRecord],
        best: &[SampleRecord],
        recipe: &Recipe,
    ) -> Result<()> {
        self.write_lines("samples.base.jsonl", base)?;
        self.write_lines("samples.jsonl", best)?;
        write_atomically(&self.recipe(), recipe.to_yaml()?.as_bytes())?;
        self.write_json("results.json", results)?;
        self.write_report()
    }

    /// Renders `report.html` from what the folder holds.
    pub fn write_report(&self) -> Result<()> {
        let results: Results = self.read_json("results.json")?;
        let base: Vec<SampleRecord> = self.read_lines("samples.base.jsonl")?;
        let best: Vec<SampleRecord> = self.read_lines("samples.jsonl")?;
        let store = Store::open_existing(&self.store())?;
        let order = store.order(Split::Search)?;
        // What `scores` leaves out.
        let reads = |task: &str| results.tasks.iter().any(|change| change.task == task && change.only_reads());
        let asks = results.tasks.iter().any(|change| !change.only_reads());
        let counts =
            |item: usize| base.get(item).is_some_and(|sample| !(asks && sample.task.as_deref().is_some_and(reads)));
        let searched = order.iter().filter(|item| counts(**item)).count();
        let at = |start: usize| order.get(start).is_some_and(|item| counts(*item));
        let trials = store.rows(Split::Search, at, searched)?;
        let flips: Vec<Flip> = base
            .iter()
            .zip(&best)
            .enumerate()
            .filter(|(item, (a, b))| a.acc != b.acc && a.split == Split::Test && counts(*item))
            .map(|(_, (a, b))| Flip {
                prompt: a.prompt.clone(),
                target: a.target.clone(),
                base_prediction: a.prediction.clone(),
                edit_prediction: b.prediction.clone(),
                base_right: a.acc == 1,
                edit_right: b.acc == 1,
            })
            .collect();
        let page = render_html(&results, &trials, &flips).map_err(|e| Error::Report(e.to_string()))?;
        Ok(write_atomically(&self.report(), page.as_bytes())?)
    }

    /// The samples of an evaluation, task after task, or those of a search's winner.
    pub fn samples(&self) -> Result<Vec<SampleRecord>> {
        let Some(tasks) = self.evaluated()? else { return self.read_lines("samples.jsonl") };
        let mut samples = Vec::new();
        for file in sample_files(tasks.iter().map(String::as_str)) {
            let lines: Vec<Sample> = self.read_lines(&file)?;
            // A text stands there once for each pipeline of filters.
            let first = lines.first().map(|line| line.filter.clone());
            samples
                .extend(lines.into_iter().filter(|line| Some(&line.filter) == first.as_ref()).map(|line| line.laser));
        }
        Ok(samples)
    }

    /// The tasks of an evaluation, in their order; none where the folder is not one's.
    fn evaluated(&self) -> Result<Option<Vec<String>>> {
        if !self.path.join("results.json").exists() {
            return Ok(None);
        }
        let whole: Value = self.read_json("results.json")?;
        Ok(whole["results"].as_object().map(|tasks| tasks.keys().cloned().collect()))
    }

    /// Reads a search's `results.json`.
    pub fn results(&self) -> Result<Results> {
        self.read_json("results.json")
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let path = self.path.join(name);
        let mut text = serde_json::to_string_pretty(value).map_err(|e| Error::parse(&path, e))?;
        text.push('\n');
        self.write(&path, text.as_bytes())
    }

    fn write_lines(&self, name: &str, lines: &[impl Serialize]) -> Result<()> {
        let path = self.path.join(name);
        let mut text = String::new();
        for line in lines {
            text.push_str(&serde_json::to_string(line).map_err(|e| Error::parse(&path, e))?);
            text.push('\n');
        }
        self.write(&path, text.as_bytes())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        std::fs::create_dir_all(&self.path).map_err(Error::io(&self.path))?;
        Ok(write_atomically(path, bytes)?)
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let path = self.path.join(name);
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        serde_json::from_str(&text).map_err(|e| Error::parse(&path, e))
    }

    fn read_lines<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>> {
        let path = self.path.join(name);
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        let line =
            |(i, line)| serde_json::from_str(line).map_err(|e| Error::parse(&path, format!("line {}: {e}", i + 1)));
        text.lines().enumerate().filter(|(_, l)| !l.is_empty()).map(line).collect()
    }
}

/// What is read of a line of `samples_TASK.jsonl`.
#[derive(Deserialize)]
struct Sample {
    filter: String,
    laser: SampleRecord,
}

/// The lines of `samples.jsonl` for items `indices` of an exam with their outcomes and splits.
pub fn samples(
    exam: &Evaluator<'_>,
    indices: &[usize],
    outcomes: &[Outcome],
    split: impl Fn(usize) -> Split,
) -> Vec<SampleRecord> {
    let record = |(index, outcome): (&usize, &Outcome)| {
        let item = exam.items()[*index];
        let task = exam.task_name(*index).map(str::to_owned);
        SampleRecord {
            task,
            doc_id: exam.document_of(*index),
            prompt: item.prompt.clone(),
            target: item.target().to_owned(),
            acc: u8::from(outcome.correct),
            logprob: outcome.logprob,
            answer_tokens: outcome.answer_tokens,
            prediction: outcome.prediction.clone(),
            split: split(*index),
            group: exam.group(*index),
        }
    };
    indices.iter().zip(outcomes).map(record).collect()
}

/// Scores per split over the items of all tasks; texts that are only read count where nothing else is asked.
pub fn scores(exam: &Evaluator<'_>, samples: &[SampleRecord]) -> SplitScores {
    if let [part] = exam.parts() {
        return scores_of(samples, labels(part).is_some());
    }
    let asked = asked(exam, samples);
    if asked.is_empty() {
        return scores_of(samples, false);
    }
    scores_of(&asked.into_iter().cloned().collect::<Vec<_>>(), false)
}

/// The samples of tasks that ask something: those with answers, of which some may be frequent.
pub fn asked<'a>(exam: &Evaluator<'_>, samples: &'a [SampleRecord]) -> Vec<&'a SampleRecord> {
    let reads = |part: &&EvaluatedTask<'_>| part.score.only_reads();
    let reading: Vec<&str> = exam.parts().iter().filter(reads).map(|part| part.task.name.as_str()).collect();
    if reading.len() == exam.parts().len() {
        return Vec::new();
    }
    samples.iter().filter(|s| s.task.as_deref().is_none_or(|task| !reading.contains(&task))).collect()
}

/// Scores per split; `classes`: gold answers are labels.
fn scores_of(samples: &[SampleRecord], classes: bool) -> SplitScores {
    let mut scores = SplitScores::new();
    for split in [Split::All, Split::Search, Split::Validation, Split::Test] {
        let part: Vec<&SampleRecord> = samples.iter().filter(|s| s.split == split).collect();
        let right: Vec<bool> = part.iter().map(|s| s.acc == 1).collect();
        let summary = SplitSummary::of(
            &right,
            &part.iter().map(|s| s.logprob).collect::<Vec<_>>(),
            &part.iter().map(|s| s.answer_tokens).collect::<Vec<_>>(),
            &group_ids(part.iter().map(|s| s.group.as_str())),
        );
        let golds = || part.iter().map(|s| s.target.as_str()).collect::<Vec<_>>();
        let balanced_acc = if classes { balanced_accuracy(&golds(), &right) } else { None };
        if let Some(summary) = summary {
            scores.insert(split, SplitSummary { balanced_acc, ..summary });
        }
    }
    scores
}

/// The samples of one task of several.
fn samples_of(part: &EvaluatedTask<'_>, samples: &[SampleRecord]) -> Vec<SampleRecord> {
    samples.iter().filter(|s| s.task.as_ref() == Some(&part.task.name)).cloned().collect()
}

/// Scores of each task, from the samples of all; none where there is only one.
pub fn task_scores(exam: &Evaluator<'_>, samples: &[SampleRecord]) -> Vec<TaskScores> {
    let of_part = |part: &EvaluatedTask<'_>| {
        let own = samples_of(part, samples);
        TaskScores {
            task: part.task.name.clone(),
            score: part.score.to_string(),
            scores: scores_of(&own, labels(part).is_some()),
            always: always(part, &own),
        }
    };
    if exam.parts().len() == 1 { Vec::new() } else { exam.parts().iter().map(of_part).collect() }
}

/// What always giving one label scores on some samples of a task ([`constants`]).
pub fn always(part: &EvaluatedTask<'_>, samples: &[SampleRecord]) -> Vec<Constant> {
    let items: Vec<&Item> = samples.iter().map(|sample| &part.task.items[sample.doc_id]).collect();
    constants(part, &items)
}

/// What a search's winner does to each task; none where there is only one, and it asks something.
fn task_changes(
    exam: &Evaluator<'_>,
    found: &Found,
    settings: &Settings,
    base: &[SampleRecord],
    best: &[SampleRecord],
) -> Vec<TaskChange> {
    let objective = &settings.objective;
    let measures = objective.measures(exam);
    if let [part] = exam.parts()
        && !part.score.only_reads()
    {
        return Vec::new();
    }
    let outcomes = [&found.base, &found.best].map(Outcomes::of);
    let of_part = |(index, part): (usize, &EvaluatedTask<'_>)| {
        let change = |split: Split| {
            let items: Vec<usize> = part.range.clone().filter(|i| found.explored.splits.of[*i] == split).collect();
            let [base, best] =
                [0, 1].map(|o| items.iter().map(|i| measures[index].of(&outcomes[o], *i)).collect::<Vec<f64>>());
            let groups = group_ids(items.iter().map(|i| exam.group(*i)));
            let change = Change::measure(&base, &best, &groups, settings.resamples, settings.statistics_seed)?;
            Some((split, change))
        };
        let change = [Split::Search, Split::Validation, Split::Test].into_iter().filter_map(change).collect();
        let guard = objective.guards.iter().find(|guard| guard.part == index);
        let own = |samples: &[SampleRecord]| samples[part.range.clone()].to_vec();
        let (base, best) = (own(base), own(best));
        let classes = labels(part).is_some();
        let on_test: Vec<SampleRecord> = base.iter().filter(|s| s.split == Split::Test).cloned().collect();
        TaskChange {
            task: part.task.name.clone(),
            score: part.score.to_string(),
            measure: measures[index],
            guard: guard.map(|guard| GuardKept::new(guard, &change)),
            base: scores_of(&base, classes),
            best: scores_of(&best, classes),
            always: always(part, &on_test),
            change,
        }
    };
    exam.parts().iter().enumerate().map(of_part).collect()
}

/// `results.json` of a search: `base` and `best` are the samples of all items.
pub fn search_results(
    exam: &Evaluator<'_>,
    found: &Found,
    settings: &Settings,
    base: &[SampleRecord],
    best: &[SampleRecord],
    manifest: Manifest,
    mut notes: Vec<String>,
) -> Results {
    let [asked_base, asked_best] = [base, best].map(|samples| asked(exam, samples));
    let targets = |split: Split| -> Vec<&str> {
        asked_base.iter().filter(|s| s.split == split).map(|s| s.target.as_str()).collect()
    };
    let predictions: Vec<&str> =
        asked_best.iter().filter(|s| s.split == Split::Test).map(|s| s.prediction.trim()).collect();
    let (search, test) = (targets(Split::Search), targets(Split::Test));
    let on_test: Vec<SampleRecord> = base.iter().filter(|s| s.split == Split::Test).cloned().collect();
    notes.extend(found.explored.notes.iter().cloned());
    let protocol = match settings.protocol {
        Protocol::Honest { .. } => "three-way",
        Protocol::Paper => "paper",
    };
    Results {
        base: scores(exam, base),
        best: BestEdit {
            edit: found.winner.to_string(),
            rank: found.winner.as_single().and_then(|_| found.records.first()).and_then(|record| record.rank),
            rho: found.winner.as_single().map(|(_, reduction)| reduction.to_string()),
            splits: scores(exam, best),
        },
        test: found.proof.held_out.clone(),
        tasks: task_changes(exam, found, settings, base, best),
        search: SearchSummary {
            trials: found.explored.trials.len(),
            space: SearchSpace {
                layers: settings.space.layers.clone(),
                matrices: settings.space.matrices.iter().map(ToString::to_string).collect(),
                rhos: settings.space.reductions.iter().map(ToString::to_string).collect(),
            },
            items_asked: found.explored.items_asked,
            steps: found.explored.steps.iter().map(ToString::to_string).collect(),
            strategy: settings.plan.to_string(),
            protocol: protocol.to_owned(),
            null_best_gain: found.proof.null_best_gain,
        },
        baselines: Baselines {
            majority: most_frequent(&test),
            constant: constant_answer_rate(&search, &test),
            best_prediction: most_frequent(&predictions),
            always: match exam.parts() {
                [part] => always(part, &on_test),
                _ => Vec::new(),
            },
        },
        manifest,
        notes,
    }
}
