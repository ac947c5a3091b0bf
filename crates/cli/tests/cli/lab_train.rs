//! `laser lab train`: a trained model is one that the other commands take; bad input is named and leaves nothing.

use crate::bench::Bench;

const WORLD: &str = "lab facts --out world --seed 3 --facts 40 --mentions 400 --min-count 3 --objects 5";
const TRAIN: &str =
    "lab train world --d-model 16 --layers 2 --heads 2 --steps 40 --batch 64 --warm-up 5 --save-every 10";

#[test]
fn a_trained_model_is_evaluated_and_is_the_same_for_any_number_of_threads() {
    let bench = Bench::new();
    bench.done(WORLD);
    for architecture in ["gpt2-relu", "gpt2", "llama"] {
        let train = format!("{TRAIN} --architecture {architecture}");
        let ran = bench.done(&format!("{train} --out {architecture} --threads 1"));
        assert!(ran.stdout.contains("after 40 steps"), "{ran:?}");
        let journal = bench.samples(&format!("{architecture}/train.jsonl"));
        let loss = |line: usize| journal[line]["loss"].as_f64().expect("a loss");
        assert!(journal.len() == 40 && loss(39) < loss(0) - 0.3, "{architecture}: {} to {}", loss(0), loss(39));
        bench.done(&format!("{train} --out {architecture}-2 --threads 2"));
        for file in ["model.safetensors", "config.json", "train.jsonl", "training.json", "tokenizer.json"] {
            let [one, two] = ["", "-2"].map(|end| std::fs::read(bench.path(&format!("{architecture}{end}/{file}"))));
            assert!(one.expect("a file") == two.expect("a file"), "{architecture}: {file} depends on the threads");
        }
        bench.done(&format!("eval {architecture} --task world/facts.jsonl"));
        bench.done(&format!("eval {architecture} --task world/facts.jsonl --edit L1.up_proj@0.5"));
    }
}

#[test]
fn bad_input_is_named() {
    let bench = Bench::new();
    bench.done(WORLD);
    bench.write("world/cut.jsonl", "{\"text\": 3}\n");
    bench.refused("lab train world/cut.jsonl --out trained", &["cut.jsonl:1", "a string `text`"]);
    bench.write("world/empty.txt", "\n\n");
    bench.refused("lab train world/empty.txt --out trained", &["empty.txt", "expected texts, found none"]);
    bench.refused("lab train nowhere --out trained", &["nowhere"]);
    bench.refused("lab train world --heads 5 --out trained", &["heads"]);
    bench.refused("lab train world --context 2 --out trained", &["corpus.jsonl:1", "at most 2 tokens"]);
    bench.refused("lab train world --batch 0 --out trained", &["--batch", "at least 1"]);
    bench.refused("lab train world --out world", &["world", "expected a new or an empty folder"]);
    bench.refused("lab train world --resume --out world", &["world", "expected a new or an empty folder"]);
    assert!(!bench.path("trained").exists());
    bench.done(&format!("{TRAIN} --resume --out trained"));
    bench.refused(&format!("{TRAIN} --resume --out trained"), &["trained", "found a training that is finished"]);
}
