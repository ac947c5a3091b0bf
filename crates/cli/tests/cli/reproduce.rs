//! `laser reproduce`: every table and figure runs on small data, agrees with the commands it is made of, and goes on.

use serde_json::{Value, json};

use crate::bench::{Bench, number};
use crate::items;

const EDIT: &str = "L1.up_proj@0.2";

/// Writes `data` with CounterFact in its own layout, three wordings a fact, FEVER-like claims, and a text. The answers are what
/// the model says with [`EDIT`].
fn data(bench: &Bench) {
    items::planted(bench, "model", EDIT, 30);
    let lines: Vec<Value> =
        bench.read("planted.jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let record = |(i, line): (usize, &Value)| {
        let prompt = line["question"].as_str().expect("a text");
        json!({
            "case_id": i, "paraphrase_prompts": [format!("well, {prompt}"), format!("say {prompt}")],
            "requested_rewrite": {
                "prompt": format!("{{}}{}", &prompt[1..]), "subject": &prompt[..1], "relation_id": format!("P{}", i % 3),
                "target_true": {"str": line["answer"]}, "target_new": {"str": "z"},
            },
        })
    };
    let records: Vec<Value> = lines.iter().enumerate().map(record).collect();
    std::fs::create_dir_all(bench.path("data/counterfact")).expect("a folder");
    bench.write("data/counterfact/counterfact.json", &json!(records).to_string());
    std::fs::create_dir_all(bench.path("data/wikitext-2")).expect("a folder");
    let article = |i: usize| format!(" = Part {i} = \n\n {} \n\n", "some words of a text that goes on . ".repeat(6));
    bench.write("data/wikitext-2/wiki.test.tokens", &(0..4).map(article).collect::<String>());
}

fn run(bench: &Bench, what: &str, options: &str) -> Value {
    let page = bench.data(&format!("reproduce {what} model --data data --layers 1 --out {what} {options}"));
    assert_eq!(page["exhibit"], what);
    assert!(page["paper_model"].is_null());
    let html = bench.read(&format!("{what}/report.html"));
    assert!(html.contains("What the paper says") && !html.contains("http://") && !html.contains("https://"));
    page["numbers"].clone()
}

#[test]
fn tables_and_figures_agree_with_the_commands_they_are_made_of() {
    let bench = Bench::new();
    data(&bench);
    let table = run(&bench, "table1", "");
    let row = &table["rows"][0];
    assert_eq!((&row["task"], table["rows"].as_array().map(Vec::len)), (&"counterfact".into(), Some(1)));
    let search = "search model --task counterfact --data data/counterfact --layers 1 --no-side-effects";
    let paper = bench.data(&format!("{search} --profile paper --protocol paper --out paper"));
    for (key, path) in [("base_acc", "base.test.acc"), ("acc", "best.test.acc"), ("change", "test.diff")] {
        assert_eq!(number(&row["paper"], key), number(&paper, path), "{key}");
    }
    assert_eq!(row["paper"]["edit"], paper["best"]["edit"]);
    assert!(bench.read("table1/report.html").contains("BigBench-WikidataQA (bigbench"), "missing data sets are named");

    let sweep = run(&bench, "fig2", "");
    let rows = sweep["paper"]["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 7 * 15);
    let edit = format!(
        "L1.{}@{}",
        rows[20]["matrix"].as_str().expect("a name"),
        rows[20]["reduction"].as_str().expect("a text")
    );
    let evaluated = bench.laser(&format!(
        "eval model --task counterfact --data data/counterfact --profile paper --no-side-effects --edit {edit}"
    ));
    assert_eq!(number(&rows[20], "acc"), number(&evaluated, "scores.all.acc"), "{edit}");
    let pruned = run(&bench, "fig10", "");
    let kinds: std::collections::BTreeSet<&str> =
        pruned["honest"]["rows"].as_array().into_iter().flatten().filter_map(|row| row["kind"].as_str()).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["leading", "magnitude", "sparse"]);

    let spectra = run(&bench, "fig7", "");
    assert_eq!(spectra["spectra"].as_array().map(Vec::len), Some(7));
    let over = run(&bench, "fig8", &format!("--edit {EDIT}"));
    assert_eq!(over["counterfact"]["rows"].as_array().map(Vec::len), Some(17));
    let best = run(&bench, "fig9", "");
    assert!(best["counterfact"].as_object().is_some_and(|matrices| matrices.len() == 2), "{best}");
    // The same command goes on with what it has.
    assert_eq!(run(&bench, "table1", "")["rows"], table["rows"]);
}

#[test]
fn edits_are_looked_at_on_items_that_did_not_choose_them() {
    let bench = Bench::new();
    data(&bench);
    let edit = format!("--edit {EDIT}");
    let components = run(&bench, "fig5", &edit);
    assert_eq!(components["explanation"]["split"], "test");
    let wordings = run(&bench, "paraphrases", &edit);
    let all = &wordings["rows"][0];
    assert!(number(all, "n") > 0.0 && wordings["task"] == "CounterFact");
    let perplexity = run(&bench, "perplexity", &edit);
    let text = "eval model --task wikitext-2 --data data/wikitext-2 --profile paper --no-side-effects";
    let loss = |edit: &str| number(&bench.laser(&format!("{text} {edit}")), "scores.all.log_loss_per_token");
    for (key, edit) in [("base", ""), ("edited", edit.as_str())] {
        assert!((number(&perplexity, key) - loss(edit)).abs() < 0.02, "{key}: {perplexity}");
    }
    let items: String = (0..30)
        .map(|i| format!("{{\"id\":\"{i}\",\"count\":{}}}\n{{\"id\":\"{i}p1\",\"count\":{}}}\n", 7 * i * i, i))
        .collect();
    bench.write("counts.jsonl", &items);
    let frequency = run(&bench, "fig3", &format!("{edit} --frequency counts.jsonl"));
    let in_bins: f64 = frequency["bins"].as_array().into_iter().flatten().map(|bin| number(bin, "items")).sum();
    assert!(in_bins > 0.0 && in_bins == number(&frequency, "items"), "{frequency}");
    let composition = run(&bench, "fig4", "");
    let orders = composition.as_array().expect("orders");
    assert_eq!(orders.len(), 2);
    assert_eq!(orders[0]["steps"][0]["matrices"], 0);
    assert_eq!(number(&orders[0]["steps"][0], "test_acc"), number(&orders[1]["steps"][0], "test_acc"));
}

#[test]
fn bad_requests_are_named() {
    let bench = Bench::new();
    bench.refused("reproduce fig1 model --out out", &["expected one of table1, fig2"]);
    bench.refused("reproduce table1 model --out out", &["--data", "counterfact"]);
    bench.refused("reproduce fig3 model --data nothing --out out", &["--frequency", "laser corpus count"]);
    bench.refused("reproduce perplexity model --data nothing --out out", &["--data", "wikitext-2"]);
    bench.refused("reproduce fig7 model --layers 9 --out out", &["9"]);
}
