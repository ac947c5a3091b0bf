//! Perplexity in windows, the boundary between prompt and answer, ties, and the end of generated texts: each against its
//! definition.

use std::path::Path;

use candle_core::{DType, Device};
use laser::evaluate::outcome::Outcome;
use laser::evaluate::{Evaluator, RunContext};
use laser::model::Model;
use laser::model::load::ModelFiles;
use laser::model::parallel::Unobserved;
use laser::model::tokenizer::Tokenizer;
use laser::task::Task;
use laser::task::join::Boundary;
use laser::task::options::TaskOptions;
use laser::task::score::{LengthNormalization, Match, Score, Ties};
use serde_json::{Value, json};

use crate::support;

/// Largest difference between two ways to sum the same numbers, nats.
const SAME_SUMS: f64 = 1e-4;

fn tiny() -> (Model, Tokenizer) {
    let files = ModelFiles::open(&support::checkpoint("llama-bytes")).expect("a golden");
    (files.load(&Device::Cpu, DType::F32, 1).expect("weights"), files.tokenizer().expect("tokenizer"))
}

fn task(folder: &Path, items: &[Value]) -> Task {
    let path = folder.join("items.jsonl");
    std::fs::write(&path, items.iter().map(|item| format!("{item}\n")).collect::<String>()).expect("items");
    Task::open(path.to_str().expect("UTF-8"), None, &TaskOptions::default()).expect("items")
}

fn evaluate(evaluator: &Evaluator<'_>, model: &Model) -> Vec<Outcome> {
    let all: Vec<usize> = (0..evaluator.items().len()).collect();
    evaluator.evaluate(model, &all, RunContext { threads: 2, stage: "", observer: &Unobserved }).expect("evaluate")
}

/// `ln p` of each token of `scored` after the tokens `read`.
fn logprobs(model: &Model, read: &[u32], scored: &[u32]) -> Vec<f64> {
    let rows = model.trace(&[read, scored].concat()).expect("trace").logits.to_vec2::<f32>().expect("logits");
    let of = |(i, token): (usize, &u32)| {
        let row = &rows[read.len() - 1 + i];
        f64::from(row[*token as usize]) - row.iter().map(|v| f64::from(*v).exp()).sum::<f64>().ln()
    };
    scored.iter().enumerate().map(of).collect()
}

const TEXTS: [&str; 3] = [
    "the heron stands in the winter rain and the tide comes in, then it goes out again",
    "a stone",
    "nothing is as quiet as the inner theatre in the rain; the other stone is not",
];

#[test]
fn every_token_of_a_text_is_scored_once_with_the_context_of_its_window() {
    let (model, tokenizer) = tiny();
    let folder = tempfile::tempdir().expect("folder");
    let items: Vec<Value> = TEXTS.iter().map(|text| json!({"question": "text", "answer": text})).collect();
    let task = task(folder.path(), &items);
    for (window, stride) in [(8, 3), (16, 16), (12, 0), (usize::MAX, 0), (usize::MAX, 5)] {
        let score = Score::Perplexity { window, stride };
        let evaluator = Evaluator::new(&[(&task, score)], &tokenizer, model.config()).expect("encodes");
        let outcomes = evaluate(&evaluator, &model);
        let window = window.min(model.config().max_positions);
        for (document, text) in TEXTS.iter().enumerate() {
            let mut tokens = tokenizer.encode(text, false).expect("encode");
            // Without a stride, the first token is predicted too, from a beginning or end token before it.
            if stride == 0 || tokenizer.add_bos() {
                tokens.insert(0, tokenizer.bos_id().or(tokenizer.eos_id()).expect("a beginning"));
            }
            // Position of the first token in the context of token `t`.
            let begin = |t: usize| {
                if stride > 0 {
                    // Windows overlap by at least one token, which predicts the first scored one.
                    let stride = stride.min(window - 1);
                    return (t + 1).saturating_sub(window).div_ceil(stride) * stride;
                }
                let block = (t - 1) / window;
                let end = tokens.len().min(1 + window * (block + 1));
                if block == 0 { 0 } else { end - 1 - window }
            };
            let of = |t: usize| logprobs(&model, &tokens[begin(t)..t], &tokens[t..=t])[0];
            let expected: f64 = (1..tokens.len()).map(of).sum();
            let windows: Vec<&Outcome> = outcomes
                .iter()
                .enumerate()
                .filter(|(i, _)| evaluator.index_in_task(*i) == document)
                .map(|(_, o)| o)
                .collect();
            let logprob: f64 = windows.iter().map(|w| w.logprob).sum();
            assert!((logprob - expected).abs() < 1e-3, "{window} {stride}: {logprob}, {expected}");
            let scored: usize = windows.iter().map(|w| w.answer_tokens).sum();
            assert_eq!(scored, tokens.len() - 1, "{window} {stride}");
            for window in windows {
                assert!((window.margin - window.logprob / window.answer_tokens as f64).abs() < 1e-12);
            }
        }
        let scored_text: String = (0..outcomes.len())
            .filter(|i| evaluator.index_in_task(*i) == 0)
            .map(|i| evaluator.window_text(i).expect("decode").expect("a window"))
            .collect();
        assert!(TEXTS[0].ends_with(scored_text.trim_start()), "{scored_text:?}");
    }
}

#[test]
fn answers_begin_at_the_boundary_of_the_task() {
    let (model, tokenizer) = tiny();
    let folder = tempfile::tempdir().expect("folder");
    let prompts = ["the heron in the", "a stone", "quiet theatre near"];
    let items: Vec<Value> =
        prompts.iter().map(|p| json!({"question": p, "choices": ["rain", "a tide"], "gold": 1})).collect();
    let mut task = task(folder.path(), &items);
    task.items.iter_mut().for_each(|item| item.prompt.push(' '));
    let encode = |text: &str, with_bos: bool| {
        let mut tokens = tokenizer.encode(text, false).expect("encode");
        if with_bos && tokenizer.add_bos() {
            tokens.insert(0, tokenizer.bos_id().expect("a beginning"));
        }
        tokens
    };
    for boundary in [Boundary::Joint, Boundary::Harness, Boundary::Apart, Boundary::Suffix] {
        task.join.boundary = boundary;
        let evaluator = Evaluator::new(&[(&task, Score::CHOICE)], &tokenizer, model.config()).expect("encodes");
        for (item, outcome) in task.items.iter().zip(evaluate(&evaluator, &model)) {
            for (choice, likelihood) in item.choices.iter().zip(&outcome.candidates) {
                let whole = encode(&format!("{} {choice}", item.prompt), true);
                let alone = encode(item.prompt.trim_end(), true);
                let (read, scored) = match boundary {
                    Boundary::Joint => (whole[..alone.len()].to_vec(), whole[alone.len()..].to_vec()),
                    Boundary::Harness => (alone.clone(), whole[alone.len()..].to_vec()),
                    Boundary::Apart => (encode(&item.prompt, true), encode(&format!(" {choice}"), false)),
                    Boundary::Suffix => {
                        let reads = |n: &usize| {
                            let text = tokenizer.decode(&whole[whole.len() - n..]).expect("decode");
                            text.trim() == choice
                        };
                        let n = (1..whole.len()).find(reads).expect("a suffix");
                        (whole[..whole.len() - n].to_vec(), whole[whole.len() - n..].to_vec())
                    }
                };
                let expected: f64 = logprobs(&model, &read, &scored).iter().sum();
                let gap = (likelihood.logprob - expected).abs();
                assert!(gap < SAME_SUMS, "{boundary:?}, {choice}: {likelihood:?}, {expected}");
            }
        }
    }
}

#[test]
fn ties_go_to_the_first_choice_or_count_as_wrong() {
    let (model, tokenizer) = tiny();
    let folder = tempfile::tempdir().expect("folder");
    let items = [0, 1].map(|gold| json!({"question": "the", "choices": ["rain", "tide"], "gold": gold}));
    let mut task = task(folder.path(), &items);
    // A file with equal choices would be refused.
    task.items.iter_mut().for_each(|item| item.choices = vec![item.choices[0].clone(); 2]);
    let right = |ties| {
        let score = Score::Choice { length: LengthNormalization::PerCharacter, ties };
        let evaluator = Evaluator::new(&[(&task, score)], &tokenizer, model.config()).expect("encodes");
        evaluate(&evaluator, &model).iter().map(|o| (o.correct, o.tied)).collect::<Vec<_>>()
    };
    assert_eq!(right(Ties::First), [(true, true), (false, true)]);
    assert_eq!(right(Ties::Wrong), [(false, true); 2]);
}

#[test]
fn generated_texts_are_cut_before_a_stop_text() {
    let (model, tokenizer) = tiny();
    let folder = tempfile::tempdir().expect("folder");
    let items: Vec<Value> = TEXTS.iter().map(|text| json!({"question": text, "answer": "rain"})).collect();
    let mut task = task(folder.path(), &items);
    let score = Score::Generate { max_tokens: 12, matching: Match::Continuation };
    let texts = |task: &Task| -> Vec<String> {
        let evaluator = Evaluator::new(&[(task, score)], &tokenizer, model.config()).expect("encodes");
        evaluate(&evaluator, &model).into_iter().map(|o| o.prediction).collect()
    };
    let free = texts(&task);
    // A stop text that appears in the middle of the first text.
    let middle = free[0].chars().nth(5).expect("a text of some length").to_string();
    task.until = vec!["\n\n\n".to_owned(), middle.clone()];
    let cut = texts(&task);
    assert!(cut[0].len() < free[0].len());
    for (cut, free) in cut.iter().zip(&free) {
        assert_eq!(cut, free.split(&middle).next().expect("a beginning"));
    }
}

#[test]
fn ranks_are_places_among_the_ten_most_likely_tokens() {
    let (model, tokenizer) = tiny();
    let folder = tempfile::tempdir().expect("folder");
    let items: Vec<Value> = (0..26u8)
        .map(|i| json!({"question": TEXTS[usize::from(i % 3)], "answer": char::from(b'a' + i).to_string()}))
        .collect();
    let task = task(folder.path(), &items);
    let evaluator = Evaluator::new(&[(&task, Score::Top1)], &tokenizer, model.config()).expect("encodes");
    let outcomes = evaluate(&evaluator, &model);
    for (item, outcome) in task.items.iter().zip(&outcomes) {
        let tokens = tokenizer.encode(&item.prompt, true).expect("encode");
        let rows = model.next_token_logits(&[&tokens], 1).expect("logits").to_vec2::<f32>().expect("values");
        let mut order: Vec<u32> = (0..).take(rows[0].len()).collect();
        order.sort_by(|a, b| rows[0][*b as usize].total_cmp(&rows[0][*a as usize]).then(a.cmp(b)));
        let plain = |id: u32| tokenizer.decode(&[id]).expect("decode").trim().to_lowercase();
        // The first token of ` x` is the blank alone where the vocabulary has no such letter with a blank before it.
        let first = tokenizer.encode_pair(&item.prompt, &format!(" {}", item.target())).expect("encode").1[0];
        let rank = order.iter().take(10).position(|id| plain(*id) == plain(first)).map(|place| place + 1);
        assert_eq!(outcome.rank, rank, "item {}", item.id);
        assert_eq!(outcome.correct, rank == Some(1), "item {}", item.id);
    }
    assert!(outcomes.iter().filter(|o| o.rank.is_some()).count() > 2, "too few items with a rank for a test");
}
