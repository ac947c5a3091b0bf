//! `search` and `report`: a planted edit is found, proved and written down.

use serde_json::Value;

use crate::bench::{Bench, names, number};
use crate::items;

const PLANTED: &str = "L1.gate_proj@0.1";

/// A search over 3 × 2 × 3 edits, one of which is right on every item.
fn searched() -> Bench {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 240);
    bench.done("search model --task planted.jsonl --score top1 --strategy exhaustive --matrices fc_in,fc_out --rho 0.5,0.1,0.05 --out run");
    bench
}

#[test]
fn the_planted_edit_is_found_and_proved() {
    let bench = searched();
    let results = bench.json("run/results.json");
    assert_eq!(results["best"]["edit"], PLANTED);
    assert_eq!((&results["best"]["rank"], &results["best"]["rho"]), (&3.into(), &"0.1".into()));
    assert_eq!(results["search"]["trials"], 18);
    let mut items = 0.0;
    for split in ["search", "validation", "test"] {
        for model in ["base", "best"] {
            for key in ["n", "acc", "acc_stderr", "log_loss"] {
                number(&results, &format!("{model}.{split}.{key}"));
            }
        }
        items += number(&results, &format!("base.{split}.n"));
        assert_eq!(number(&results, &format!("best.{split}.acc")), 1.0);
        assert!(number(&results, &format!("base.{split}.acc")) < 0.9);
    }
    assert_eq!(items, 240.0);
    let diff = number(&results, "test.diff");
    assert!((diff - (1.0 - number(&results, "base.test.acc"))).abs() < 1e-12);
    let [low, high] = [0, 1].map(|i| results["test"]["ci95"][i].as_f64().expect("a bound"));
    assert!(0.0 < low && low <= diff && diff <= high, "{low} {diff} {high}");
    assert!(number(&results, "test.mcnemar_p") < 0.01 && number(&results, "test.familywise_p") < 0.01);
    for key in ["tool_version", "model", "task", "config", "seeds", "dtype", "device", "threads"] {
        assert!(!results["manifest"][key].is_null(), "manifest.{key}");
    }

    // The run folder and the numbers of its samples.
    assert_eq!(
        names(&bench.path("run")),
        [
            ".laser.lock",
            "recipe.yaml",
            "report.html",
            "results.json",
            "samples.base.jsonl",
            "samples.jsonl",
            "settings.yaml",
            "trials.csv",
            "trials.sqlite"
        ]
    );
    for (file, model) in [("samples.base.jsonl", "base"), ("samples.jsonl", "best")] {
        let samples = bench.samples(&format!("run/{file}"));
        let test: Vec<&Value> = samples.iter().filter(|s| s["split"] == "test").collect();
        let accuracy = test.iter().map(|s| number(s, "acc")).sum::<f64>() / test.len() as f64;
        assert!((accuracy - number(&results, &format!("{model}.test.acc"))).abs() < 1e-12);
    }

    // The report says what the terminal said, and is rendered again to the same bytes.
    let text =
        bench.done("search model --task planted.jsonl --score top1 --strategy exhaustive --matrices fc_in,fc_out --rho 0.5,0.1,0.05 --out run --resume").stdout;
    let verdict = text.lines().last().expect("a verdict");
    assert!(verdict.starts_with("The gain is real: the edit raises accuracy"), "{text}");
    let page = bench.read("run/report.html");
    let results = bench.json("run/results.json");
    let in_html = verdict.replace('<', "&lt;");
    assert!(page.contains(&in_html), "the page lacks: {in_html}");
    std::fs::remove_file(bench.path("run/report.html")).expect("removes");
    let report = bench.done("report run");
    assert!(report.stdout.contains(PLANTED) && report.stderr.contains("report.html"), "{report:?}");
    assert!(bench.read("run/report.html") == page, "rendered again: the same bytes");
    assert_eq!(bench.data("report run"), results);
}

#[test]
fn a_report_is_made_of_what_the_folder_has() {
    let bench = searched();
    let whole = bench.read("run/report.html");
    for part in [
        "What it gains",
        "What was changed",
        "Spectra of the edited matrices",
        "All edits of one matrix",
        "What the removed components say",
        "removed part alone",
        "<mark>",
    ] {
        assert!(whole.contains(part), "{part}");
    }
    // Every cell of the grid was tried: three layers, two matrices, three ranks.
    assert_eq!(whole.matches("<td class=\"full").count(), 18);

    // The trial store is not needed, and is read where there is no table of trials.
    let report = |lacking: &str| {
        std::fs::remove_file(bench.path(lacking)).expect(lacking);
        let ran = bench.done("report run");
        (bench.read("run/report.html"), ran.stderr)
    };
    std::fs::rename(bench.path("run/trials.sqlite"), bench.path("kept.sqlite")).expect("renames");
    let (page, said) = report("run/report.html");
    assert!(page == whole && !said.contains("not shown"), "{said}");
    std::fs::copy(bench.path("kept.sqlite"), bench.path("run/trials.sqlite")).expect("copies");
    let (page, said) = report("run/trials.csv");
    assert!(page == whole && !said.contains("not shown"), "{said}");
    let (page, said) = report("run/trials.sqlite");
    assert!(said.contains("edits that were tried are not shown") && said.contains("trials.csv"), "{said}");
    assert!(page.contains("The edits that were tried are not shown") && !page.contains("All edits of one matrix"));
    let (page, said) = report("run/samples.jsonl");
    assert!(said.contains("answers that flipped are not shown") && page.contains("answers that flipped are not shown"));
    assert!(page.contains("What it gains") && page.contains("What was changed"));

    // Results of earlier versions, which lack the newer keys.
    let mut old = bench.json("run/results.json");
    for key in ["changes", "reason", "verdict", "price", "finalists"] {
        old.as_object_mut().expect("an object").remove(key);
    }
    old["search"]["space"].as_object_mut().expect("an object").remove("model_layers");
    old["manifest"].as_object_mut().expect("an object").remove("host");
    bench.write("run/results.json", &old.to_string());
    bench.done("report run");
    assert!(!bench.read("run/report.html").contains("What was changed"));
    // And a file that is none of a search: the error names the key that is missing.
    old.as_object_mut().expect("an object").remove("baselines");
    bench.write("run/results.json", &old.to_string());
    bench.refused("report run", &["results.json", "baselines"]);
    bench.write("run/results.json", &bench_evaluation());
    bench.refused("report run", &["results.json", "evaluation"]);
}

/// The outline of a `results.json` of `laser eval`.
fn bench_evaluation() -> String {
    serde_json::json!({"results": {"facts": {"acc,none": 0.5}}, "laser": {"edit": null}}).to_string()
}

#[test]
fn the_recipe_evaluates_and_applies() {
    let bench = searched();
    let results = bench.json("run/results.json");
    let data = bench.laser("eval model --task planted.jsonl --score top1 --edit run/recipe.yaml --split test");
    assert_eq!(data["edit"], PLANTED);
    for key in ["n", "acc", "log_loss"] {
        let (a, b) = (number(&data, &format!("scores.test.{key}")), number(&results, &format!("best.test.{key}")));
        assert!((a - b).abs() < 1e-5, "{key}: {a} {b}");
    }
    bench.done("apply model --edit run/recipe.yaml --out edited");
    let written = bench.laser("eval edited --task planted.jsonl --score top1 --split test");
    assert_eq!(number(&written, "scores.test.acc"), 1.0);
    assert!(bench.read("edited/recipe.yaml").contains("gate_proj"));
}

#[test]
fn a_randomized_recipe_brings_its_decomposition_along() {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 120);
    let task = "--task planted.jsonl --score top1";
    let svd = "--svd randomized --svd-seed 5";
    bench.done(&format!("search model {task} --strategy exhaustive --matrices fc_in --rho 0.1,0.05 {svd} --out run"));
    let best = bench.json("run/results.json");
    assert!(best["notes"].to_string().contains("compatibility"), "{}", best["notes"]);
    let loss =
        |more: &str| number(&bench.laser(&format!("eval model {task} --split test {more}")), "scores.test.log_loss");
    let edit = best["best"]["edit"].as_str().expect("an edit");
    let recipe = loss("--edit run/recipe.yaml");
    assert!((recipe - number(&best, "best.test.log_loss")).abs() < 1e-5);
    assert_eq!(recipe, loss(&format!("--edit {edit} {svd}")));
    assert_ne!(recipe, loss(&format!("--edit {edit}")), "the exact truncation is another");
}

#[test]
fn the_papers_protocol_selects_on_the_first_fifth() {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 50);
    let search =
        "search model --task planted.jsonl --score top1 --matrices fc_in --layers 0-1 --rho 0.1 --protocol paper";
    let results = bench.data(&format!("{search} --out run"));
    assert_eq!(results, bench.json("run/results.json"));
    assert_eq!((&results["base"]["search"]["n"], &results["base"]["test"]["n"]), (&10.into(), &40.into()));
    assert_eq!((&results["best"]["edit"], &results["search"]["trials"]), (&PLANTED.into(), &2.into()));
    let firsts = bench.samples("run/samples.jsonl").into_iter().filter(|s| s["split"] == "search");
    assert!(firsts.map(|s| s["doc_id"].as_u64()).eq((0..10).map(Some)));
    assert!(results["notes"].to_string().contains("paper"));
}

#[test]
fn a_search_finds_the_same_on_gguf() {
    let bench = Bench::with_gguf();
    items::planted(&bench, "model.gguf", PLANTED, 60);
    let results = bench.data("search model.gguf --task planted.jsonl --score top1 --rho 0.1 --out run");
    assert_eq!(results["best"]["edit"], PLANTED);
    assert_eq!(number(&results, "best.test.acc"), 1.0);
}

#[test]
fn every_strategy_finds_the_planted_edit() {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 240);
    let search = "search model --task planted.jsonl --score top1 --matrices fc_in,fc_out --rho 0.5,0.1,0.05";
    for (i, plan) in [
        "race",
        "gradient",
        "gradient+race+greedy",
        "spectral+race --candidates 9",
        "greedy --greedy-order shallow",
        "race+beam",
    ]
    .into_iter()
    .enumerate()
    {
        let results = bench.data(&format!("{search} --strategy {plan} --out run{i}"));
        let edit = results["best"]["edit"].as_str().expect("an edit");
        assert!(edit.split(',').any(|part| part == PLANTED), "{plan}: {edit}");
        assert_eq!(number(&results, "best.search.acc"), 1.0, "{plan}");
        let (asked, all) = (number(&results, "search.items_asked"), number(&results, "base.search.n") * 18.0);
        assert!(asked > 0.0 && (asked < all || plan != "race"), "{plan}: {asked} of {all}");
    }
    // A composition on top of nothing better stays what it is.
    assert_eq!(bench.json("run2/results.json")["search"]["strategy"], "gradient+race+greedy");
}

#[test]
fn budgets_end_a_search_with_what_it_has() {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 240);
    let search = "search model --task planted.jsonl --score top1 --strategy exhaustive --matrices fc_in,fc_out --rho 0.5,0.1,0.05";
    let results = bench.data(&format!("{search} --max-trials 11 --out few"));
    assert_eq!(results["search"]["trials"], 11);
    assert!(
        results["notes"].to_string().contains("the budget ended the search after 11 edits"),
        "{}",
        results["notes"]
    );
    let all = bench.data(&format!("{search} --memory 1K --max-time 2h --out all"));
    assert_eq!(all["search"]["trials"], 18, "a bound of the memory changes no trial");
    assert_eq!(all["best"]["edit"], PLANTED);
    bench.refused(&format!("{search} --max-items 5 --out none"), &["before one edit was tried"]);
    bench.refused(&format!("{search} --max-time soon --out none"), &["--max-time", "`soon`"]);
    bench.refused(&format!("{search} --memory all --out none"), &["--memory", "`all`"]);
    bench.refused(&format!("{search} --beam-width 3 --out none"), &["--beam-width", "does not use it"]);
    bench.refused(&format!("{search} --error-rate 0.9 --out none"), &["--error-rate", "does not use it"]);
}

#[test]
fn a_winner_that_needs_its_inputs_is_written_by_the_search() {
    let bench = Bench::new();
    items::open(&bench, 90);
    // Under the paper's protocol an edit always wins.
    let search = "search model --task open.jsonl --score top1 --strategy race --matrices fc_in --protocol paper";
    let results = bench.data(&format!("{search} --rho whitened(0.2),random(0.2,7) --out run --write-model edited"));
    let edit = results["best"]["edit"].as_str().expect("an edit");
    assert_eq!(results["search"]["trials"], 6);
    bench.done("eval edited --task open.jsonl --score top1 --out written");
    let rest = |samples: Vec<Value>| -> f64 {
        let of_test: Vec<f64> = samples[18..].iter().map(|sample| -number(sample, "logprob")).collect();
        of_test.iter().sum::<f64>() / of_test.len() as f64
    };
    let (a, b) = (rest(bench.evaluated("written", "open")), number(&results, "best.test.log_loss"));
    assert!((a - b).abs() < 1e-2, "{edit}: {a} {b}");
    // A delta has the matrices of such an edit, which a recipe cannot give.
    bench.done(&format!("{search} --rho whitened(0.2) --out again --write-model edit.safetensors"));
    bench.done("eval model --edit edit.safetensors --task open.jsonl --score top1 --no-side-effects");
    bench.done("apply model --edit edit.safetensors --out rebuilt");
    bench.refused("apply model --edit again/recipe.yaml --out x", &["needs the inputs"]);
    let whitened = "eval model --task open.jsonl --score top1 --edit L1.gate_proj@whitened(0.2)";
    bench.refused(whitened, &["L1.gate_proj@whitened(0.2)", "search"]);
}

#[test]
fn where_nothing_helps_no_edit_is_proposed() {
    let bench = Bench::new();
    // The answers are the unedited model's own, so that an edit can only break them.
    items::planted(&bench, "model", "L*.all@1", 120);
    let search = "search model --task planted.jsonl --score top1 --rho 0.5,0.1";
    let results = bench.data(&format!("{search} --out run --write-model better"));
    assert_eq!((&results["verdict"], &results["best"]["edit"]), (&"none".into(), &"none".into()));
    assert!(results["reason"].as_str().is_some_and(|reason| reason.starts_with("No edit is proposed")));
    assert_eq!((&results["price"], number(&results, "test.diff")), (&Value::Null, 0.0));
    assert!(!bench.path("better").exists(), "no model is written");
    assert!(bench.read("run/recipe.yaml").contains("edits: []"));
    assert!(bench.read("run/report.html").contains("No edit is proposed"));
    bench.refused("apply model --edit run/recipe.yaml --out better", &["no edits"]);
    let required = bench.run(&format!("{search} --require-gain --out again"));
    assert_eq!(required.status.code(), Some(1), "{required:?}");
    assert!(required.stderr.contains("a gain was required"), "{required:?}");
}

#[test]
fn a_gain_has_a_price_and_may_be_required() {
    let bench = Bench::new();
    items::planted(&bench, "model", PLANTED, 240);
    let search = "search model --task planted.jsonl --score top1 --matrices fc_in --rho 0.1 --require-gain";
    let results = bench.data(&format!("{search} --out run"));
    assert_eq!(results["verdict"], "gain");
    let nats = number(&results, "price.text.nats_per_token");
    let [low, high] = [0, 1].map(|i| results["price"]["text"]["ci95"][i].as_f64().expect("a bound"));
    assert!(low <= nats && nats <= high && number(&results, "price.text.divergence") > 0.0);
    assert!(
        bench.read("run/recipe.yaml").contains("price:") && bench.read("run/report.html").contains("What it costs")
    );

    // The same price as an evaluation of the edit says, and the one that the two log-losses of the text say.
    let eval = bench.laser(&format!("eval model --task planted.jsonl --score top1 --edit {PLANTED}"));
    assert!((number(&eval, "price.text.nats_per_token") - nats).abs() < 1e-12);
    let loss = |edit: &str| {
        bench.done(&format!("eval model --task ordinary-text --limit 14 {edit} --no-side-effects --force --out text"));
        let samples = bench.evaluated("text", "ordinary-text");
        let sum = |key: &str| samples.iter().map(|sample| number(sample, key)).sum::<f64>();
        -sum("logprob") / sum("answer_tokens")
    };
    assert!((loss(&format!("--edit {PLANTED}")) - loss("") - nats).abs() < 1e-4);

    let plain = bench.data(&format!("{search} --no-side-effects --out plain"));
    assert_eq!((&plain["price"], &plain["finalists"][0]["damage"]), (&Value::Null, &Value::Null));
    // A bound below its price leaves no edit; the damage of finalists is measured on fewer passages.
    let damage = number(&results["finalists"][0], "damage");
    let bound = damage - 0.001;
    if bound > 0.0 {
        let bounded =
            bench.data(&format!("{} --max-damage {bound} --out bounded", search.replace(" --require-gain", "")));
        assert_ne!(bounded["best"]["edit"], PLANTED);
    }
    bench.refused(&format!("{search} --max-damage 0.1 --no-side-effects --out x"), &["--max-damage", "side effects"]);
    bench.refused(&format!("{search} --max-damage=-1 --out x"), &["--max-damage"]);
}
