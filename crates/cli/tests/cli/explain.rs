//! `laser explain`: every part is the evaluation of its reduction; a search's edit on its test split; one prompt; bad options.

use serde_json::Value;

use crate::bench::{Bench, number};
use crate::items;

const EDIT: &str = "L1.up_proj@0.2";

fn explain(options: &str) -> String {
    format!("explain model --task planted.jsonl --controls 2 --seed 3 --no-side-effects {options}")
}

/// The parts of the first matrix of one kind.
fn parts<'a>(explanation: &'a Value, kind: &str) -> Vec<&'a Value> {
    let parts = explanation["matrices"][0]["parts"].as_array().expect("parts");
    parts.iter().filter(|part| part["kind"] == kind).collect()
}

#[test]
fn every_part_is_the_evaluation_of_its_reduction() {
    let bench = Bench::new();
    items::planted(&bench, "model", EDIT, 40);
    let explanation = bench.data(&explain(&format!("--edit {EDIT} --out out")));
    // The answers are what the edited model says.
    assert_eq!(number(&explanation, "edited.acc"), 1.0);
    let base = bench.laser("eval model --task planted.jsonl --score top1");
    assert_eq!(number(&explanation, "base.acc"), number(&base, "scores.all.acc"));
    assert_eq!(number(&explanation, "fixed"), (40.0 * (1.0 - number(&explanation, "base.acc"))).round());
    for kind in ["edit", "removed", "zero", "top", "bottom", "band", "random", "random-energy", "magnitude", "sparse"] {
        let found = parts(&explanation, kind);
        let part = found[found.len() / 2];
        let reduction = part["reduction"].as_str().expect("a text");
        let edit = format!("L1.up_proj@{reduction}");
        let edited =
            bench.laser(&format!("eval model --task planted.jsonl --score top1 --no-side-effects --edit {edit}"));
        assert_eq!(number(part, "acc"), number(&edited, "scores.all.acc"), "{edit}");
    }
    let records = bench.samples("out/explain.jsonl");
    assert_eq!(records.len(), 40);
    for record in &records {
        let removed: Vec<&Value> =
            record["parts"].as_array().expect("parts").iter().filter(|part| part["kind"] == "removed").collect();
        assert_eq!(removed.len(), 1);
        let edited = &record["edited"];
        assert!(edited["right"] == true && edited["class"] == "gold" && edited["gold_rank"] == 1, "{record}");
    }
    // Each number of the table of transitions counts items.
    let transitions: f64 = explanation["transitions"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|row| row.as_array())
        .flatten()
        .filter_map(Value::as_f64)
        .sum();
    assert_eq!(transitions, 40.0);
    let cosines = explanation["matrices"][0]["cosines"].as_array().expect("cosines");
    assert_eq!(cosines.len(), 8);
    let lost = explanation["matrices"][0]["nestedness"]["lost"].as_array().expect("rows");
    assert!(lost.iter().enumerate().all(|(i, row)| row[i].is_null() || row[i] == 0.0));
    for part in explanation["matrices"][0]["parts"].as_array().expect("parts") {
        assert!(number(part, "acc") <= number(part, "acc10"), "{part}");
    }
    let spectra = bench.data("spectrum model --matrices L1.up_proj");
    assert_eq!(number(&explanation["matrices"][0], "effective_rank"), number(&spectra[0], "effective_rank"));

    let page = bench.read("out/report.html");
    assert!(page.contains("What the components say") && !page.contains("http://") && !page.contains("https://"));
    std::fs::remove_file(bench.path("out/report.html")).expect("removes");
    bench.done("report out");
    assert_eq!(bench.read("out/report.html"), page);
    // Nothing depends on the number of threads.
    let again = bench.data(&explain(&format!("--edit {EDIT} --out again --threads 1")));
    assert_eq!(again["matrices"], explanation["matrices"]);
}

#[test]
fn an_edit_of_several_matrices_is_explained_one_by_one() {
    let bench = Bench::new();
    items::planted(&bench, "model", EDIT, 24);
    let edit = "L0.down_proj@0.5,L1.up_proj@0.2";
    let explanation = bench.data(&explain(&format!("--edit {edit} --out out")));
    let whole = bench.laser(&format!("eval model --task planted.jsonl --score top1 --no-side-effects --edit {edit}"));
    assert_eq!(number(&explanation, "edited.acc"), number(&whole, "scores.all.acc"));
    for (i, other) in [(0, "L1.up_proj@0.2"), (1, "L0.down_proj@0.5")] {
        let matrix = &explanation["matrices"][i];
        // The whole matrix stands beside the other, edited one.
        let alone =
            bench.laser(&format!("eval model --task planted.jsonl --score top1 --no-side-effects --edit {other}"));
        assert_eq!(number(matrix, "whole.acc"), number(&alone, "scores.all.acc"), "{other}");
        let edited = matrix["parts"].as_array().expect("parts").iter().find(|part| part["kind"] == "edit");
        assert_eq!(edited.map(|part| number(part, "acc")), Some(number(&explanation, "edited.acc")));
    }
}

#[test]
fn the_edit_of_a_search_is_explained_on_its_test_split() {
    let bench = Bench::new();
    items::planted(&bench, "model", EDIT, 60);
    bench.done(
        "search model --task planted.jsonl --score top1 --layers 1 --matrices up_proj --rho 0.2 \
                --strategy exhaustive --no-side-effects --out run",
    );
    let results = bench.json("run/results.json");
    assert_eq!(results["best"]["edit"], EDIT);
    let explanation = bench.data(&explain("--run run --out out"));
    assert_eq!((&explanation["edit"], &explanation["split"]), (&results["best"]["edit"], &"test".into()));
    assert_eq!(number(&explanation, "base.acc"), number(&results, "base.test.acc"));
    assert_eq!(number(&explanation, "edited.acc"), number(&results, "best.test.acc"));
    bench.refused(&explain("--run run --out no --split-fractions 0.5,0.1"), &["--run", "other splits"]);
    bench.refused(&explain("--run run --out no --limit 30"), &["--run", "other items"]);
    bench.refused(&explain("--run nothing --out no"), &["nothing"]);
}

#[test]
fn choices_are_told_apart_by_their_first_token() {
    let bench = Bench::new();
    items::choice(&bench, 30);
    let explanation = bench
        .data(&format!("explain model --task choice.jsonl --edit {EDIT} --controls 1 --no-side-effects --out out"));
    let read = number(&explanation, "items");
    assert!(read > 10.0 && read <= 30.0, "{read}");
    let notes = explanation["notes"].to_string();
    assert_eq!(read < 30.0, notes.contains("begin with the same token"), "{notes}");
}

#[test]
fn one_prompt_is_explained() {
    let bench = Bench::new();
    let command = |options: &str| format!("explain model --prompt abc --answer d --matrices L1.mlp {options}");
    let plain = bench.data(&command("--out plain"));
    assert!(plain["edited"].is_null() && plain["removed"].as_array().is_some_and(Vec::is_empty));
    let edited = bench.data(&command(&format!("--edit {EDIT} --out edited")));
    assert_eq!(edited["base"], plain["base"]);
    assert_ne!(edited["edited"], plain["base"]);
    // Asking the model gives the same predictions.
    let asked = bench.data(&format!("ask model abc --edit {EDIT} --top 10"));
    for model in ["base", "edited"] {
        let [asked, explained] =
            [&asked[model]["next"], &edited[model]["top"]].map(|top| top.as_array().expect("tokens"));
        for (asked, explained) in asked.iter().zip(explained) {
            assert_eq!(asked["text"], explained["text"]);
            assert!((number(asked, "probability") - number(explained, "probability")).abs() < 1e-5, "{model}");
        }
    }
    let total: f64 =
        edited["base"]["top"].as_array().into_iter().flatten().map(|token| number(token, "probability")).sum();
    assert!(total > 0.0 && total <= 1.0 + 1e-9);
    assert_eq!(edited["components"][0]["matrix"], "L1.up_proj");
    assert!(edited["components"][0]["components"][0]["writes"].as_array().is_some_and(|words| !words.is_empty()));
    assert_eq!(plain["components"].as_array().map(Vec::len), Some(3));
    let page = bench.read("edited/report.html");
    assert!(page.contains("Layer by layer"));
    std::fs::remove_file(bench.path("edited/report.html")).expect("removes");
    bench.done("report edited");
    assert_eq!(bench.read("edited/report.html"), page);
}

#[test]
fn bad_options_are_named() {
    let bench = Bench::new();
    items::open(&bench, 10);
    items::choice(&bench, 5);
    let command = "explain model --task open.jsonl --out out";
    for (options, words) in [
        ("--edit L1.up_proj@band(0..0.5)", "keeps the largest components"),
        ("--edit L9.up_proj@0.5", "L9"),
        ("--edit L1.up_proj@0.5 --split validation --split-fractions 0.9,0.01", "--split"),
        ("--edit L1.up_proj@0.5 --generic none.txt", "--generic: none.txt"),
        ("--edit L1.up_proj@0.5 --spectra nothing", "nothing"),
        ("--edit L1.up_proj@0.5 --bottoms 2", "--bottoms"),
        ("", "--edit"),
    ] {
        bench.refused(&format!("{command} {options}"), &[words]);
    }
    bench.refused("explain model --edit L1.up_proj@0.5 --out out", &["--task"]);
    bench.refused(
        "explain model --task open.jsonl,choice.jsonl --edit L1.up_proj@0.5 --out out",
        &["expected one task"],
    );
    bench.refused(
        "explain model --task open.jsonl --edit L1.up_proj@0.5 --score perplexity --out out",
        &["expected a task with answers"],
    );
    bench.refused("explain model --prompt a --out out", &["--answer"]);
}
