//! Task files: prompts of made-up words, and answers that a known edit of the model gives.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::bench::Bench;

/// `n` different prompts of three words.
pub(crate) fn prompts(n: usize) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    (0..n).map(|i| format!("{i} {} {}", word(&mut rng), word(&mut rng))).collect()
}

fn word(rng: &mut ChaCha8Rng) -> String {
    (0..rng.random_range(2..6)).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()
}

/// Writes `open.jsonl`: `n` open questions, two to a group, whose first tokens are spoken but mostly not by the model.
pub(crate) fn open(bench: &Bench, n: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    let row = |(i, prompt)| json!({"question": prompt, "answer": word(&mut rng), "group": format!("g{}", i / 2)});
    write(bench, "open.jsonl", prompts(n).into_iter().enumerate().map(row));
}

/// Writes `choice.jsonl`: `n` questions with three choices.
pub(crate) fn choice(bench: &Bench, n: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let row = |prompt| {
        let choices: Vec<String> = (0..3).map(|i| format!("{}{i}", word(&mut rng))).collect();
        json!({"question": prompt, "choices": choices, "gold": rng.random_range(0..3)})
    };
    write(bench, "choice.jsonl", prompts(n).into_iter().map(row));
}

/// Writes `planted.jsonl`: `n` questions whose answers are what `model` says with `edit`, so that this edit is right
/// on all of them.
pub(crate) fn planted(bench: &Bench, model: &str, edit: &str, n: usize) {
    let ask = |(i, prompt)| json!({"question": prompt, "answer": "x", "group": format!("g{}", i / 2)});
    write(bench, "asked.jsonl", prompts(n).into_iter().enumerate().map(ask));
    bench.done(&format!("eval {model} --task asked.jsonl --score top1 --edit {edit} --force --out asked"));
    let row =
        |sample: Value| json!({"question": sample["prompt"], "answer": sample["prediction"], "group": sample["group"]});
    write(bench, "planted.jsonl", bench.evaluated("asked", "asked").into_iter().map(row));
}

fn write(bench: &Bench, name: &str, rows: impl Iterator<Item = Value>) {
    bench.write(name, &rows.map(|row| format!("{row}\n")).collect::<String>());
}
