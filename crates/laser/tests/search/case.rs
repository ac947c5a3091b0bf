//! Cases to search: tiny models, each with a tokenizer and tasks made for it.

use std::path::PathBuf;

use candle_core::{DType, Device};
use laser::edit::Edit;
use laser::edit::selector::MatrixSet;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::evaluate::outcome::Outcome;
use laser::evaluate::{Evaluator, RunContext};
use laser::model::Model;
use laser::model::load::ModelFiles;
use laser::model::parallel::Unobserved;
use laser::model::tokenizer::Tokenizer;
use laser::search::{Plan, Protocol, Settings, Space};
use laser::statistics::Fractions;
use laser::task::Task;
use laser::task::options::TaskOptions;
use laser::task::score::Score;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support;

pub(crate) const MAX_TOKENS: usize = 7;
pub(crate) const ITEMS: usize = 48;

/// A tiny model with a tokenizer and two tasks made for it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) model: Model,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) open: Task,
    pub(crate) choice: Task,
    pub(crate) folder: TempDir,
}

impl Case {
    pub(crate) fn new(name: &str) -> Self {
        Self::changed(name, |_| {})
    }

    /// A golden model whose `config.json` is changed before it is loaded.
    pub(crate) fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Self {
        let source = support::checkpoint(name);
        let folder = tempfile::tempdir().expect("folder");
        let write = |file: &str, text: String| std::fs::write(folder.path().join(file), text).expect(file);
        let mut config = support::json(&source.join("config.json"));
        change(&mut config);
        let weights = std::fs::read(source.join("model.safetensors")).expect("weights");
        let positions = [&config["n_positions"], &config["max_position_embeddings"]]
            .into_iter()
            .find_map(Value::as_u64)
            .map(|n| usize::try_from(n).expect("small"));
        std::fs::write(folder.path().join("model.safetensors"), with_positions(weights, positions)).expect("weights");
        write("config.json", config.to_string());
        let (tokenizer, tokenizer_config) = tokenizer_of(name);
        write("tokenizer.json", tokenizer.to_string());
        write("tokenizer_config.json", tokenizer_config.to_string());
        let files = ModelFiles::open(folder.path()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let model = files.load(&Device::Cpu, DType::F32, 1).unwrap_or_else(|e| panic!("{name}: {e}"));
        let tokenizer = files.tokenizer().unwrap_or_else(|e| panic!("{name}: {e}"));
        let task = |file: &str, lines: Vec<Value>| {
            let path = folder.path().join(file);
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            std::fs::write(&path, text).expect(file);
            Task::open(path.to_str().expect("a UTF-8 path"), None, &TaskOptions::default())
                .unwrap_or_else(|e| panic!("{name}: {e}"))
        };
        let open = task("open.jsonl", open_items(&model, &tokenizer));
        let choice = task("choice.jsonl", choice_items());
        Self { name: name.to_owned(), model, tokenizer, open, choice, folder }
    }

    pub(crate) fn evaluator(&self, score: Score) -> Evaluator<'_> {
        let task = if matches!(score, Score::Choice { .. }) { &self.choice } else { &self.open };
        Evaluator::new(&[(task, score)], &self.tokenizer, self.model.config())
            .unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    pub(crate) fn store(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn edited(&self, truncation: &Truncation, edit: &Edit) -> Model {
        truncation.apply(&self.model, edit).unwrap_or_else(|e| panic!("{}: {edit}: {e}", self.name)).0
    }

    /// Every matrix of every layer at each of `rhos`.
    pub(crate) fn space(&self, rhos: &[&str]) -> Space {
        Space {
            layers: (0..self.model.config().n_layers).collect(),
            matrices: support::KINDS.map(MatrixSet::one).to_vec(),
            reductions: rhos.iter().map(|r| r.parse().expect("a fraction")).collect(),
        }
    }
}

/// Enlarges a table of learned positions to `positions` rows, by repeating its rows.
fn with_positions(weights: Vec<u8>, positions: Option<usize>) -> Vec<u8> {
    let Some(positions) = positions else { return weights };
    let file = SafeTensors::deserialize(&weights).expect("weights");
    let tables = file.tensors().into_iter().map(|(name, view)| {
        let (mut shape, mut data) = (view.shape().to_vec(), view.data().to_vec());
        let skipped = match name.trim_end_matches(".weight").rsplit('.').next() {
            Some("wpe") => Some(0),
            Some("embed_positions") => Some(2),
            _ => None,
        };
        if let Some(skipped) = skipped {
            let rows = positions + skipped;
            let row = data.len() / shape[0];
            shape[0] = rows;
            data = view.data().iter().copied().cycle().take(rows * row).collect();
        }
        (name, view.dtype(), shape, data)
    });
    let tables: Vec<_> = tables.collect();
    let views = tables
        .iter()
        .map(|(name, dtype, shape, data)| (name, TensorView::new(*dtype, shape.clone(), data).expect("a whole table")));
    safetensors::serialize(views, None).expect("weights")
}

/// Tokenizer of a golden model: of `llama-bytes` the golden one, of others one of the same kind with their 96 tokens.
fn tokenizer_of(name: &str) -> (Value, Value) {
    let bytes = support::goldens().join("tiny/llama-bytes");
    let mut tokenizer = support::json(&bytes.join("tokenizer.json"));
    let mut config = support::json(&bytes.join("tokenizer_config.json"));
    if name == "llama-bytes" {
        return (tokenizer, config);
    }
    const SPECIAL: [&str; 3] = ["<|none|>", "<|start|>", "<|end|>"];
    let mut merges = vec![["h".to_owned(), "e".to_owned()], ["i".into(), "n".into()], ["e".into(), "r".into()]];
    merges.extend(('a'..='z').map(|c| ["Ġ".to_owned(), c.to_string()]));
    let letters = "ĠĊÃ©".chars().chain('a'..='z').chain('0'..='9').chain(".,?!:;'-".chars()).chain('A'..='P');
    let pieces = SPECIAL.iter().map(ToString::to_string).chain(letters.map(String::from));
    let pieces = pieces.chain(merges.iter().map(|[a, b]| format!("{a}{b}")));
    let vocab: serde_json::Map<String, Value> = pieces.zip(0u32..).map(|(piece, id)| (piece, id.into())).collect();
    assert_eq!(vocab.len(), 96, "the vocabulary has the models' size");
    tokenizer["model"]["vocab"] = vocab.into();
    tokenizer["model"]["merges"] = json!(merges);
    let special = SPECIAL.iter().enumerate().map(|(id, content)| {
        let mut token = tokenizer["added_tokens"][0].clone();
        token["id"] = id.into();
        token["content"] = json!(content);
        token
    });
    tokenizer["added_tokens"] = special.collect();
    config["add_bos_token"] = true.into();
    (tokenizer, config)
}

/// Prompt of item `i`. The three prompts of a group begin alike, some groups share their beginning, and two groups have
/// equal prompts.
fn prompt(i: usize) -> String {
    const WORDS: [&str; 9] = ["the", "heron", "in", "winter", "a", "quiet theatre", "near", "other rain", "stone"];
    let (group, paraphrase) = (i / 3 - usize::from(i / 3 == 7), i % 3);
    let stem: Vec<&str> = (0..1 + group % 5).map(|w| WORDS[(group * 5 + w * w) % WORDS.len()]).collect();
    let begin = if group % 4 == 0 { "in the theatre, " } else { "" };
    format!("{begin}{}{}", stem.join(" "), ["", " he", " in the inner rain"][paraphrase])
}

/// Items with free answers. A random model answers no question, so most answers are taken from texts that it, or an
/// edit of it, generates.
fn open_items(model: &Model, tokenizer: &Tokenizer) -> Vec<Value> {
    let edit = Edit::parse("L1.down_proj@0.2", model.config()).expect("edit");
    let (edited, _) = Truncation::new(SvdMethod::Exact, None, 1).apply(model, &edit).expect("apply");
    let generated = |model: &Model, i: usize, tokens: std::ops::Range<usize>| {
        let prompt = tokenizer.encode(&prompt(i), true).expect("encode");
        let tokens = &model.greedy(&prompt, MAX_TOKENS).expect("greedy")[tokens];
        tokenizer.decode(tokens).expect("decode")
    };
    // The first generated tokens, if they begin with a space as answers do.
    let opening = |model: &Model, i: usize| Some(generated(model, i, 0..2)).filter(|text| text.starts_with(' '));
    // Characters that the tokenizer can encode.
    let spelled = |c: &char| {
        let ids = tokenizer.encode(&c.to_string(), false).expect("encode");
        tokenizer.decode(&ids).expect("decode") == c.to_string()
    };
    let item = |i: usize| {
        let answer = match i % 4 {
            0 => ["tide", "a stone in the rain", "the", "other"][i / 4 % 4].to_owned(),
            1 => opening(model, i).unwrap_or_else(|| generated(model, i, 2..5)),
            2 => generated(model, i, 0..MAX_TOKENS).trim().lines().next().unwrap_or("").to_owned(),
            _ => opening(&edited, i).unwrap_or_else(|| generated(&edited, i, 1..3)),
        };
        let answer: String = answer.chars().filter(spelled).collect();
        let answer = if answer.trim().is_empty() { "the" } else { answer.trim() };
        let alias = ["he", "quiet", "in it", "a rainy tide"][i % 4];
        json!({"id": format!("i{i}"), "group": format!("g{}", i / 3), "question": prompt(i), "answer": answer,
               "aliases": [alias]})
    };
    (0..ITEMS).map(item).collect()
}

fn choice_items() -> Vec<Value> {
    const CHOICES: [&str; 5] = ["tide", "quiet rain", "a stone in the theatre", "a stone", "he"];
    let item = |i: usize| {
        let choices: Vec<&str> = (0..2 + i % 3).map(|c| CHOICES[(i + 2 * c) % CHOICES.len()]).collect();
        let gold = i / 3 % choices.len();
        json!({"id": i, "group": format!("g{}", i / 3), "question": prompt(i), "choices": choices, "gold": gold})
    };
    (0..ITEMS).map(item).collect()
}

pub(crate) fn indices(evaluator: &Evaluator<'_>) -> Vec<usize> {
    (0..evaluator.items().len()).collect()
}

/// A run context of a test: nothing is observed.
pub(crate) fn context(threads: usize) -> RunContext<'static> {
    RunContext { threads, stage: "", observer: &Unobserved }
}

pub(crate) fn evaluate(evaluator: &Evaluator<'_>, model: &Model, items: &[usize]) -> Vec<Outcome> {
    evaluator.evaluate(model, items, context(1)).expect("evaluate")
}

pub(crate) fn settings(case: &Case, protocol: Protocol, rhos: &[&str]) -> Settings {
    let space = case.space(rhos);
    let base = Settings::new(case.model.config(), 2);
    let plan = Plan::exhaustive();
    Settings { space, plan, protocol, finalists: 6, split_seed: 3, resamples: 200, permutations: 200, ..base }
}

pub(crate) fn honest() -> Protocol {
    Protocol::Honest { fractions: Fractions::new(0.4, 0.3).expect("fractions") }
}
