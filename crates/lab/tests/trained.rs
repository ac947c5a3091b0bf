//! The trained models of `goldens/lab`, one of each kind that the lab makes (`tools/make_lab_goldens.py`): transformers loads
//! them and computes the same, and evaluations and searches of them come out as recorded.

use std::path::{Path, PathBuf};

use laser::model::candle::{DType, Device};
use laser::model::forward::Trajectory;
use laser::model::tokenizer::Tokenizer;
use laser::model::{Model, ModelFiles};
use laser::results::Verdict;
use laser::{EvaluateOptions, SearchOptions, Session, SessionOptions, TaskRequest, TaskSettings};
use laser_lab::facts::{World, WorldSettings};
use laser_lab::sokoban::generate_levels;
use laser_sokoban::GeneratorSettings;
use serde_json::Value;
use tempfile::TempDir;

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/lab")
}

fn record() -> Value {
    let text = std::fs::read_to_string(goldens().join("lab.json")).expect("a record");
    serde_json::from_str(&text).expect("JSON")
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number") as f32).collect()
}

fn load(name: &str) -> Model {
    let files = ModelFiles::open(&goldens().join(name)).expect("opens");
    files.load(&Device::Cpu, DType::F32, 2).expect("loads")
}

/// Fails unless the largest difference is at most 1e-5 of the largest value.
fn close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-5 * largest, "{what}: {found}, expected {expected}");
    }
}

/// A folder with the world's facts, as `facts.jsonl`, and the levels, as `levels`.
fn data() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let world = WorldSettings { seed: 3, facts: 2_000, mentions: 22_500, ..WorldSettings::default() };
    World::generate(&world).expect("sound settings").write(&folder.path().join("world")).expect("writes");
    let levels = GeneratorSettings {
        seed: 1,
        board: 7,
        boxes: 2,
        rooms: 800,
        starts: 8,
        max_moves: 24,
        ..GeneratorSettings::default()
    };
    let made = generate_levels(&levels, &laser::Unobserved).expect("levels");
    made.write(&folder.path().join("levels")).expect("writes");
    folder
}

fn open(model: &str, cache: &Path) -> Session {
    let options = SessionOptions { cache_dir: cache.to_owned(), threads: 2, ..SessionOptions::default() };
    Session::open_with(model, options).unwrap_or_else(|e| panic!("{model}: {e}"))
}

#[test]
fn transformers_reads_the_tokens_and_computes_the_logits() {
    let record = record();
    for name in ["facts-gpt2", "facts-llama"] {
        let tokenizer = Tokenizer::from_folder(&goldens().join(name)).expect("a tokenizer");
        check_texts(name, &load(name), &tokenizer, &record);
    }
    let cache = tempfile::tempdir().expect("a folder");
    let [base, adapter] = ["facts-llama", "adapter"].map(|name| goldens().join(name).display().to_string());
    let session = open(&format!("{base}+adapter:{adapter}"), cache.path());
    check_texts("adapter", &session.load().expect("loads"), session.tokenizer().expect("a tokenizer"), &record);
}

fn check_texts(name: &str, model: &Model, tokenizer: &Tokenizer, record: &Value) {
    let questions = record["questions"].as_array().expect("questions");
    for (i, question) in questions.iter().enumerate() {
        let tokens = tokenizer.encode(question.as_str().expect("a text"), true).expect("encodes");
        let expected: Vec<u32> = numbers(&record[name]["ids"][i]).into_iter().map(|id| id as u32).collect();
        assert_eq!(tokens, expected, "{name}: {question}");
        let logits = model.next_token_logits(&[&tokens], 1).expect("logits").flatten_all().expect("a row");
        close(name, &logits.to_vec1().expect("values"), &numbers(&record[name]["logits"][i]));
    }
}

#[test]
fn transformers_computes_the_moves_of_the_player() {
    let record = &record()["player"];
    let trajectory = Trajectory {
        returns: numbers(&record["returns"]),
        states: numbers(&record["states"]),
        actions: numbers(&record["actions"]),
        time_steps: numbers(&record["times"]).into_iter().map(|time| time as u32).collect(),
    };
    let trace = load("player").trajectory(&trajectory).expect("runs");
    let moves: Vec<f32> = trace.actions.flatten_all().expect("flat").to_vec1().expect("values");
    close("moves", &moves, &numbers(&record["values"]));
}

#[test]
fn what_was_learned_and_what_a_search_finds_is_as_recorded() {
    let (record, data) = (record(), data());
    let facts = data.path().join("world/facts.jsonl").display().to_string();
    let levels = data.path().join("levels").display().to_string();
    let adapted = format!("facts-llama+adapter:{}", goldens().join("adapter").display());
    for (name, model) in
        [("facts-gpt2", "facts-gpt2"), ("facts-llama", "facts-llama"), ("adapter", &adapted), ("player", "player")]
    {
        let session = open(&goldens().join(model).display().to_string(), data.path());
        let request = match name {
            "player" => TaskRequest { data: Some(levels.clone()), ..TaskRequest::named("sokoban") },
            _ => TaskRequest::named(&facts),
        };
        let tasks = session.tasks(&TaskSettings { tasks: vec![request], ..TaskSettings::default() }).expect("a task");
        let evaluation = session.evaluate(&tasks, &EvaluateOptions::default()).expect("evaluates");
        let right = evaluation.samples.iter().filter(|sample| sample.is_right()).count() as f64;
        let n = evaluation.samples.len() as f64;
        let expected = record["accuracy"][name].as_f64().expect("a share") * n;
        // Another processor may round a near tie to the other side.
        assert!((right - expected).abs() <= 2.0, "{name}: {right} of {n}, expected {expected}");
    }
}

#[test]
fn a_search_that_is_told_nothing_finds_the_last_first_mlp_matrix_and_proves_it() {
    let (record, data) = (record(), data());
    let session = open(&goldens().join("facts-gpt2").display().to_string(), data.path());
    let tasks = session.task(&data.path().join("world/facts.jsonl").display().to_string()).expect("a task");
    let found = session.search(&tasks, &SearchOptions::default()).expect("searches");
    assert!(found.results.best.edit.starts_with("L3.up_proj@"), "{}", found.results.best.edit);
    assert_eq!(found.results.verdict, Verdict::Gain);
    let expected = record["search"]["gain"].as_f64().expect("a gain");
    assert!((found.results.test.diff - expected).abs() < 0.02, "{} {expected}", found.results.test.diff);
    assert!(found.results.price.is_none(), "the world's tokenizer reads no ordinary text");
}
