//! A training that is killed once or several times, and resumed, ends with the same bytes.

use rand::Rng;

use crate::bench::Bench;
use crate::moments::{dice, kill, kills, timed};

/// Files of a trained folder that must be the same.
const FILES: [&str; 4] = ["model.safetensors", "config.json", "train.jsonl", "training.json"];
const ADAPTER_FILES: [&str; 4] = ["adapter_model.safetensors", "adapter_config.json", "train.jsonl", "training.json"];

#[test]
fn a_training_killed_at_any_moment_resumes_to_the_same_bytes() {
    let bench = Bench::new();
    bench.done("lab facts --out world --facts 60 --mentions 400 --names 16");
    bench.done("lab sokoban levels --out levels --board 6 --boxes 1 --rooms 40 --starts 2 --max-moves 8");
    let text = "lab train world --d-model 16 --layers 2 --heads 2 --steps 60 --batch 32 --save-every 3 --threads 1";
    let player = "lab sokoban train levels --board 6 --max-moves 8 --d-model 16 --layers 1 --heads 2 --steps 40 --batch 16 \
                  --save-every 3 --threads 1";
    let adapter =
        "lab lora base --data world/facts.jsonl --limit 40 --rank 2 --steps 20 --batch 8 --save-every 3 --threads 1";
    bench.done(&format!("{text} --out base"));
    let (mut dice, mut survived) = (dice(7), 0);
    for (name, command, files) in
        [("text", text, FILES), ("player", player, FILES), ("adapter", adapter, ADAPTER_FILES)]
    {
        let whole = timed(|| drop(bench.done(&format!("{command} --out {name}"))));
        for i in 0..kills().div_ceil(3) {
            let out = format!("{name}-{i}");
            let resumed = format!("{command} --out {out} --resume");
            let mut times = 1;
            while times < 4 && dice.random_bool(0.4) {
                times += 1;
            }
            for _ in 0..times {
                survived += usize::from(kill(bench.command(&resumed), &bench.path(&out), whole, &mut dice));
            }
            // The summary without the state of a training: it had ended before the kill.
            let path = bench.path(&out);
            if !path.join("training.json").exists() || path.join("training").exists() {
                bench.done(&resumed);
            }
            for file in files {
                let [expected, found] =
                    [name, &out].map(|folder| std::fs::read(bench.path(&format!("{folder}/{file}"))));
                assert!(expected.expect(file) == found.expect(file), "{out}: {file} differs after {times} kills");
            }
            std::fs::remove_dir_all(path).expect("removes");
        }
    }
    assert!(survived * 2 > kills(), "only {survived} kills came before the end");
}
