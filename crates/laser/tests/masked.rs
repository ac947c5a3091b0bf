//! Models that fill masks: every score against its definition, batches against single items, trials of a search against
//! their edits.

use std::collections::BTreeMap;

use candle_core::{DType, Device};
use laser::edit::Edit;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::evaluate::outcome::Outcome;
use laser::evaluate::{Evaluator, RunContext};
use laser::model::Model;
use laser::model::load::ModelFiles;
use laser::model::parallel::Unobserved;
use laser::model::tokenizer::Tokenizer;
use laser::search::store::Store;
use laser::search::{Fingerprint, Plan, SearchContext, Settings, Space, search};
use laser::task::join::Boundary;
use laser::task::options::TaskOptions;
use laser::task::score::{LengthNormalization, Match, Score, Ties};
use laser::task::{Item, Task};
use serde_json::{Value, json};

use crate::support;

const MASK: u32 = 4;
/// Largest difference between two ways to sum the same numbers, nats.
const SAME_SUMS: f64 = 1e-4;

struct Case {
    model: Model,
    tokenizer: Tokenizer,
    task: Task,
    folder: tempfile::TempDir,
}

impl Case {
    /// A golden encoder with a tokenizer like RoBERTa's, whose mask token includes the blank before it.
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let source = support::checkpoint(name);
        for file in ["config.json", "model.safetensors"] {
            std::fs::copy(source.join(file), folder.path().join(file)).expect(file);
        }
        let write = |file: &str, value: Value| std::fs::write(folder.path().join(file), value.to_string()).expect(file);
        write("tokenizer.json", tokenizer());
        write("tokenizer_config.json", json!({"mask_token": "<mask>", "bos_token": "<s>", "eos_token": "</s>"}));
        let files = ModelFiles::open(folder.path()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let model = files.load(&Device::Cpu, DType::F32, 1).unwrap_or_else(|e| panic!("{name}: {e}"));
        let tokenizer = files.tokenizer().expect("tokenizer");
        let lines: String = items().iter().map(|item| format!("{item}\n")).collect();
        let path = folder.path().join("items.jsonl");
        std::fs::write(&path, lines).expect("items");
        let mut task = Task::open(path.to_str().expect("UTF-8"), None, &TaskOptions::default()).expect("items");
        task.items.iter_mut().for_each(|item| item.suffix = " .".to_owned());
        Self { model, tokenizer, task, folder }
    }

    fn evaluator(&self, score: Score) -> Evaluator<'_> {
        Evaluator::new(&[(&self.task, score)], &self.tokenizer, self.model.config()).expect("encodes")
    }

    /// `ln p` of every token at each position, `[tokens][vocab]`.
    fn log_softmax(&self, model: &Model, tokens: &[u32]) -> Vec<Vec<f64>> {
        let rows = model.trace(tokens).expect("trace").logits.to_vec2::<f32>().expect("logits");
        let normalise = |row: Vec<f32>| {
            let partition = row.iter().map(|v| f64::from(*v).exp()).sum::<f64>().ln();
            row.into_iter().map(|v| f64::from(v) - partition).collect()
        };
        rows.into_iter().map(normalise).collect()
    }

    /// `ln p` of every token at each mask of `<s> prompt, n masks, suffix </s>`, `[n][vocab]`.
    fn at_masks(&self, model: &Model, item: &Item, n: usize) -> Vec<Vec<f64>> {
        let text = format!("{}{}{}", item.prompt, " <mask>".repeat(n), item.suffix);
        let tokens = self.tokenizer.encode(&text, true).expect("encode");
        assert_eq!((tokens[0], tokens[tokens.len() - 1]), (0, 2), "the tokenizer adds a beginning and an end token");
        let rows = self.log_softmax(model, &tokens);
        let masked: Vec<_> = rows.into_iter().zip(&tokens).filter(|(_, t)| **t == MASK).map(|(row, _)| row).collect();
        assert_eq!(masked.len(), n);
        masked
    }

    fn answer(&self, text: &str) -> Vec<u32> {
        self.tokenizer.encode(&format!(" {text}"), false).expect("encode")
    }

    fn likelihood(&self, model: &Model, item: &Item, text: &str) -> f64 {
        let answer = self.answer(text);
        self.at_masks(model, item, answer.len()).iter().zip(answer).map(|(row, t)| row[t as usize]).sum()
    }

    /// Whether an item is right, computed from the definition of the score.
    fn is_right(&self, model: &Model, item: &Item, score: Score) -> bool {
        let filled = |n: usize| -> Vec<u32> { self.at_masks(model, item, n).iter().map(|row| best(row)).collect() };
        let plain = |ids: &[u32]| self.tokenizer.decode(ids).expect("decode").trim().to_lowercase();
        match score {
            // The first of as many masks as the gold answer has tokens.
            Score::Top1 => {
                let first = plain(&filled(self.answer(item.target()).len())[..1]);
                item.answers.iter().any(|a| plain(&self.answer(a)[..1]) == first)
            }
            Score::Greedy => item.answers.iter().any(|a| filled(self.answer(a).len()) == self.answer(a)),
            Score::Generate { max_tokens, matching } => {
                let text = self.tokenizer.decode(&filled(max_tokens)).expect("decode");
                matching.accepts(&item.prompt, &text, &item.answers)
            }
            Score::Choice { length, .. } => {
                let unit = |c: &String| if length == LengthNormalization::Sum { 1.0 } else { c.len() as f64 };
                let of = |c: &String| self.likelihood(model, item, c) / unit(c);
                let scores: Vec<f64> = item.choices.iter().map(of).collect();
                scores.iter().enumerate().all(|(i, s)| i == item.gold || *s < scores[item.gold])
            }
            _ => panic!("not a score for models that fill masks"),
        }
    }
}

fn best(row: &[f64]) -> u32 {
    let best = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]).then(b.cmp(a))).expect("tokens");
    u32::try_from(best).expect("a token")
}

/// A vocabulary of at most 96 tokens: RoBERTa's special tokens, characters, a few merges.
fn tokenizer() -> Value {
    let mut merges = vec![["h".to_owned(), "e".to_owned()], ["i".into(), "n".into()], ["t".into(), "he".into()]];
    merges.extend(('a'..='w').map(|c| ["Ġ".to_owned(), c.to_string()]));
    let special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"].map(str::to_owned).into_iter();
    let letters = "ĠĊ".chars().chain('a'..='z').chain('0'..='9').chain(".,?".chars()).map(String::from);
    let pieces = special.chain(letters).chain(merges.iter().map(|[a, b]| format!("{a}{b}")));
    let vocab: BTreeMap<String, usize> = pieces.zip(0..).collect();
    assert!(vocab.len() <= 96, "{} tokens", vocab.len());
    let added = |(id, name): (usize, &str)| {
        json!({"id": id, "content": name, "single_word": false, "lstrip": name == "<mask>", "rstrip": false,
            "normalized": false, "special": true})
    };
    let added: Vec<Value> = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"].into_iter().enumerate().map(added).collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "added_tokens": added,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": true,
            "add_prefix_space": false},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": merges},
    })
}

/// Questions with choices, which suit every score. Some have the same prompt.
fn items() -> Vec<Value> {
    const WORDS: [&str; 7] = ["the", "in", "rain", "he", "a", "tin", "hat"];
    const CHOICES: [&str; 7] = ["e", "he", "in", "the", "t", "at", "a"];
    let item = |i: usize| {
        let prompt: Vec<&str> = (0..1 + i % 3).map(|w| WORDS[(i / 2 * 3 + w) % WORDS.len()]).collect();
        let choices: Vec<&str> = (0..2 + i % 3).map(|c| CHOICES[(i + 2 * c) % CHOICES.len()]).collect();
        json!({"id": i, "group": format!("g{}", i / 2), "question": prompt.join(" "), "choices": choices,
            "gold": i / 3 % choices.len()})
    };
    (0..40).map(item).collect()
}

fn scores() -> [Score; 6] {
    let choice = |length| Score::Choice { length, ties: Ties::Wrong };
    let generate = |matching| Score::Generate { max_tokens: 3, matching };
    let texts = [generate(Match::Continuation), generate(Match::Word)];
    [
        Score::Top1,
        Score::Greedy,
        texts[0],
        texts[1],
        choice(LengthNormalization::Sum),
        choice(LengthNormalization::PerByte),
    ]
}

fn evaluate(evaluator: &Evaluator<'_>, model: &Model) -> Vec<Outcome> {
    let all: Vec<usize> = (0..evaluator.items().len()).collect();
    evaluator.evaluate(model, &all, RunContext { threads: 2, stage: "", observer: &Unobserved }).expect("evaluate")
}

/// RoBERTa normalises its embeddings and offsets its positions; ModernBERT has windows.
const MODELS: [&str; 4] = ["roberta", "bert", "distilbert", "modernbert"];

#[test]
fn outcomes_agree_with_the_definitions_of_the_scores() {
    let mut right = 0;
    for case in MODELS.map(Case::new) {
        for score in scores() {
            let evaluator = case.evaluator(score);
            for (item, outcome) in case.task.items.iter().zip(evaluate(&evaluator, &case.model)) {
                let logprob = case.likelihood(&case.model, item, item.target());
                assert!((outcome.logprob - logprob).abs() < SAME_SUMS, "{score}, item {}", item.id);
                assert_eq!(outcome.correct, case.is_right(&case.model, item, score), "{score}, item {}", item.id);
                assert_eq!(outcome.answer_tokens, case.answer(item.target()).len());
                right += usize::from(outcome.correct);
            }
        }
    }
    assert!(right > 100, "only {right} right answers, too few for a test");
}

#[test]
fn suffix_boundary_scores_without_special_tokens_and_counts_one_token_more() {
    let mut case = Case::new("roberta");
    case.task.join.boundary = Boundary::Suffix;
    let score = Score::Generate { max_tokens: 2, matching: Match::Continuation };
    let outcomes = evaluate(&case.evaluator(score), &case.model);
    for (item, outcome) in case.task.items.iter().zip(outcomes) {
        let mut tokens = case.tokenizer.encode(&format!("{} {}", item.prompt, item.target()), false).expect("encode");
        // A separate token for the blank before the answer is not part of the answer.
        let answer = case.answer(item.target());
        let lone = usize::from(case.tokenizer.decode(&answer[..1]).expect("decode").trim().is_empty());
        let answer = &answer[lone..];
        let start = tokens.len() - answer.len();
        assert_eq!(&tokens[start..], answer);
        tokens[start..].fill(MASK);
        let rows = case.log_softmax(&case.model, &tokens);
        let logprob: f64 = rows[start..].iter().zip(answer).map(|(row, t)| row[*t as usize]).sum();
        assert!((outcome.logprob - logprob).abs() < SAME_SUMS, "item {}", item.id);
        assert_eq!(outcome.answer_tokens, answer.len() + 1);
        // The prediction has both special tokens, and as many masks as the score says.
        assert_eq!(outcome.correct, case.is_right(&case.model, item, score), "item {}", item.id);
    }
}

#[test]
fn items_one_at_a_time_have_the_same_outcomes() {
    let case = Case::new("bert");
    for score in scores() {
        let evaluator = case.evaluator(score);
        let all: Vec<usize> = (0..evaluator.items().len()).collect();
        let alone = evaluator.evaluate_one_by_one(&case.model, &all).expect("one by one");
        for (a, b) in alone.iter().zip(evaluate(&evaluator, &case.model)) {
            assert!((a.logprob - b.logprob).abs() < SAME_SUMS && a.correct == b.correct, "{score}: {a:?}, {b:?}");
        }
    }
}

#[test]
fn trials_of_a_search_equal_their_edits_by_themselves() {
    for name in ["roberta", "modernbert"] {
        check_trials(&Case::new(name));
    }
}

fn check_trials(case: &Case) {
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    for score in [Score::Top1, Score::Generate { max_tokens: 2, matching: Match::Continuation }, Score::CHOICE] {
        let evaluator = case.evaluator(score);
        let defaults = Settings::new(case.model.config(), 2);
        let reductions = ["0.5", "0.1"].map(|rho| rho.parse().expect("a fraction")).to_vec();
        let space = Space { reductions, ..Space::paper(case.model.config()) };
        let settings = Settings { space, plan: Plan::exhaustive(), resamples: 100, permutations: 100, ..defaults };
        let path = case.folder.path().join(format!("{score}.sqlite"));
        let mut store = Store::open(&path, &Fingerprint::named("masked"), false).expect("store");
        let found =
            search(SearchContext::new(&case.model, &evaluator, &truncation, &settings, &Unobserved), &mut store)
                .expect("search");
        let layers = case.model.config().n_layers;
        assert_eq!(found.explored.trials.len(), layers * 2 * 2, "layers, matrices, fractions");
        let base = evaluate(&evaluator, &case.model);
        let mut changed = 0;
        for trial in &found.explored.trials {
            let edit: Edit = trial.edit.clone();
            let edited = truncation.apply(&case.model, &edit).expect("apply").0;
            let alone = evaluate(&evaluator, &edited);
            let items = &found.explored.order;
            assert_eq!(trial.outcomes.len(), items.len());
            for (i, item) in items.iter().enumerate() {
                let expected = &alone[*item];
                assert!((trial.outcomes.logprobs[i] - expected.logprob).abs() < 1e-3, "{score}, {edit}, item {item}");
                assert_eq!(trial.outcomes.correct[i], expected.correct, "{score}, {edit}, item {item}");
                changed += usize::from((expected.logprob - base[*item].logprob).abs() > 1e-3);
            }
        }
        assert!(changed > 30, "{score}: {changed} outcomes differ from the unedited model, too few for a test");
    }
}

#[test]
fn the_default_plan_screens_models_that_fill_masks_by_gradients() {
    for name in ["roberta", "modernbert"] {
        check_screen(&Case::new(name));
    }
}

fn check_screen(case: &Case) {
    let truncation = Truncation::new(SvdMethod::Exact, None, 1);
    for score in [Score::Top1, Score::CHOICE] {
        let evaluator = case.evaluator(score);
        let defaults = Settings::new(case.model.config(), 2);
        let settings = Settings { candidates: 4, resamples: 100, permutations: 100, ..defaults };
        let path = case.folder.path().join(format!("default {score}.sqlite"));
        let mut store = Store::open(&path, &Fingerprint::named("masked"), false).expect("store");
        let found =
            search(SearchContext::new(&case.model, &evaluator, &truncation, &settings, &Unobserved), &mut store)
                .expect("search");
        let screened = store.screen("gradient").expect("screen");
        // Without those that would keep no component.
        let expected = settings.space.candidates(case.model.config()).into_iter();
        let expected = expected.filter(|candidate| candidate.rank(case.model.config()) != Some(0));
        assert_eq!(screened.len(), expected.count());
        assert!(screened.values().all(|expected| expected.is_finite()) && !found.explored.trials.is_empty());
    }
}

#[test]
fn perplexity_and_prompts_with_masks_are_errors() {
    let case = Case::new("bert");
    let encode =
        |task: &Task, score| Evaluator::new(&[(task, score)], &case.tokenizer, case.model.config()).map(|_| ());
    let error = encode(&case.task, Score::PERPLEXITY).expect_err("the model continues no texts").to_string();
    assert!(error.contains("perplexity"), "{error}");
    let mut task = case.task.clone();
    task.items[3].prompt = "a <mask> in".to_owned();
    let error = encode(&task, Score::Top1).expect_err("a mask too many").to_string();
    assert!(error.contains("item `3`") && error.contains("of the token <mask>, found"), "{error}");
}
