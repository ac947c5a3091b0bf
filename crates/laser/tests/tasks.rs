//! The built-in tasks against goldens of an independent script: all texts of all items, and the outcomes of SmolLM2 and of
//! a tiny RoBERTa. Goldens of invented records contain their texts; goldens of real data sets contain hashes of them.
//!
//! The test of real data sets takes minutes and needs the data: `cargo test --release -p laser-rank --test all tasks:: -- --include-ignored`.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use laser::evaluate::outcome::Outcome;
use laser::evaluate::{Evaluator, RunContext};
use laser::model::Model;
use laser::model::ModelKind;
use laser::model::load::ModelFiles;
use laser::model::parallel::Unobserved;
use laser::model::tokenizer::Tokenizer;
use laser::task::join::Boundary;
use laser::task::options::{Profile, TaskOptions};
use laser::task::score::{LengthNormalization, Match, Score};
use laser::task::{Item, Task};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support;

/// Largest difference between two runtimes, nats a token.
const SAME: f64 = 1e-3;

/// A model for which there are goldens.
struct Subject {
    name: &'static str,
    kind: ModelKind,
    model: Model,
    tokenizer: Tokenizer,
}

impl Subject {
    fn open(name: &'static str, path: &Path, kind: ModelKind) -> Self {
        let files = ModelFiles::open(path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let model = files.load(&Device::Cpu, DType::F32, 2).unwrap_or_else(|e| panic!("{name}: {e}"));
        Self { name, kind, model, tokenizer: files.tokenizer().unwrap_or_else(|e| panic!("{name}: {e}")) }
    }

    fn tiny_roberta() -> Self {
        Self::open("tiny-roberta", &support::goldens().join("tasks/tiny-roberta"), ModelKind::Masked)
    }

    fn smollm2() -> Option<Self> {
        Some(Self::open("smollm2", &support::smollm2()?, ModelKind::Causal))
    }

    /// Compares one part of every golden of this model, `made` (invented records) or `real`, with the library.
    fn check(&self, part: &str, data: &Path) {
        let mut checked = 0;
        for (folder, profile) in [("paper", Profile::Paper), ("clean", Profile::Clean)] {
            let folder = support::goldens().join("tasks/expected").join(self.name).join(folder);
            let mut files: Vec<PathBuf> =
                std::fs::read_dir(&folder).expect("goldens").map(|entry| entry.expect("entry").path()).collect();
            files.sort();
            for file in files {
                let golden = support::json(&file);
                if golden[part].is_null() {
                    continue;
                }
                let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
                let what = format!("{} {profile} {name} {part}", self.name);
                self.check_task(&what, name, profile, &golden[part], data);
                checked += 1;
            }
        }
        assert!(checked > 11, "only {checked} goldens");
    }

    fn check_task(&self, what: &str, name: &str, profile: Profile, golden: &Value, data: &Path) {
        // CounterFact has a golden for each of the two scores that the paper uses, for GPT-J and for Llama.
        let (name, family) = name.split_once('_').map_or((name, "llama"), |(name, _)| (name, "gptj"));
        let setup = TaskOptions {
            profile,
            kind: self.kind,
            family,
            tokenizer: Some(&self.tokenizer),
            ..TaskOptions::default()
        };
        let path = data.join(golden["file"].as_str().expect("a file"));
        let task = Task::open(name, Some(&path), &setup).unwrap_or_else(|e| panic!("{what}: {e}"));
        check_settings(what, &task, golden);
        assert_eq!(task.items.len(), golden["items"].as_u64().expect("a number") as usize, "{what}: items");
        let records = golden["records"].as_array().expect("records");
        for record in records {
            check_item(what, &task.items[index(record)], record);
        }
        assert_eq!(golden["all_items"], digest(&task.items), "{what}: all items");
        let selected = Task { items: records.iter().map(|r| task.items[index(r)].clone()).collect(), ..task.clone() };
        if let Score::Perplexity { .. } = task.default_score {
            return self.check_texts(what, &selected, records);
        }
        let outcomes = self.evaluate(what, &selected, task.default_score);
        for ((item, outcome), record) in selected.items.iter().zip(outcomes).zip(records) {
            check_outcome(&format!("{what} {}", item.id), item, &outcome, record);
        }
    }

    fn evaluate(&self, what: &str, task: &Task, score: Score) -> Vec<Outcome> {
        let evaluator = Evaluator::new(&[(task, score)], &self.tokenizer, self.model.config());
        let evaluator = evaluator.unwrap_or_else(|e| panic!("{what}: {e}"));
        let all: Vec<usize> = (0..evaluator.items().len()).collect();
        evaluator
            .evaluate(&self.model, &all, RunContext { threads: 2, stage: "", observer: &Unobserved })
            .unwrap_or_else(|e| panic!("{what}: {e}"))
    }

    /// Compares the perplexity of texts in windows of several widths.
    fn check_texts(&self, what: &str, task: &Task, records: &[Value]) {
        for (window, stride) in [(1024, 512), (64, 32)] {
            let key = format!("{window}/{stride}");
            if records[0][&key].is_null() {
                continue;
            }
            let score = Score::Perplexity { window, stride };
            let evaluator = Evaluator::new(&[(task, score)], &self.tokenizer, self.model.config()).expect("encodes");
            let outcomes = self.evaluate(what, task, score);
            for (document, record) in records.iter().enumerate() {
                let runs: Vec<&Outcome> = outcomes
                    .iter()
                    .enumerate()
                    .filter(|(i, _)| evaluator.index_in_task(*i) == document)
                    .map(|(_, o)| o)
                    .collect();
                let expected = record[&key]["runs"].as_array().expect("runs");
                assert_eq!(runs.len(), expected.len(), "{what} {key}: windows");
                for (run, expected) in runs.iter().zip(expected) {
                    let scored = number(&expected[1]) - number(&expected[0]);
                    assert_eq!(run.answer_tokens as f64, scored, "{what} {key}");
                    let gap = (run.logprob - number(&expected[2])).abs();
                    assert!(gap < SAME * scored.max(1.0), "{what} {key}: {} against {expected}", run.logprob);
                }
            }
        }
    }
}

fn index(record: &Value) -> usize {
    record["index"].as_u64().expect("an index") as usize
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn check_settings(what: &str, task: &Task, golden: &Value) {
    let boundary = match task.join.boundary {
        Boundary::Joint => "joint",
        Boundary::Harness => "harness",
        Boundary::Apart => "apart",
        Boundary::Suffix => "suffix",
    };
    let score = match task.default_score {
        Score::Choice { .. } => "choice".to_owned(),
        score => score.to_string(),
    };
    let expected = golden["score"].as_str().expect("a score");
    assert_eq!((score.as_str(), boundary), (expected, golden["boundary"].as_str().expect("a boundary")), "{what}");
    match task.default_score {
        Score::Generate { max_tokens, matching } => {
            assert_eq!(golden["max_tokens"].as_u64(), Some(max_tokens as u64), "{what}");
            assert_eq!(
                golden["match"].as_str().expect("a match").parse::<Match>().expect("a match"),
                matching,
                "{what}"
            );
        }
        Score::Choice { length, .. } => {
            let length = if length == LengthNormalization::Sum { "sum" } else { "character" };
            assert_eq!(golden["length"], length, "{what}");
        }
        _ => {}
    }
}

/// Whether a text equals a golden's text, or has its hash (the first 8 bytes) and length.
fn is(text: &str, golden: &Value) -> bool {
    let golden = golden.as_str().expect("a text");
    let digits = hex::encode(&Sha256::digest(text)[..8]);
    text == golden || format!("{digits}/{}", text.len()) == golden
}

fn check_item(what: &str, item: &Item, record: &Value) {
    let what = format!("{what} {}: {item:?} against {record}", record["id"]);
    assert!(record["prompt"].is_null() || is(&item.prompt, &record["prompt"]), "{what}");
    assert_eq!(item.suffix, record["suffix"].as_str().unwrap_or_default(), "{what}");
    let same = |texts: &[String], golden: &Value| {
        let golden = golden.as_array().expect("texts");
        texts.len() == golden.len() && texts.iter().zip(golden).all(|(text, golden)| is(text, golden))
    };
    if let Some(text) = record.get("text") {
        assert!(is(item.target(), text), "{what}");
    } else if record["choices"].is_null() {
        assert!(same(&item.answers, &record["answers"]), "{what}");
    } else {
        assert!(same(&item.choices, &record["choices"]), "{what}");
        assert_eq!(record["gold"], item.gold, "{what}");
    }
}

fn check_outcome(what: &str, item: &Item, outcome: &Outcome, record: &Value) {
    let tokens = record["answer_tokens"].as_u64().expect("a number");
    assert_eq!(outcome.answer_tokens as u64, tokens, "{what}: tokens of the answer");
    let near = |a: f64, b: &Value| (a - number(b)).abs() < SAME * (tokens as f64).max(1.0);
    assert!(near(outcome.logprob, &record["logprob"]), "{what}: {outcome:?} against {record}");
    assert!(near(outcome.margin, &record["margin"]), "{what}: {outcome:?} against {record}");
    for (candidate, golden) in outcome.candidates.iter().zip(record["candidates"].as_array().into_iter().flatten()) {
        let gap = (candidate.logprob - number(&golden["logprob"])).abs();
        assert!(gap < 1e-2, "{what}: {candidate:?} against {golden}");
    }
    // Rounding may change the decision.
    let closest = record["closest"].as_f64().unwrap_or(f64::INFINITY);
    if closest < SAME || outcome.margin.abs() < SAME {
        eprintln!("{what}: skipped, because rounding decides");
        return;
    }
    assert_eq!(record["correct"], outcome.correct, "{what}: {outcome:?} against {record}");
    match record.get("chosen") {
        Some(chosen) => {
            let chosen = &item.choices[chosen.as_u64().expect("a choice") as usize];
            assert_eq!(chosen, &outcome.prediction, "{what}");
        }
        None => assert!(is(&outcome.prediction, &record["prediction"]), "{what}: {outcome:?} against {record}"),
    }
}

/// The first 8 bytes of a hash over all texts of all items, in hexadecimal.
fn digest(items: &[Item]) -> String {
    let mut all = Sha256::new();
    for item in items {
        let texts = [&item.prompt, &item.suffix].into_iter().chain(&item.answers).chain(&item.choices);
        texts.for_each(|text| all.update([text.as_bytes(), &[0]].concat()));
    }
    hex::encode(&all.finalize()[..8])
}

#[test]
fn invented_records_give_the_prompts_and_outcomes_of_the_goldens() {
    let data = support::goldens().join("tasks/data");
    Subject::tiny_roberta().check("made", &data);
    if let Some(subject) = Subject::smollm2() {
        subject.check("made", &data);
    }
}

#[test]
#[ignore = "takes minutes, and real data sets"]
fn real_data_sets_give_the_prompts_and_outcomes_of_the_goldens() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !data.is_dir() {
        eprintln!("skipped: {} is not there", data.display());
        return;
    }
    if let Some(subject) = Subject::smollm2() {
        subject.check("real", &data);
    }
    Subject::tiny_roberta().check("real", &data);
}
