//! Several tasks at once: `eval` and `search`, objectives, weights and guards.

use serde_json::Value;

use crate::bench::{Bench, number};
use crate::items;

const PLANTED: &str = "L1.gate_proj@0.1";

/// `planted.jsonl`, which one edit answers in full, and `kept.jsonl`, whose answers are the unedited model's own.
fn bench() -> Bench {
    let bench = Bench::new();
    items::planted(&bench, "model", "L*.all@1", 90);
    std::fs::rename(bench.path("planted.jsonl"), bench.path("kept.jsonl")).expect("renames");
    items::planted(&bench, "model", PLANTED, 120);
    bench
}

#[test]
fn an_evaluation_has_a_table_of_its_tasks() {
    let bench = Bench::new();
    items::open(&bench, 20);
    items::choice(&bench, 12);
    bench.done("eval model --task open.jsonl --score top1 --out open");
    bench.done("eval model --task choice.jsonl --out choice");
    let eval = "eval model --task open.jsonl,choice.jsonl --score top1,choice";
    let data = bench.data(&format!("{eval} --out both"));
    assert_eq!(data, bench.json("both/results.json"));
    for (task, n) in [("open.jsonl", 20), ("choice.jsonl", 12)] {
        let expected = serde_json::json!({"original": n, "effective": n});
        assert_eq!((&data["n-samples"][task], &data["results"][task]["sample_len"]), (&expected, &n.into()));
    }
    let data = &data["laser"];
    let (open, choice) = (&bench.json("open/results.json")["laser"], &bench.json("choice/results.json")["laser"]);
    assert!(open.get("tasks").is_none(), "one task is no table");
    for (i, alone) in [open, choice].into_iter().enumerate() {
        let own = &data["tasks"][i];
        assert_eq!(own["task"], alone["manifest"]["task"]["name"]);
        for key in ["n", "acc", "log_loss", "log_loss_per_token"] {
            let gap = number(own, &format!("scores.all.{key}")) - number(alone, &format!("scores.all.{key}"));
            assert!(gap.abs() < 1e-4, "{key}: {own} {alone}");
        }
    }
    assert_eq!(data["scores"]["all"]["n"], 32);
    assert_eq!(data["manifest"]["task"]["name"], "open.jsonl,choice.jsonl");
    assert_eq!(data["manifest"]["config"]["score"].as_array().map(Vec::len), Some(2));

    // The samples say which task, and count in it.
    let samples = [bench.evaluated("both", "open"), bench.evaluated("both", "choice")].concat();
    for (i, sample) in samples.iter().enumerate() {
        let (task, doc_id) = if i < 20 { ("open.jsonl", i) } else { ("choice.jsonl", i - 20) };
        assert_eq!((&sample["task"], &sample["doc_id"]), (&task.into(), &doc_id.into()));
        assert!(sample["group"].as_str().is_some_and(|group| group.starts_with(task)));
    }
    assert!(bench.evaluated("open", "open")[0].get("task").is_none());

    let text = bench.done(eval).stdout;
    let mean = (number(&data["tasks"][0], "scores.all.acc") + number(&data["tasks"][1], "scores.all.acc")) / 2.0;
    let mean = format!("{:.2} %", 100.0 * mean);
    let row = text.lines().find(|line| line.starts_with("mean")).expect("a line for the mean");
    assert!(row.contains(&mean), "{mean}: {text}");
    assert!(text.lines().any(|line| line.starts_with("choice.jsonl") && line.contains("12")), "{text}");
}

#[test]
fn a_guard_keeps_the_winner_from_spoiling_another_task() {
    let bench = bench();
    let search = "search model --task planted.jsonl,kept.jsonl --score top1";
    let best = |more: &str, out: &str| -> Value {
        let space = if more.contains("--rho") { "" } else { "--rho 1,0.1" };
        let results = bench.data(&format!("{search} {space} {more} --out {out}"));
        assert_eq!(results, bench.json(&format!("{out}/results.json")));
        results
    };
    // Without a guard that holds it back, the planted edit wins; it is wrong on some of the other task.
    let free = best("--guard kept.jsonl:1", "free");
    assert_eq!(free["best"]["edit"], PLANTED);
    assert_eq!(free["manifest"]["config"]["guard"], serde_json::json!(["kept.jsonl:1"]));
    let lost = |run: &str, split: &str| {
        let right = |sample: &&Value| sample["task"] == "kept.jsonl" && sample["split"] == split && sample["acc"] == 1;
        let count = |file: &str| bench.samples(&format!("{run}/{file}")).iter().filter(right).count();
        count("samples.base.jsonl") - count("samples.jsonl")
    };
    assert!(lost("free", "validation") > 0);
    let kept = best("--guard kept.jsonl:0", "kept");
    assert_ne!(kept["best"]["edit"], PLANTED);
    assert_eq!(lost("kept", "validation"), 0, "full rank is among the edits and loses nothing");
    assert!(!kept["notes"].to_string().contains("guard on"), "{}", kept["notes"]);
    assert!(kept["notes"].to_string().contains("all tasks alike"), "{}", kept["notes"]);
    let broken = best("--guard kept.jsonl:0 --rho 0.1 --layers 1 --matrices fc_in", "broken");
    assert_eq!(broken["best"]["edit"], "none", "the only edit breaks the guard");
    assert!(broken["reason"].as_str().is_some_and(|reason| reason.contains("breaks a guard")), "{broken}");
    // Under the paper's protocol it wins all the same, which the exit status tells.
    let paper = "--guard kept.jsonl:0 --rho 0.1 --layers 1 --matrices fc_in --protocol paper --out paper";
    let paper = bench.run(&format!("{search} {paper}"));
    assert_eq!(paper.status.code(), Some(1), "{paper:?}");
    assert!(paper.stderr.contains("a guard is broken on the test split"), "{paper:?}");
    assert_eq!(bench.json("paper/results.json")["verdict"], "loss");
    // The other flags get through to the choice.
    let worst = best("--objective margin --aggregate worst", "worst");
    assert_eq!(worst["manifest"]["config"]["objective"], "margin");
    assert_eq!(worst["manifest"]["config"]["aggregate"], "worst");
    best("--objective log-loss --aggregate weighted:0.9,0.1", "weighted");
    bench.refused(
        &format!("{search} --rho 1,0.1 --objective margin --out free --resume"),
        &["another run", "--objective was accuracy, is now margin"],
    );
}

#[test]
fn tasks_that_do_not_go_together() {
    let bench = Bench::new();
    items::open(&bench, 60);
    items::choice(&bench, 60);
    let eval = "eval model --task open.jsonl,choice.jsonl";
    bench.refused(&format!("{eval} --score top1,choice,top1"), &["--score", "each of 2", "found 3"]);
    bench.refused(&format!("{eval} --score choice"), &["open.jsonl", "needs choices"]);
    bench.refused(&format!("{eval} --score top1 --match word"), &["--match", "top1, top1"]);
    bench.refused(&format!("{eval} --data x.json"), &["--data", "expected 0 files", "found 1"]);
    bench.refused("eval model --task open.jsonl,open.jsonl", &["`open.jsonl` twice"]);
    bench.refused("eval model --task open.jsonl,none.jsonl", &["none.jsonl"]);
    bench.refused("eval model --task open.jsonl,counterfact", &["--data", "counterfact"]);

    let search = "search model --task open.jsonl,choice.jsonl --score top1,choice";
    bench.refused(&format!("{search} --guard choise:0.1"), &["--guard", "`choise`", "open.jsonl, choice.jsonl"]);
    bench.refused(&format!("{search} --guard choice.jsonl:lots"), &["--guard", "`lots`"]);
    bench.refused(&format!("{search} --guard choice.jsonl"), &["--guard", "NAME:MAX_DROP"]);
    bench.refused(&format!("{search} --guard choice.jsonl:0 --guard open.jsonl:0"), &["--guard", "without a guard"]);
    bench.refused(&format!("{search} --aggregate weighted:1,2,3"), &["--aggregate", "2 weights", "found 3"]);
    bench.refused(
        &format!("{search} --aggregate weighted:1,2 --guard choice.jsonl:0.1"),
        &["--aggregate", "1 weights", "found 2"],
    );
    bench.refused(&format!("{search} --aggregate weighted:1,0"), &["--aggregate", "`0`"]);
    bench.refused(&format!("{search} --aggregate median"), &["--aggregate", "mean, worst", "`median`"]);
    bench.refused(&format!("{search} --objective loss"), &["--objective", "log-loss", "`loss`"]);
    assert!(!bench.path("laser-run").exists(), "nothing is begun");
}
