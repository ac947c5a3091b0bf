//! Two processes at once, on one cache and on one run folder.

use std::process::Command;
use std::time::Duration;

use rand::Rng;

use crate::bench::{Bench, Ran};
use crate::hub_server;
use crate::items;
use crate::moments::{dice, kills};
use crate::search::{FILES, SEARCH};
use crate::snapshot::snapshot;

/// Runs two commands, the second a random moment after the first.
fn both(commands: [Command; 2], gap: Duration) -> [Ran; 2] {
    let children = commands.map(|mut command| {
        let child = command.spawn().expect("the binary starts");
        std::thread::sleep(gap);
        child
    });
    children.map(|child| Ran::new("both", child.wait_with_output().expect("ends")))
}

#[test]
fn two_fetches_into_one_cache_both_succeed() {
    let bench = Bench::new();
    let endpoint = hub_server::serve(&bench.path("model"), Duration::from_millis(1), None);
    let mut dice = dice(9);
    for i in 0..kills().div_ceil(2) {
        let fetch = || {
            let mut command = bench.command("inspect hf:org/name --json");
            let cache = bench.path(&format!("cache-{i}"));
            command.env("LASER_CACHE", &cache).env("HF_HOME", &cache).env("HF_HUB_OFFLINE", "0");
            command.env("HF_ENDPOINT", &endpoint);
            command
        };
        let [a, b] = both([fetch(), fetch()], Duration::from_millis(dice.random_range(0..30)));
        assert_eq!((a.status.code(), b.status.code()), (Some(0), Some(0)), "{a:?}\n{b:?}");
        assert_eq!(a.stdout, b.stdout);
    }
}

#[test]
fn two_searches_with_one_cache_find_the_same() {
    let bench = Bench::new();
    items::open(&bench, 120);
    for i in 0..kills().div_ceil(4) {
        let search = |out: &str| bench.command(&format!("{SEARCH} --cache-dir cache-{i} --out {out}-{i}"));
        let [a, b] = both([search("a"), search("b")], Duration::ZERO);
        assert_eq!((a.status.code(), b.status.code()), (Some(0), Some(0)), "{a:?}\n{b:?}");
        for file in FILES {
            assert!(bench.settled(&format!("a-{i}/{file}")) == bench.settled(&format!("b-{i}/{file}")), "{file}");
        }
    }
}

#[test]
fn two_searches_in_one_folder_give_one_whole_run() {
    let bench = Bench::new();
    items::open(&bench, 120);
    let mut dice = dice(10);
    // The same search twice, and two that differ.
    for (name, second) in [("same", ""), ("other", " --seed 5")] {
        let [one, two] = [format!("{SEARCH} --strategy race"), format!("{SEARCH} --strategy race{second}")];
        bench.done(&format!("{one} --out {name}-one"));
        bench.done(&format!("{two} --out {name}-two"));
        let whole = |folder: &str| FILES.map(|file| bench.settled(&format!("{folder}/{file}")));
        let expected = [whole(&format!("{name}-one")), whole(&format!("{name}-two"))];
        for i in 0..kills().div_ceil(2) {
            let out = format!("{name}-{i}");
            std::fs::create_dir(bench.path(&out)).expect("creates");
            let start = |search: &str| bench.command(&format!("{search} --out {out} --resume"));
            let gap = Duration::from_millis(dice.random_range(0..80));
            let ran = both([start(&one), start(&two)], gap);
            let done = ran.iter().filter(|ran| ran.status.code() == Some(0)).count();
            for ran in &ran {
                let refused = ran.status.code() == Some(2) && ran.stderr.contains(&out);
                assert!(ran.status.code() == Some(0) || refused, "{ran:?}");
                assert!(!ran.stderr.contains("panicked"), "{ran:?}");
            }
            assert!(done > 0, "neither was done: {ran:?}");
            assert!(expected.contains(&whole(&out)), "{out} is a mixture, of {ran:?}");
        }
    }
}

#[test]
fn two_models_written_to_one_place_give_one_whole_model() {
    let bench = Bench::with_gguf();
    let mut dice = dice(11);
    for (model, ending) in [("model", ""), ("model.gguf", ".gguf")] {
        let apply = |edit: &str| format!("apply {model} --edit {edit}");
        let [one, two] = [apply("L1.gate_proj@0.1"), apply("L2.down_proj@r3")];
        bench.done(&format!("{one} --out one{ending}"));
        bench.done(&format!("{two} --out two{ending}"));
        let expected = [snapshot(&bench.path(&format!("one{ending}"))), snapshot(&bench.path(&format!("two{ending}")))];
        for i in 0..kills().div_ceil(4) {
            let out = format!("both-{i}{ending}");
            let start = |apply: &str| bench.command(&format!("{apply} --out {out}"));
            let ran = both([start(&one), start(&two)], Duration::from_millis(dice.random_range(0..20)));
            assert!(ran.iter().any(|ran| ran.status.code() == Some(0)), "{ran:?}");
            assert!(ran.iter().all(|ran| !ran.stderr.contains("panicked")), "{ran:?}");
            assert!(expected.contains(&snapshot(&bench.path(&out))), "{out} is a mixture");
        }
    }
}
