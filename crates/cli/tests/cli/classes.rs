//! Classifications: what one label scores when always given, and accuracy in which labels count alike.

use serde_json::{Value, json};

use crate::bench::{Bench, number};
use crate::items;

/// Writes `classes.jsonl`: `n` questions with the same three choices in two orders, most of them `aye`, none of them `nil`.
fn classes(bench: &Bench, n: usize) {
    let row = |(i, prompt): (usize, String)| {
        let choices = if i % 2 == 0 { ["aye", "no", "nil"] } else { ["nil", "aye", "no"] };
        let gold = if i % 4 == 0 { "no" } else { "aye" };
        format!("{}\n", json!({"question": prompt, "choices": choices, "gold": gold}))
    };
    bench.write("classes.jsonl", &items::prompts(n).into_iter().enumerate().map(row).collect::<String>());
}

/// The mean over gold labels of the share of their samples that is right.
fn balanced(samples: &[Value]) -> f64 {
    let recall = |label: &str| {
        let own: Vec<&Value> = samples.iter().filter(|s| s["target"] == label).collect();
        own.iter().map(|s| number(s, "acc")).sum::<f64>() / own.len() as f64
    };
    (recall("aye") + recall("no")) / 2.0
}

#[test]
fn every_label_is_held_against_the_model() {
    let bench = Bench::new();
    classes(&bench, 40);
    items::choice(&bench, 20);
    let eval = "eval model --task classes.jsonl";
    let data = bench.laser(&format!("{eval} --out classes"));
    let want = json!([
        {"answer": "aye", "acc": 0.75, "balanced_acc": 0.5},
        {"answer": "no", "acc": 0.25, "balanced_acc": 0.5},
        {"answer": "nil", "acc": 0.0, "balanced_acc": 0.0},
    ]);
    assert_eq!(data["always"], want);
    let found = number(&data, "scores.all.balanced_acc");
    assert!((found - balanced(&bench.evaluated("classes", "classes"))).abs() < 1e-12);
    let text = bench.done(eval).stdout;
    for part in [
        format!("balanced {:.2} %", 100.0 * found),
        "75.00 % (`aye`)".to_owned(),
        "always aye".to_owned(),
        "25.00 %, balanced 50.00 %".to_owned(),
        "always nil".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }

    // Beside another task, which is none.
    let data = bench.laser("eval model --task classes.jsonl,choice.jsonl");
    assert_eq!((&data["tasks"][0]["always"], &data["tasks"][1]["always"]), (&want, &Value::Null));
    assert_eq!(number(&data["tasks"][0], "scores.all.balanced_acc"), found);
    assert_eq!(data["tasks"][1]["scores"]["all"]["balanced_acc"], Value::Null);
    assert_eq!((&data["always"], &data["scores"]["all"]["balanced_acc"]), (&Value::Null, &Value::Null));
    let text = bench.done("eval model --task classes.jsonl,choice.jsonl").stdout;
    assert!(text.contains("majority") && text.contains("always nil"), "{text}");
    let text = bench.done("eval model --task choice.jsonl").stdout;
    assert!(!text.contains("balanced") && text.contains("always"), "{text}");
}

#[test]
fn a_search_has_them_on_the_test_split() {
    let bench = Bench::new();
    classes(&bench, 60);
    let found = bench.data("search model --task classes.jsonl --rho 0.1 --strategy exhaustive --layers 1 --out found");
    let golds = bench.samples("found/samples.base.jsonl");
    let test: Vec<Value> = golds.into_iter().filter(|s| s["split"] == "test").collect();
    let share = |label: &str| test.iter().filter(|s| s["target"] == label).count() as f64 / test.len() as f64;
    let always = found["baselines"]["always"].as_array().expect("a list");
    for constant in always {
        assert_eq!(number(constant, "acc"), share(constant["answer"].as_str().expect("a label")));
    }
    assert_eq!(always.len(), 3);
    assert!((number(&found, "base.test.balanced_acc") - balanced(&test)).abs() < 1e-12);
    let page = bench.read("found/report.html");
    assert!(page.contains("of its labels, always giving “aye” would score") && page.contains("<small>balanced "));
}
