//! `laser lab study`: tiny studies run to their end, agree with themselves, and go on where they stopped.

use std::path::Path;

use serde_json::Value;

use crate::bench::{Bench, number};

/// A study so small that nothing is learned, which is enough to see that its numbers fit together.
const TINY: &str =
    "--worlds 2 --facts 80 --mentions 500 --names 16 --d-model 16 --layers 2 --heads 2 --steps 12 --batch 32";

/// The models of a study, with the time of their last change.
fn models(folder: &Path) -> Vec<(String, std::time::SystemTime)> {
    let entries = std::fs::read_dir(folder.join("models")).expect("models");
    let of = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("an entry").path().join("model.safetensors");
        let changed = path.metadata().and_then(|data| data.modified()).expect("a model");
        (path.display().to_string(), changed)
    };
    let mut found: Vec<_> = entries.map(of).collect();
    found.sort();
    found
}

#[test]
fn a_study_of_facts_agrees_with_itself_and_is_continued() {
    let bench = Bench::new();
    let study = format!("lab study facts --out study {TINY} --filler 60");
    let printed = bench.data(&study);
    let results = bench.json("study/study.json");
    assert_eq!(printed, results);
    assert_eq!(
        (results["noisy"].as_array().map(Vec::len), results["clean"].as_array().map(Vec::len)),
        (Some(2), Some(2))
    );
    let flips = &results["pooled"]["flips"];
    let sum = |what: &str, part: &str| -> f64 {
        flips["bins"].as_array().expect("bins").iter().map(|bin| number(bin, &format!("{what}.{part}"))).sum()
    };
    for what in ["base", "edit", "fixed", "broken"] {
        assert_eq!(sum(what, "events"), number(flips, &format!("all.{what}.events")), "{what}");
    }
    let net = number(flips, "all.fixed.events") - number(flips, "all.broken.events");
    assert_eq!(number(flips, "all.edit.events") - number(flips, "all.base.events"), net);
    for world in results["noisy"].as_array().expect("worlds") {
        let losses = world["filler_loss"].as_array().expect("losses");
        assert!(losses.iter().all(|loss| loss.as_f64().is_some_and(|loss| loss > 0.5 && loss < 9.0)), "{losses:?}");
        let rows = world["transitions"].as_array().expect("a table");
        let total: f64 = rows.iter().flat_map(|row| row.as_array().expect("a row")).filter_map(Value::as_f64).sum();
        let base = &world["base"][1]["right"];
        assert_eq!(Some(total), base["of"].as_f64());
        // Where all components stay, the model is the unedited one.
        let whole = world["bottoms"].as_array().and_then(|bottoms| bottoms.last()).expect("shares");
        let gold = whole["all"][0].as_f64().expect("a share") * total;
        assert!((gold - number(base, "events")).abs() < 1e-6, "{whole}");
    }
    let html = bench.read("study/report.html");
    assert!(html.contains("cost on sentences without facts"), "{html}");
    assert!(html.contains("Gain by frequency") && !html.contains("http://") && !html.contains("https://"), "{html}");
    assert!(bench.read("study/study.md").contains("| 1 to 3 |"));

    let (before, page) = (models(&bench.path("study")), html);
    std::fs::remove_file(bench.path("study/study.json")).expect("removes");
    assert_eq!(bench.data(&format!("{study} --threads 1")), results);
    assert_eq!((models(&bench.path("study")), bench.read("study/report.html")), (before, page));
    bench.refused(&study.replace("--steps 12", "--steps 13"), &["plan.json", "the plan of another study"]);
    bench.refused("lab study facts --out model", &["--out: model: expected a new folder"]);
    bench.refused("lab study facts --out none --mentions 5", &["--mentions: expected 1600"]);
    assert!(!bench.path("none").exists());
}

#[test]
fn a_study_of_equivalence_states_its_rule_first_and_goes_on_after_a_loss() {
    let bench = Bench::new();
    let study = format!("lab study equivalence --out study {TINY}");
    let results = bench.data(&study);
    let plan = bench.json("study/plan.json");
    assert_eq!(plan["rule"], results["rule"]);
    let arms: Vec<&str> =
        results["arms"].as_array().expect("arms").iter().filter_map(|arm| arm["arm"].as_str()).collect();
    assert_eq!((arms.len(), arms[0], arms[1]), (12, "full", "full+laser"));
    assert_eq!(models(&bench.path("study")).len(), 2 * 2 * 11);
    let verdict = &results["verdict"];
    let all = ["same_strength", "same_items", "same_distribution"].iter().all(|key| verdict[key] == true);
    assert_eq!(verdict["relation"] == "equivalent", all, "{verdict}");
    for arm in results["arms"].as_array().expect("arms") {
        let classes: f64 = arm["classes"].as_array().expect("classes").iter().filter_map(Value::as_f64).sum();
        assert!((classes - 1.0).abs() < 1e-9, "{arm}");
    }
    assert_eq!(results["arms"][0]["kl"][0].as_f64(), Some(0.0), "the full model is at no distance from itself");
    assert!(bench.read("study/report.html").contains("The rule, written before the first training"));

    let lost = bench.path("study/models/world-1-init-0-without-wrong");
    std::fs::remove_dir_all(&lost).expect("removes");
    assert_eq!(bench.data(&study), results);
    assert!(lost.join("model.safetensors").is_file());
    bench.refused(&format!("{study} --initialisations 1"), &["--initialisations: expected at least 2"]);
}

#[test]
fn a_study_of_sokoban_plays_every_player_on_the_same_levels_and_goes_on() {
    let bench = Bench::new();
    let study = "lab study sokoban --out study --noise 0,0.3 --seeds 2 --rooms 60 --board 6 --boxes 1 --starts 4 --d-model 16 \
                 --layers 1 --steps 6";
    let results = bench.data(study);
    let players = results["players"].as_array().expect("players");
    assert_eq!(players.len(), 4);
    for player in players {
        assert_eq!((&player["levels"], &player["rooms"]), (&players[0]["levels"], &players[0]["rooms"]));
        let (solved, levels) = (number(player, "solved"), number(player, "levels"));
        assert!((solved * levels).fract().abs() < 1e-9 || (1.0 - (solved * levels).fract()) < 1e-9, "{player}");
        let luckiest = &player["luckiest"];
        let net = number(luckiest, "fixed") - number(luckiest, "broken");
        assert!((number(luckiest, "gain") * levels - net).abs() < 1e-9, "{luckiest}");
    }
    let of_noise = |noise: f64| {
        let of = players.iter().filter(|player| number(player, "noise") == noise);
        of.map(|player| number(player, "luckiest.gain")).sum::<f64>() / 2.0
    };
    for row in results["noise"].as_array().expect("rows") {
        assert!((number(row, "luckiest_gain") - of_noise(number(row, "noise"))).abs() < 1e-9, "{row}");
    }
    assert!(bench.read("study/report.html").contains("Beside the paper"));
    std::fs::remove_file(bench.path("study/models/noise-0.3-seed-1/player.json")).expect("removes");
    assert_eq!(bench.data(&format!("{study} --threads 1")), results);
    bench.refused(&study.replace("--seeds 2", "--seeds 0"), &["--seeds: expected at least 1"]);
    bench.refused(&study.replace("0,0.3", "0.9"), &["--noise: expected a rate from 0 to 0.5, found 0.9"]);
}

#[test]
fn a_study_of_lora_tests_on_items_that_taught_nothing() {
    let bench = Bench::new();
    bench.done("lab facts --out world --facts 200 --mentions 1500 --names 32");
    bench.done("lab train world --out base --d-model 32 --layers 2 --steps 120 --batch 64");
    let study = "lab study lora base --task world/facts.jsonl --out study --steps 6 --rank 2 --draws 20";
    let results = bench.data(study);
    let (taught, held_out) = (number(&results, "tuned_items"), number(&results, "held_out_items"));
    assert_eq!(taught + held_out, 200.0);
    let behaviour = &results["analysis"]["behaviour"];
    let cells = behaviour["cells"].as_array().expect("models");
    assert_eq!(cells.len(), 7, "six models and a control");
    assert!(number(behaviour, "n") < held_out, "only the test split is asked");
    let searched = ["base_search", "tuned_search"].map(|name| results[name]["edit"].clone());
    assert_eq!([&behaviour["edit"], &behaviour["adapted_edit"]], [&searched[0], &searched[1]]);
    assert!(bench.read("study/report.html").contains("Where the update lies"));
    assert!(bench.path("study/analysis/report.html").is_file());
    std::fs::remove_file(bench.path("study/study.json")).expect("removes");
    assert_eq!(bench.data(study), results);
    bench.refused(&study.replace("--rank 2", "--rank 3"), &["plan.json", "the plan of another study"]);
    bench.refused(&format!("{study} --tuned-share 1"), &["--tuned-share: expected a number between 0 and 1"]);
}
