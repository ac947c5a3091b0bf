//! The real binary on Sokoban: makes levels, evaluates, searches and shows a Decision Transformer that plays them.

#[path = "support/bench.rs"]
#[allow(dead_code)]
mod bench;
#[path = "support/checkpoint.rs"]
#[allow(dead_code)]
mod checkpoint;
#[path = "../../laser/tests/support/player_model.rs"]
mod player_model;
#[path = "support/schema.rs"]
mod schema;

use bench::Bench;
use player_model::{small_board, write_player};
use serde_json::Value;

const LEVELS: &str =
    "lab sokoban levels --board 6 --boxes 1 --rooms 30 --starts 2 --held-out-starts 5 --max-moves 8 --shares 0.4,0.4";

fn lines(bench: &Bench, name: &str) -> Vec<Value> {
    bench.read(name).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn levels_are_made_and_are_the_same_for_any_number_of_threads() {
    let bench = Bench::new();
    let ran = bench.done(&format!("{LEVELS} --seed 5 --out a"));
    assert!(ran.stdout.contains("train") && ran.stdout.contains("carved"), "{ran:?}");
    assert!(ran.stderr.contains("wrote a"), "{ran:?}");
    let manifest = bench.data(&format!("{LEVELS} --seed 5 --threads 1 --out b"));
    assert_eq!(manifest["made_by"]["generator"]["seed"], 5);
    for file in ["levels.jsonl", "episodes.bin", "manifest.json"] {
        let read = |folder: &str| std::fs::read(bench.path(folder).join(file)).expect(file);
        assert_eq!(read("a"), read("b"), "{file}");
    }
    let levels = lines(&bench, "a/levels.jsonl");
    let count = |part: &str| levels.iter().filter(|level| level["split"] == part).count() as u64;
    for part in ["train", "search", "test"] {
        assert_eq!(manifest["parts"][part]["levels"], count(part));
        assert!(count(part) > 0, "{part}");
    }
    let of_level = |level: &Value| {
        let optimal = level["optimal"].as_u64().expect("known");
        (1..=8).contains(&optimal) && level["rows"].as_array().is_some_and(|rows| rows.len() == 6)
    };
    assert!(levels.iter().all(of_level));
    bench.refused(&format!("{LEVELS} --out a"), &["--out", "expected a new folder", "levels.jsonl"]);
    bench.refused("lab sokoban levels --board 3 --out c", &["--board: expected 5 to 64, found 3"]);
    bench.refused("lab sokoban levels --noise 0.7 --out c", &["--noise: expected a rate from 0 to 0.5, found 0.7"]);
}

const BOXOBAN: &str = "; 0\n######\n#@$. #\n#    #\n#  $.#\n######\n\n; 1\n######\n#.$ @#\n######\n";

#[test]
fn level_files_of_others_are_solved_or_come_with_solutions() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("files")).expect("a folder");
    bench.write("files/000.txt", BOXOBAN);
    bench.done("lab sokoban levels --boxoban files --shares 0.5,0.5 --out solved");
    let levels = lines(&bench, "solved/levels.jsonl");
    assert_eq!(levels.iter().map(|l| l["id"].as_str().expect("id")).collect::<Vec<_>>(), ["000:0", "000:1"]);
    assert_eq!(levels.iter().map(|l| l["optimal"].as_u64()).collect::<Vec<_>>(), [Some(4), Some(2)]);
    assert_eq!(levels[1]["rows"][1], "#.$ @#");
    let pushes = bench.data("lab sokoban levels --boxoban files/000.txt --fewest pushes --out pushes");
    assert_eq!(pushes["made_by"]["counts"]["without_solution"], 0);
    assert_eq!(lines(&bench, "pushes/levels.jsonl")[0]["optimal"], Value::Null);

    bench.write("s.csv", "File,Level,Actions\n000,1,22\n");
    let given = bench.data("lab sokoban levels --boxoban files --solutions s.csv --out given");
    assert_eq!(given["made_by"]["counts"]["without_solution"], 1);
    bench.write("wrong.csv", "File,Level,Actions\n000,1,23\n");
    bench.refused(
        "lab sokoban levels --boxoban files --solutions wrong.csv --out wrong",
        &["--solutions: level 1 of", "not solved after all 2 steps"],
    );
    assert!(!bench.path("wrong/levels.jsonl").exists());
    bench.write("files/001.txt", "; 0\n######\n# $. #\n######\n");
    bench.refused("lab sokoban levels --boxoban files --out c", &["001.txt: line 1: level 0: expected one player"]);
    bench.refused("lab sokoban levels --boxoban nowhere --out c", &["nowhere: No such file"]);
}

#[test]
fn a_model_is_evaluated_searched_and_watched() {
    let bench = Bench::new();
    write_player(&bench.path("player"), &small_board(), 4);
    bench.done(&format!("{LEVELS} --out levels"));
    let evaluated = bench.laser("eval player --task sokoban --data levels --split test");
    let scores = &evaluated["scores"]["test"];
    let levels = lines(&bench, "levels/levels.jsonl");
    let test: Vec<&Value> = levels.iter().filter(|level| level["split"] == "test").collect();
    assert_eq!(scores["n"], test.len());
    assert!(scores["mean_return"].is_f64() && scores["mean_moves"].is_f64(), "{scores}");
    let shown = bench.done("eval player --task sokoban --data levels --edit L0.qkv@0.3").stdout;
    assert!(shown.contains("return") && shown.contains("log-loss"), "{shown}");

    bench.done("search player --task sokoban --data levels --rho 0.3 --out run");
    let results = bench.json("run/results.json");
    schema::check_results(&results);
    schema::check_evaluation(&evaluated);
    assert_eq!(results["base"]["test"]["acc"], scores["acc"]);
    assert_eq!(results["manifest"]["config"]["player"]["context"], 3);
    let report = bench.read("run/report.html");
    assert!(report.contains("sokoban") && report.contains("mean return on the test split"));
    let sample = bench.samples("run/samples.jsonl").remove(0);
    assert!(sample["return"].is_f64() && sample["moves"].is_u64(), "{sample}");

    let first = test[0]["id"].as_str().expect("id");
    let played =
        bench.data(&format!("lab sokoban play player --data levels --level {first} --edit L1.mlp@0.1 --svg p.svg"));
    assert_eq!((&played["level"], played["players"].as_array().map(Vec::len)), (&test[0]["id"], Some(2)));
    let svg = bench.read("p.svg");
    assert!(svg.starts_with("<svg") && svg.contains("base:") && svg.contains("L1."), "{svg}");
    let text = bench.done(&format!("lab sokoban play player --data levels --level {first}")).stdout;
    let rows = test[0]["rows"].as_array().expect("rows");
    assert!(rows.iter().all(|row| text.contains(row.as_str().expect("text").trim_end())), "{text}");

    bench.refused("lab sokoban play player --data levels --level none", &["--level: expected the name of a level"]);
    bench.refused("eval player --task sokoban", &["--data: the task sokoban reads a folder of levels"]);
    bench.refused("eval model --task sokoban --data levels", &["expected a model that plays Sokoban"]);
    bench.refused("eval player --task world-facts", &["expected one that reads tokens"]);
    bench.write("levels/levels.jsonl", &format!("{}\n", bench.read("levels/levels.jsonl")));
    bench.refused(
        "eval player --task sokoban --data levels",
        &["expected demonstrations of the levels.jsonl beside it"],
    );
}

#[test]
fn a_player_is_trained_on_demonstrations_and_plays() {
    let bench = Bench::new();
    bench.done(&format!("{LEVELS} --out levels"));
    let train =
        "lab sokoban train levels --board 6 --d-model 16 --layers 2 --heads 2 --steps 30 --batch 32 --warm-up 5";
    bench.done(&format!("{train} --out player"));
    let journal = lines(&bench, "player/train.jsonl");
    let loss = |line: usize| journal[line]["loss"].as_f64().expect("a loss");
    assert!(journal.len() == 30 && loss(29) < loss(0), "{} to {}", loss(0), loss(29));
    let shown = bench.done("eval player --task sokoban --data levels").stdout;
    assert!(shown.contains("return"), "{shown}");
    bench.refused(&format!("{train} --out player"), &["player", "expected a new or an empty folder"]);
}
