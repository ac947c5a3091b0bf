//! `laser corpus relate`: counts joined to a search and to two evaluations, and bad input.

use std::fmt::Write;

use serde_json::Value;

use crate::bench::{Bench, number};
use crate::items;

const EDIT: &str = "L1.gate_proj@0.1";

/// Counts of the items of a file of samples: the item at place i has i² documents.
fn counts(samples: &[Value]) -> String {
    samples.iter().enumerate().fold(String::new(), |mut text, (i, sample)| {
        writeln!(text, "{{\"id\":{},\"count\":{}}}", sample["id"], i * i).expect("writes");
        text
    })
}

#[test]
fn a_search_is_related_on_its_test_items() {
    let bench = Bench::new();
    items::planted(&bench, "model", EDIT, 120);
    let search = "search model --task planted.jsonl --score top1 --strategy exhaustive --matrices fc_in --rho 0.5,0.1";
    bench.done(&format!("{search} --no-side-effects --out run"));
    let (base, best) = (bench.samples("run/samples.base.jsonl"), bench.samples("run/samples.jsonl"));
    bench.write("freq.jsonl", &counts(&base));
    let report = bench.read("run/report.html");
    let relate = "corpus relate run --frequency freq.jsonl --bins 100,5000 --permutations 500 --resamples 500 --seed 4";
    let found = bench.data(relate);
    assert_eq!(bench.json("run/frequency/frequency.json"), found, "stdout is the file");
    assert_eq!(bench.read("run/report.html"), report, "the report of the search stays");

    // The same numbers from the samples, by plain counting.
    let test = || base.iter().zip(&best).enumerate().filter(|(_, (base, _))| base["split"] == "test");
    assert_eq!(number(&found, "items"), test().count() as f64);
    for (bin, range) in found["bins"].as_array().expect("bins").iter().zip([0..100, 100..5001, 5001..usize::MAX]) {
        let among = || test().filter(|(i, _)| range.contains(&(i * i)));
        let right =
            |of: &dyn Fn(&Value, &Value) -> bool| among().filter(|(_, (base, best))| of(base, best)).count() as f64;
        assert_eq!(number(bin, "items"), among().count() as f64);
        assert_eq!(number(bin, "base_right"), right(&|base, _| base["acc"] == 1));
        assert_eq!(number(bin, "fixed"), right(&|base, best| base["acc"] == 0 && best["acc"] == 1));
        assert_eq!(number(bin, "broken"), right(&|base, best| base["acc"] == 1 && best["acc"] == 0));
        assert!(bin["paper_ratio"].is_null(), "other bins than the paper's");
    }
    let last = found["curve"].as_array().and_then(|curve| curve.last()).expect("a curve");
    let in_top10 = test().filter(|(_, (base, _))| base["rank"].is_u64()).count() as f64;
    assert_eq!(number(last, "base.top10.hits"), in_top10, "a search under top1 tells ranks");
    assert_eq!(number(last, "edited.right.rate"), 1.0, "the planted edit is always right");

    let text = bench.done(&format!("{relate} --split all --out all"));
    assert!(text.stdout.starts_with("# Gains of L1.gate_proj@0.1 against frequency"), "{}", text.stdout);
    assert_eq!(number(&bench.json("all/frequency.json"), "items"), 120.0);
    let page = bench.read("all/report.html");
    std::fs::remove_file(bench.path("all/report.html")).expect("removes");
    bench.done("report all");
    assert_eq!(bench.read("all/report.html"), page);
    assert!(page.contains("By bins of frequency") && !page.contains("http://") && !page.contains("https://"));
}

#[test]
fn counted_documents_are_related_to_two_evaluations() {
    let bench = Bench::new();
    items::open(&bench, 40);
    bench.done("eval model --task open.jsonl --out base");
    bench.done(&format!("eval model --task open.jsonl --no-side-effects --edit {EDIT} --out edited"));
    // Subject and answer of item i in i % 3 documents.
    let items: Vec<Value> = bench.samples("open.jsonl");
    let corpus = items.iter().enumerate().flat_map(|(i, item)| {
        let text =
            format!("{} goes with {}.", item["group"].as_str().unwrap_or(""), item["answer"].as_str().unwrap_or(""));
        std::iter::repeat_n(serde_json::json!({ "text": text }).to_string() + "\n", i % 3)
    });
    bench.write("corpus.jsonl", &corpus.collect::<String>());
    bench.done("corpus count open.jsonl --corpus corpus.jsonl --out freq.jsonl");
    let found =
        bench.data("corpus relate --base base --edited edited --frequency freq.jsonl --bins 1,2 --permutations 200");
    assert_eq!(number(&found, "items"), 40.0);
    let counts: Vec<f64> = found["bins"].as_array().expect("bins").iter().map(|bin| number(bin, "items")).collect();
    assert_eq!(counts, [14.0, 26.0, 0.0], "0, 1 or 2, and more documents");
    assert_eq!(number(&found, "coverage.above_zero"), 26.0);
    assert!(found["associations"]["logprob"]["rho"].is_f64(), "{found}");
    assert_eq!(found["sources"][0], serde_json::json!(["edit", EDIT]));
    assert!(bench.path("edited/frequency/report.html").exists());
}

#[test]
fn bad_input_is_named() {
    let bench = Bench::new();
    items::open(&bench, 20);
    bench.done("eval model --task open.jsonl --out base");
    bench.done("eval model --task open.jsonl --limit 10 --out few");
    bench.write("freq.jsonl", &counts(&bench.evaluated("base", "open")));
    let pair = "corpus relate --base few --edited few --frequency freq.jsonl";
    bench.refused(pair, &["--frequency: expected counts of items of the run, found 10 of others", "--ignore-unknown"]);
    let found = bench.data(&format!("{pair} --ignore-unknown --out out"));
    assert_eq!(number(&found, "coverage.unknown"), 10.0);
    assert!(found["notes"].to_string().contains("10 counts are of items that the runs have not"), "{found}");
    bench.refused(
        "corpus relate --base base --edited few --frequency freq.jsonl",
        &["--edited: expected the same items"],
    );
    bench.refused("corpus relate base --frequency freq.jsonl", &["base: expected the run folder of a search"]);
    bench.refused("corpus relate --frequency freq.jsonl", &["<RUN>"]);
    bench.refused("corpus relate --base base --edited base --frequency none.jsonl", &["none.jsonl"]);
    bench.write("bad.jsonl", "{\"id\":1}\n");
    bench.refused(
        "corpus relate --base base --edited base --frequency bad.jsonl",
        &["bad.jsonl: line 1: expected `documents` or `count`, found id"],
    );
    bench.refused(&format!("{pair} --bins 5,2 --ignore-unknown"), &["--bins: expected rising numbers above 0"]);
    bench.refused(&format!("{pair} --task other --split test --ignore-unknown"), &["of split test"]);
    assert!(!bench.path("few/frequency").exists(), "nothing is written");
}
