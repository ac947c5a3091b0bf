//! Compares task files and results with lm-evaluation-harness itself: contexts, targets, hashes, metrics and results in
//! `goldens/harness`. The responses of the model in them are made up (`tools/make_harness_goldens.py`).

use laser::evaluate::Evaluator;
use laser::evaluate::outcome::{Likelihood, Outcome};
use laser::model::load::ModelFiles;
use laser::results::harness::Output;
use laser::results::{EvalResults, Manifest, ModelIdentity, TaskIdentity};
use laser::run::{samples, scores};
use laser::statistics::Split;
use laser::task::Task;
use laser::task::options::TaskOptions;
use laser::task::score::Score;
use serde_json::{Map, Value};

use crate::support;

const TASKS: [&str; 9] = [
    "choice",
    "choice_shots",
    "choice_same_split",
    "choice_no_test",
    "choice_first",
    "last_word",
    "generate",
    "generate_plain",
    "texts",
];

fn open(name: &str) -> Task {
    let file = support::goldens().join(format!("harness/{name}.yaml"));
    Task::open(file.to_str().expect("UTF-8"), None, &TaskOptions::default()).expect(name)
}

fn golden(name: &str) -> Value {
    support::json(&support::goldens().join(format!("harness/{name}.golden.json")))
}

/// Fails unless `found` has all keys of `want` with equal values, numbers within a relative 1e-9. `place`: path of the
/// value.
fn check(want: &Value, found: &Value, place: &str) {
    match (want, found) {
        (Value::Object(want), Value::Object(found)) => {
            for (key, want) in want {
                check(want, found.get(key).unwrap_or(&Value::Null), &format!("{place}.{key}"));
            }
        }
        (Value::Array(want), Value::Array(found)) => {
            assert_eq!(want.len(), found.len(), "{place}");
            for (i, (want, found)) in want.iter().zip(found).enumerate() {
                check(want, found, &format!("{place}[{i}]"));
            }
        }
        (Value::Number(want), Value::Number(found)) => {
            let (want, found) = (want.as_f64().expect("a number"), found.as_f64().expect("a number"));
            assert!((want - found).abs() <= 1e-9 * want.abs(), "{place}: {want} {found}");
        }
        _ => assert_eq!(want, found, "{place}"),
    }
}

/// The outcome that has the responses of a golden sample.
fn outcome(task: &Task, position: usize, sample: &Value) -> Outcome {
    let item = &task.items[position];
    let number = |resp: &Value| resp.as_str().and_then(|x| x.parse().ok()).expect("a log-likelihood");
    let likelihood = |resp: &Value| Likelihood { logprob: number(&resp[0][0]), greedy: resp[0][1] == "True" };
    let resps = sample["resps"].as_array().expect("a list");
    let (candidates, prediction) = match task.default_score {
        Score::Generate { .. } => {
            let text = resps[0][0].as_str().expect("a text").to_owned();
            (vec![Likelihood { logprob: -1.0, greedy: false }], text)
        }
        Score::Play => panic!("not a score of the harness"),
        Score::Perplexity { .. } => (vec![Likelihood { logprob: number(&resps[0][0]), greedy: false }], String::new()),
        _ => (resps.iter().map(likelihood).collect(), String::new()),
    };
    let correct = match task.default_score {
        Score::Generate { matching, .. } => matching.accepts("", &task.filters.apply(&prediction), &item.answers),
        _ => candidates[item.gold].greedy,
    };
    let logprob = candidates[item.gold].logprob;
    Outcome {
        correct,
        logprob,
        margin: 0.0,
        answer_tokens: 1,
        prediction,
        candidates,
        rank: None,
        tied: false,
        play: None,
    }
}

/// The output for the outcomes of all documents. Of a text of several windows, the first window gets the whole
/// log-likelihood and the others 0.
fn output(task: &Task, documents: &[Outcome]) -> Output {
    let files = ModelFiles::open(&support::checkpoint("llama-bytes")).expect("files");
    let mut config = files.config().clone();
    let is_perplexity = matches!(task.default_score, Score::Perplexity { .. });
    // A short context splits texts into windows; no model runs, so any context is possible.
    config.max_positions = if is_perplexity { 8 } else { 1 << 16 };
    let tokenizer = files.tokenizer().expect("a tokenizer");
    let evaluator = Evaluator::new(&[(task, task.default_score)], &tokenizer, &config).expect("an evaluator");
    let indices: Vec<usize> = (0..evaluator.items().len()).collect();
    assert_eq!(is_perplexity, indices.len() > documents.len());
    let mut seen = std::collections::BTreeSet::new();
    let of = |index: &usize| {
        let mut outcome = documents[evaluator.index_in_task(*index)].clone();
        if !seen.insert(evaluator.index_in_task(*index)) {
            (outcome.logprob, outcome.candidates[0].logprob) = (0.0, 0.0);
        }
        outcome
    };
    let outcomes: Vec<Outcome> = indices.iter().map(of).collect();
    let records = samples(&evaluator, &indices, &outcomes, |_| Split::All);
    let identity =
        ModelIdentity { path: "tiny".into(), sha256: "0".into(), architecture: "llama".into(), adapters: Vec::new() };
    let laser = EvalResults {
        edit: None,
        scores: scores(&evaluator, &records),
        tasks: Vec::new(),
        price: None,
        majority: None,
        always: Vec::new(),
        manifest: Manifest {
            host: None,
            tool_version: "0".into(),
            git_hash: None,
            model: identity,
            task: TaskIdentity { name: task.name.clone(), sha256: task.sha256() },
            config: [].into(),
            seeds: [("fewshot".to_owned(), 1234)].into(),
            dtype: "f32".into(),
            device: "cpu".into(),
            threads: 1,
            date: None,
        },
        notes: Vec::new(),
    };
    Output::new(&evaluator, &indices, &outcomes, &records, &laser, None)
}

#[test]
fn samples_and_results_equal_the_harness() {
    for name in TASKS {
        let (task, golden) = (open(name), golden(name));
        let want = golden["samples"].as_array().expect("samples");
        let outcomes: Vec<Outcome> =
            want.iter().take(task.items.len()).enumerate().map(|(i, sample)| outcome(&task, i, sample)).collect();
        let Output { results, samples } = output(&task, &outcomes);
        assert_eq!(samples.len(), 1);
        assert_eq!((samples[0].0.as_str(), samples[0].1.len()), (name, want.len()));
        for (i, (want, found)) in want.iter().zip(&samples[0].1).enumerate() {
            check(want, found, &format!("{name}: sample {i}"));
            let only: Map<String, Value> =
                found.as_object().expect("an object").iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            let extra: Vec<&String> = only.keys().filter(|key| want.get(key.as_str()).is_none()).collect();
            assert_eq!(extra, ["laser"]);
            assert_eq!(found["laser"]["doc_id"], want["doc_id"]);
        }
        for key in ["results", "versions", "n-shot", "higher_is_better", "n-samples"] {
            check(&golden[key], &results[key][name], &format!("{name}: {key}"));
        }
        assert_eq!(golden["task_hash"], results["task_hashes"][name]);
        // Not these two, which the harness fills in whatever the task file has.
        let config = golden["configs"].as_object().expect("keys").iter();
        let config = config.filter(|(key, _)| !["fewshot_config", "unsafe_code"].contains(&key.as_str()));
        check(&config.map(|(k, v)| (k.clone(), v.clone())).collect(), &results["configs"][name], name);
        assert_eq!(results["laser"]["manifest"]["task"]["name"], name);
    }
}

#[test]
fn items_of_texts_have_the_whole_text_as_target() {
    let (task, golden) = (open("texts"), golden("texts"));
    assert_eq!(task.default_score, Score::Perplexity { window: usize::MAX, stride: 0 });
    for (item, sample) in task.items.iter().zip(golden["samples"].as_array().expect("samples")) {
        assert_eq!((item.target(), item.prompt.as_str()), (sample["target"].as_str().expect("a text"), ""));
        assert_eq!(*item.doc, sample["doc"]);
    }
}

#[test]
fn seed_and_number_of_examples_can_be_set() {
    let file = support::goldens().join("harness/choice_shots.yaml");
    let open = |setup: &TaskOptions<'_>| Task::open(file.to_str().expect("UTF-8"), None, setup);
    let prompts = |setup: &TaskOptions<'_>| -> Vec<String> {
        open(setup).expect("opens").items.into_iter().map(|item| item.prompt).collect()
    };
    let own = prompts(&TaskOptions::default());
    assert_ne!(own, prompts(&TaskOptions { fewshot_seed: 1, ..TaskOptions::default() }));
    let none = prompts(&TaskOptions { num_fewshot: Some(0), ..TaskOptions::default() });
    for (with, without) in own.iter().zip(&none) {
        let question = &without[without.find("Question:").expect("a question")..];
        assert!(with.ends_with(question) && with.len() > without.len());
    }
    let error =
        open(&TaskOptions { num_fewshot: Some(6), ..TaskOptions::default() }).expect_err("five rows").to_string();
    assert!(error.contains("`num_fewshot`") && error.contains("6 examples") && error.contains("found 5"), "{error}");
}

#[test]
fn a_task_is_found_by_its_name() {
    let folder = [support::goldens().join("harness")];
    let setup = TaskOptions { include: &folder, ..TaskOptions::default() };
    assert_eq!(Task::open("last_word", None, &setup).expect("found").items.len(), 5);
    let error = Task::open("lost_word", None, &setup).expect_err("no such task").to_string();
    assert!(error.contains("lost_word"), "{error}");
    let twice = [folder[0].clone(), folder[0].clone()];
    let error = Task::open("texts", None, &TaskOptions { include: &twice, ..TaskOptions::default() })
        .expect_err("two")
        .to_string();
    assert!(error.contains("texts") && error.contains("include-path"), "{error}");
}
