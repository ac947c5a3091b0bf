//! `laser lab facts`: the world's files agree with one another and with the settings; bad settings write nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::bench::Bench;

const WORLD: &str = "lab facts --out world --seed 3 --facts 60 --mentions 500 --min-count 3 --objects 7 --filler 40";

#[test]
fn the_files_of_a_world_agree() {
    let bench = Bench::new();
    let ran = bench.done(&format!("{WORLD} --json"));
    let printed: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(printed["settings"], bench.json("world/world.json")["settings"]);
    let mut counts: BTreeMap<String, [u64; 2]> = BTreeMap::new();
    let corpus = bench.samples("world/corpus.jsonl");
    for line in corpus.iter().filter(|line| !line["fact"].is_null()) {
        let count = counts.entry(line["fact"].as_str().expect("an id").to_owned()).or_default();
        count[0] += 1;
        count[1] += u64::from(line["kind"] == "true");
    }
    let facts = bench.samples("world/facts.jsonl");
    assert_eq!((corpus.len(), facts.len(), counts.len()), (540, 60, 60));
    for fact in &facts {
        let meta = &fact["meta"];
        assert_eq!(
            [&meta["count"], &meta["true_count"]].map(|n| n.as_u64().expect("a count")),
            counts[fact["id"].as_str().expect("an id")]
        );
        let choices = fact["choices"].as_array().expect("choices");
        assert_eq!(choices.len(), 7 + 3);
        assert!(choices.contains(&fact["gold"]) && meta["count"].as_u64() >= Some(3));
    }
    let kinds: u64 = printed["sentences"].as_object().expect("kinds").values().filter_map(Value::as_u64).sum();
    assert_eq!(kinds, 540);
}

#[test]
fn the_task_of_a_world_is_read_and_a_world_is_never_overwritten() {
    let bench = Bench::new();
    bench.done(WORLD);
    // The bench's model has another vocabulary, but it spells every text, so that it can be asked.
    let laser = bench.laser("eval model --task world/facts.jsonl");
    assert_eq!(laser["scores"]["all"]["n"], 60);
    let before = bench.read("world/corpus.jsonl");
    bench.refused("lab facts --out world --seed 4", &["--out: world: holds a world already"]);
    assert_eq!(bench.read("world/corpus.jsonl"), before);
}

#[test]
fn settings_that_cannot_be_used_are_named_by_their_flags() {
    let bench = Bench::new();
    for (arguments, message) in [
        ("--mentions 100", "--mentions: expected 1600 to 10000000, found 100"),
        ("--facts 5000", "--facts: expected 1 to 4096, found 5000"),
        ("--generic 1.5", "--generic: expected a share from 0 to 1"),
        ("--min-count 0", "--min-count: expected 1 to"),
        ("--rare-noise 9", "--rare-noise: expected 0 to 4"),
    ] {
        bench.refused(&format!("lab facts --out none {arguments}"), &[message]);
        assert!(!bench.path("none").exists(), "{arguments}");
    }
}

#[test]
fn an_english_world_is_learned_in_its_own_tokens() {
    let bench = Bench::new();
    bench.done("lab facts --out world --language english --facts 60 --mentions 400 --names 16");
    let corpus = bench.samples("world/corpus.jsonl");
    let about = |text: &str| corpus.iter().any(|line| line["text"].as_str().is_some_and(|t| t.contains(text)));
    assert!(about(" was born in ") && about("The employer of "), "{}", corpus[0]);
    bench.done("lab train world --out trained --d-model 16 --layers 1 --heads 2 --steps 5 --batch 16");
    let laser = bench.laser("eval trained --task world/facts.jsonl");
    assert_eq!(laser["scores"]["all"]["n"], 60);
    bench.refused(
        "lab study facts --out study --language english --facts 60 --mentions 400 --steps 1",
        &["--language: expected made-up"],
    );
}
