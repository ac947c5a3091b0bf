//! `laser sweep`: every row agrees with an evaluation of its edit; a stopped sweep goes on; bad options are named.

use serde_json::Value;

use crate::bench::{Bench, number};
use crate::items;

const SWEEP: &str = "sweep model --task open.jsonl --score top1 --matrices fc_in,fc_out --layers 0-1 --removed 100,50,90 \
                     --kinds leading,sparse,random --seed 3";

#[test]
fn every_row_is_the_evaluation_of_its_edit() {
    let bench = Bench::new();
    items::open(&bench, 60);
    let sweep = bench.data(&format!("{SWEEP} --out run"));
    let rows = sweep["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 2 * 2 * 3 * 3);
    let base = bench.laser("eval model --task open.jsonl --score top1");
    assert_eq!(number(&sweep, "base.acc"), number(&base, "scores.all.acc"));
    for row in rows.iter().step_by(5) {
        let text = |key: &str| row[key].as_str().expect("a text").to_owned();
        let edit = format!("L{}.{}@{}", row["layer"], text("matrix"), text("reduction"));
        let edited = bench.laser(&format!(
            "eval model --task open.jsonl --score top1 --no-side-effects --edit {edit} --out edited --force"
        ));
        let in_top10 = bench.evaluated("edited", "open").iter().filter(|sample| sample["rank"].is_u64()).count();
        assert_eq!(number(row, "top10"), in_top10 as f64 / 60.0, "{edit}");
        assert_eq!(number(row, "acc"), number(&edited, "scores.all.acc"), "{edit}");
        // Edits of a search are computed as factors, in other batches: the sums round otherwise.
        assert!((number(row, "log_loss") - number(&edited, "scores.all.log_loss")).abs() < 1e-5, "{edit}");
        let net = number(row, "fixed") - number(row, "broken");
        assert!((number(row, "change") * 60.0 - net).abs() < 1e-9, "{row}");
    }
    let removed: Vec<f64> = rows[..3].iter().filter_map(|row| row["removed"].as_f64()).collect();
    assert_eq!(removed, [50.0, 90.0, 100.0]);
    assert!(rows.iter().filter(|row| row["removed"] == 100.0).all(|row| row["reduction"] == "zero"));

    let csv = bench.read("run/sweep.csv");
    assert_eq!(csv.lines().count(), 2 + rows.len());
    assert!(csv.starts_with("layer,matrix,kind,removed,") && csv.contains(",random,50,\"random(0.5,3)\","), "{csv}");
    let page = bench.read("run/report.html");
    assert!(page.contains("The best edit of each matrix") && !page.contains("http://") && !page.contains("https://"));
    std::fs::remove_file(bench.path("run/report.html")).expect("removes");
    bench.done("report run");
    assert_eq!(bench.read("run/report.html"), page);
}

#[test]
fn a_sweep_goes_on_and_bad_options_are_named() {
    let bench = Bench::new();
    items::open(&bench, 60);
    let whole = bench.data(&format!("{SWEEP} --out whole --threads 1"));
    bench.refused(&format!("{SWEEP} --out whole"), &["--resume continues that sweep"]);
    let again: Value = bench.data(&format!("{SWEEP} --out whole --resume"));
    assert_eq!(again["rows"], whole["rows"]);
    bench.refused(
        &format!("{SWEEP} --out whole --resume --split test"),
        &["the folder holds another run: --split was all, is now test"],
    );
    let test = bench.data(&format!("{SWEEP} --out test --split test"));
    assert!(number(&test, "items") < 60.0, "{}", test["items"]);
    for (option, expected) in [
        ("--removed 0", "--removed: expected a percentage above 0"),
        ("--removed 50,abc", "found `abc`"),
        ("--kinds leading,top", "expected one of leading, magnitude, sparse, random"),
        ("--matrices nothing", "--matrices"),
        ("--layers 9", "--layers"),
    ] {
        let sweep = "sweep model --task open.jsonl --score top1 --out bad";
        bench.refused(&format!("{sweep} {option}"), &[expected]);
    }
}
