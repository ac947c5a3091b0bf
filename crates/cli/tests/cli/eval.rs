//! `eval` and `compare`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bench::{Bench, number};
use crate::items;

/// The keys of Laser's record of an item, all but `rank`, which only some have.
const KEYS: [&str; 10] =
    ["id", "doc_id", "prompt", "target", "acc", "logprob", "answer_tokens", "prediction", "split", "group"];

#[test]
fn every_score_gives_results_and_samples() {
    let bench = Bench::with_gguf();
    items::open(&bench, 20);
    items::choice(&bench, 20);
    for model in ["model", "model.gguf"] {
        for (task, score) in [
            ("open", "top1"),
            ("open", "greedy"),
            ("open", "generate"),
            ("choice", "choice"),
            ("choice", "choice-per-byte"),
        ] {
            let out = format!("{score}-{model}");
            let data = bench.data(&format!("eval {model} --task {task}.jsonl --score {score} --out {out}"));
            assert_eq!(bench.json(&format!("{out}/results.json")), data, "stdout is the file");
            harness_shape(&bench, &out, &data, task, score);
            let data = &data["laser"];
            assert_eq!(data["edit"], Value::Null);
            assert_eq!(data["manifest"]["model"]["architecture"], "llama");

            let samples = bench.evaluated(&out, task);
            assert_eq!(samples.len(), 20);
            for (i, sample) in samples.iter().enumerate() {
                let mut keys: BTreeSet<&str> =
                    sample.as_object().expect("an object").keys().map(String::as_str).collect();
                let has_rank = keys.remove("rank");
                assert_eq!(keys, BTreeSet::from(KEYS));
                assert!(score == "top1" || !has_rank, "only the score top1 tells ranks: {sample}");
                assert_eq!(sample["acc"] == 1 && score == "top1", sample["rank"] == 1, "{sample}");
                assert_eq!(sample["doc_id"], i);
                assert_eq!(sample["split"], "all");
                assert!(sample["acc"] == 0 || sample["acc"] == 1);
                assert!(number(sample, "logprob") < 0.0 && number(sample, "answer_tokens") >= 1.0);
            }
            // The summary is the samples' mean.
            let mean = |key: &str| samples.iter().map(|s| number(s, key)).sum::<f64>() / 20.0;
            assert!((number(data, "scores.all.acc") - mean("acc")).abs() < 1e-12);
            assert!((number(data, "scores.all.log_loss") + mean("logprob")).abs() < 1e-9);
            assert_eq!(data["scores"]["all"]["n"], 20);
        }
    }
    let text = bench.done("eval model --task choice.jsonl").stdout;
    assert!(text.contains("(choice), 20 items") && text.contains("log-loss"), "{text}");
}

/// The keys and values that lm-evaluation-harness would have.
fn harness_shape(bench: &Bench, out: &str, data: &Value, task: &str, score: &str) {
    let output_type = match score {
        "generate" => "generate_until",
        "top1" | "greedy" => "loglikelihood",
        _ => "multiple_choice",
    };
    let name = format!("{task}.jsonl");
    assert_eq!(data["configs"][&name]["output_type"], output_type);
    assert_eq!(data["config"]["model"], "laser");
    assert_eq!(data["n-shot"][&name], 0);
    let row = &data["results"][&name];
    assert_eq!((&row["alias"], &row["sample_len"]), (&Value::from(name.as_str()), &20.into()));
    let samples = bench.samples(&format!("{out}/samples_{task}.jsonl"));
    assert_eq!(samples.len(), 20);
    let acc = samples.iter().map(|sample| number(sample, "acc")).sum::<f64>() / 20.0;
    assert!((number(row, "acc,none") - acc).abs() < 1e-12);
    assert!((number(row, "acc_stderr,none") - (acc * (1.0 - acc) / 19.0).sqrt()).abs() < 1e-12);
    assert_eq!(row.get("acc_norm,none").is_some(), output_type == "multiple_choice");
    for (i, sample) in samples.iter().enumerate() {
        assert_eq!((&sample["doc_id"], &sample["filter"]), (&i.into(), &"none".into()));
        let (arguments, resps) = (&sample["arguments"]["gen_args_0"], &sample["resps"][0][0]);
        assert_eq!(arguments["arg_0"], sample["laser"]["prompt"]);
        match output_type {
            "generate_until" => {
                assert_eq!(arguments["arg_1"]["max_gen_toks"], 10);
                assert_eq!((resps, &sample["filtered_resps"][0]), (&sample["laser"]["prediction"], resps));
            }
            _ => {
                let said = arguments["arg_1"].as_str().expect("a text");
                assert!(said.starts_with(' '), "{said:?}");
                assert!(resps[1] == "True" || resps[1] == "False");
                let choices = if output_type == "loglikelihood" { 1 } else { 3 };
                assert_eq!(sample["resps"].as_array().map(Vec::len), Some(choices));
                assert_eq!(sample["filtered_resps"][0], *resps);
            }
        }
    }
}

#[test]
fn the_matching_and_length_of_generated_texts_count() {
    let bench = Bench::new();
    items::open(&bench, 12);
    bench.done("eval model --task open.jsonl --out ten");
    bench.done("eval model --task open.jsonl --max-tokens 3 --out three");
    for (ten, three) in bench.evaluated("ten", "open").iter().zip(bench.evaluated("three", "open")) {
        let (ten, three) = (ten["prediction"].as_str().expect("text"), three["prediction"].as_str().expect("text"));
        assert!(ten.starts_with(three) && ten.len() > three.len(), "{ten:?} {three:?}");
    }
    // An answer that the prompt mentions: right only when the prompt counts.
    let rows: String = items::prompts(6)
        .iter()
        .map(|prompt| format!("{}\n", serde_json::json!({"question": format!("{prompt} QUUX"), "answer": "quux"})))
        .collect();
    bench.write("mentioned.jsonl", &rows);
    let accuracy = |kind: &str| {
        number(
            &bench.laser(&format!("eval model --task mentioned.jsonl --score generate --match {kind}")),
            "scores.all.acc",
        )
    };
    assert_eq!([accuracy("continuation"), accuracy("word"), accuracy("exact")], [0.0; 3]);
    assert_eq!(accuracy("prompt+continuation"), 1.0);
}

#[test]
fn an_edit_changes_the_model_and_full_rank_does_not() {
    let bench = Bench::new();
    items::open(&bench, 20);
    let run = |edit: &str, out: &str| {
        let edit = if edit.is_empty() { String::new() } else { format!("--edit {edit}") };
        bench.laser(&format!("eval model --task open.jsonl --score top1 {edit} --out {out}"))
    };
    let base = run("", "base");
    let edited = run("L1.fc_in@0.1,L2.down_proj@r4", "edited");
    assert_eq!(edited["edit"], "L1.gate_proj@0.1,L2.down_proj@r4");
    let ranks: Vec<&Value> =
        edited["manifest"]["config"]["truncations"].as_array().expect("a list").iter().map(|t| &t["rank"]).collect();
    assert_eq!(ranks, [3, 4], "⌊0.1 · 32⌋ and 4");
    assert_ne!(number(&edited, "scores.all.log_loss"), number(&base, "scores.all.log_loss"));
    let full = run("L*.all@1", "full");
    assert_eq!(full["scores"], base["scores"]);
    assert_eq!(bench.read("full/samples_open.jsonl"), bench.read("base/samples_open.jsonl"));
}

#[test]
fn limit_takes_the_first_items_and_splits_part_them() {
    let bench = Bench::new();
    items::open(&bench, 60);
    let eval = "eval model --task open.jsonl --score top1";
    bench.done(&format!("{eval} --out all"));
    bench.done(&format!("{eval} --limit 7 --out seven"));
    let all = bench.evaluated("all", "open");
    let seven = bench.evaluated("seven", "open");
    let counts = &bench.json("seven/results.json")["n-samples"]["open.jsonl"];
    assert_eq!(*counts, serde_json::json!({"original": 60, "effective": 7}));
    assert_eq!(seven.len(), 7);
    for (a, b) in seven.iter().zip(&all) {
        assert_eq!((&a["doc_id"], &a["prediction"], &a["acc"]), (&b["doc_id"], &b["prediction"], &b["acc"]));
        assert!((number(a, "logprob") - number(b, "logprob")).abs() < 1e-4, "batches do not matter");
    }
    let mut seen = BTreeSet::new();
    for split in ["search", "validation", "test"] {
        bench.done(&format!("{eval} --split {split} --out {split}"));
        let samples = bench.evaluated(split, "open");
        assert!(!samples.is_empty(), "{split}");
        for sample in samples {
            assert_eq!(sample["split"], split);
            assert!(seen.insert(sample["doc_id"].as_u64()), "an item is in one split");
            let twin = &all[sample["doc_id"].as_u64().expect("a number") as usize];
            assert_eq!((&sample["prompt"], &sample["group"]), (&twin["prompt"], &twin["group"]));
        }
    }
    assert_eq!(seen.len(), 60);
    let groups = |split: &str| -> BTreeSet<String> {
        bench.evaluated(split, "open").iter().map(|s| s["group"].to_string()).collect()
    };
    assert!(groups("search").is_disjoint(&groups("test")), "paraphrases stay together");
}

#[test]
fn two_evaluations_are_compared_item_by_item() {
    let bench = Bench::new();
    items::planted(&bench, "model", "L1.fc_in@0.1", 60);
    let eval = "eval model --task planted.jsonl --score top1";
    bench.done(&format!("{eval} --out a"));
    bench.done(&format!("{eval} --edit L1.fc_in@0.1 --out b"));
    let data = bench.data("compare a b");
    let (a, b) = (bench.evaluated("a", "planted"), bench.evaluated("b", "planted"));
    let wrong = a.iter().filter(|s| s["acc"] == 0).count();
    assert!(b.iter().all(|s| s["acc"] == 1), "the answers are this edit's");
    assert!(wrong > 5 && wrong < 55, "{wrong}");
    assert_eq!((&data["n"], &data["fixed"], &data["broken"]), (&60.into(), &wrong.into(), &0.into()));
    assert!((number(&data, "diff") - wrong as f64 / 60.0).abs() < 1e-12);
    assert!((number(&data, "mcnemar_p") - 0.5f64.powi(wrong as i32 - 1)).abs() < 1e-12, "two-sided sign test");
    let [low, high] = [0, 1].map(|i| data["ci95"][i].as_f64().expect("a bound"));
    assert!(low > 0.0 && low <= number(&data, "diff") && number(&data, "diff") <= high);
    let text = bench.done("compare a b").stdout;
    assert!(text.contains("McNemar"), "{text}");

    bench.done(&format!("{eval} --limit 30 --out short"));
    bench.refused("compare a short", &["a has 60 items", "short has 30"]);
    items::open(&bench, 60);
    bench.done("eval model --task open.jsonl --score top1 --out other");
    bench.refused("compare a other", &["item 0 of a is not item 0 of other"]);
    // A search's winner is compared by the samples it leaves.
    bench.done("search model --task planted.jsonl --score top1 --rho 0.1 --layers 1 --matrices fc_in --out run");
    assert_eq!(bench.data("compare run run --split all")["n"], 60);
    bench.refused("compare a nowhere", &["nowhere/samples.jsonl"]);
}

#[test]
fn a_harness_task_is_evaluated() {
    let bench = Bench::new();
    let rows: String =
        (0..10).map(|i| format!("{}\n", serde_json::json!({"q": format!("n {i}"), "a": format!("x{i}")}))).collect();
    bench.write("rows.jsonl", &rows);
    let yaml = "task: made\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\n\
                doc_to_text: \"{{q}} is\"\ndoc_to_target: a\nfewshot_split: test\n";
    bench.write("tasks.yaml", &format!("{yaml}output_type: loglikelihood\n"));
    let eval = "eval model --task tasks.yaml --num-fewshot 2";
    let data = bench.data(&format!("{eval} --limit 6 --out a"));
    assert_eq!((&data["n-shot"]["made"], &data["versions"]["made"]), (&2.into(), &"Yaml".into()));
    assert_eq!((&data["config"]["fewshot_seed"], &data["config"]["limit"]), (&1234.into(), &6.into()));
    assert!(number(&data["results"]["made"], "perplexity_stderr,none") > 0.0);
    let samples = bench.samples("a/samples_made.jsonl");
    assert_eq!(samples.len(), 6);
    let prompt = |sample: &Value| sample["arguments"]["gen_args_0"]["arg_0"].as_str().expect("a text").to_owned();
    for (i, sample) in samples.iter().enumerate() {
        assert!(prompt(sample).ends_with(&format!("\n\nn {i} is")) && prompt(sample).matches(" is x").count() == 2);
        assert_eq!(sample["target"], format!("x{i}"));
    }
    bench.done(&format!("{eval} --limit 6 --fewshot-seed 5 --out b"));
    assert_ne!(prompt(&bench.samples("b/samples_made.jsonl")[0]), prompt(&samples[0]));
    bench.done("eval model --task made --include-path . --num-fewshot 2 --limit 6 --out c");
    assert_eq!(bench.read("c/samples_made.jsonl"), bench.read("a/samples_made.jsonl"));
    assert_eq!(bench.data("compare a c")["n"], 6);

    bench.write("python.yaml", &format!("{yaml}process_docs: !function utils.f\n"));
    bench.refused("eval model --task python.yaml", &["python.yaml", "`process_docs`", "!function"]);
    bench.write("keys.yaml", &format!("{yaml}doc_to_txet: x\n"));
    bench.refused("eval model --task keys.yaml", &["keys.yaml", "`doc_to_txet`", "doc_to_text"]);
    bench.refused("eval model --task world-facts --num-fewshot 1", &["--num-fewshot", "world-facts"]);
}
