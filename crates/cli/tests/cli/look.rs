//! `inspect`, `spectrum` and `tasks`.

use crate::bench::{Bench, number};
use crate::checkpoint::{D_MLP, D_MODEL, HEADS, KV_HEADS, LAYERS};

#[test]
fn inspect_shows_folder_and_gguf_alike() {
    let bench = Bench::with_gguf();
    for (model, tensor) in [("model", "model.layers.2.mlp.down_proj.weight"), ("model.gguf", "blk.2.ffn_down.weight")] {
        let data = bench.data(&format!("inspect {model}"));
        assert_eq!(data["architecture"], "llama");
        for (key, value) in
            [("layers", LAYERS), ("d_model", D_MODEL), ("d_mlp", D_MLP), ("heads", HEADS), ("kv_heads", KV_HEADS)]
        {
            assert_eq!(data[key], value, "{key}");
        }
        assert_eq!(data["tokenizer"]["vocab"], data["vocab"]);
        let matrices = data["matrices"].as_array().expect("matrices");
        assert_eq!(matrices.len(), 7 * LAYERS);
        let last = matrices.last().expect("not empty");
        assert_eq!(
            (&last["tensor"], &last["alias"], &last["dtype"]),
            (&tensor.into(), &"fc_out".into(), &"F32".into())
        );
        assert_eq!((&last["shape"][0], &last["max_rank"]), (&D_MODEL.into(), &D_MODEL.into()));

        let short = bench.done(&format!("inspect {model}")).stdout;
        assert!(
            short.contains("Llama") && short.contains("L0.down_proj") && !short.contains("L1.down_proj"),
            "{short}"
        );
        let all = bench.done(&format!("inspect {model} --all")).stdout;
        assert!(all.contains(tensor), "{all}");
    }
}

#[test]
fn inspect_says_what_a_search_needs() {
    let bench = Bench::new();
    let needs = |flags: &str| bench.data(&format!("inspect model {flags}"))["search"].clone();
    let whole = needs("");
    assert_eq!((&whole["file_bytes"], &whole["seconds_per_1000_tokens"]), (&0.into(), &serde_json::Value::Null));
    let bounded = needs("--memory 100K");
    let bytes = |of: &serde_json::Value, key: &str| of[key].as_u64().expect("a count");
    assert!((1..=75 * 1024).contains(&bytes(&bounded, "memory_bytes")), "{bounded}");
    let sum = bytes(&bounded, "memory_bytes") + bytes(&bounded, "file_bytes");
    assert_eq!(sum, bytes(&whole, "memory_bytes"));
    assert!(needs("--time")["seconds_per_1000_tokens"].as_f64().is_some_and(|seconds| seconds > 0.0));
    let text = bench.done("inspect model --memory 100K --time").stdout;
    for words in ["of memory for weights", "reads", "s for 1,000 tokens", "of disk for decompositions"] {
        assert!(text.contains(words), "{text}");
    }
}

/// A committed tiny checkpoint of a family, without a tokenizer.
fn golden(name: &str) -> String {
    format!("{}/../../goldens/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A matrix as `inspect --json` shows it: tensor, alias, shape, largest rank, parameters.
fn matrix(data: &serde_json::Value, layer: usize, name: &str) -> (String, String, [u64; 2], u64, u64) {
    let row = data["matrices"].as_array().expect("matrices").iter();
    let row = row.into_iter().find(|row| row["layer"] == layer && row["matrix"] == name);
    let row = row.unwrap_or_else(|| panic!("no L{layer}.{name} in {data}"));
    let text = |key: &str| row[key].as_str().expect("a text").to_owned();
    let count = |value: &serde_json::Value| value.as_u64().expect("a count");
    let shape = [0, 1].map(|i| count(&row["shape"][i]));
    (text("tensor"), text("alias"), shape, count(&row["max_rank"]), count(&row["parameters"]))
}

#[test]
fn inspect_names_the_tensors_of_every_storage() {
    let bench = Bench::new();
    let data = bench.data(&format!("inspect {}", golden("families/gpt2")));
    let part = "transformer.h.1.attn.c_attn.weight (part)";
    assert_eq!(matrix(&data, 1, "q_proj"), (part.into(), String::new(), [30, 30], 30, 900));
    assert_eq!(
        matrix(&data, 1, "qkv"),
        ("transformer.h.1.attn.c_attn.weight".into(), "c_attn".into(), [90, 30], 30, 2700)
    );
    assert_eq!(
        matrix(&data, 0, "up_proj"),
        ("transformer.h.0.mlp.c_fc.weight".into(), "fc_in".into(), [120, 30], 30, 3600)
    );

    let sparse = golden("families/qwen2_moe-sparse");
    let data = bench.data(&format!("inspect {sparse}"));
    assert_eq!(matrix(&data, 1, "e2.down_proj").0, "model.layers.1.mlp.experts.2.down_proj.weight");
    assert_eq!(matrix(&data, 1, "router").0, "model.layers.1.mlp.gate.weight");
    assert_eq!(matrix(&data, 0, "down_proj").0, "model.layers.0.mlp.down_proj.weight");
    let text = bench.done(&format!("inspect {sparse}")).stdout;
    assert!(text.contains("L0.down_proj") && text.contains("L1.e0.down_proj"), "both kinds of layers: {text}");
    assert!(!text.contains("L1.e1.") && text.contains("experts 1 to 2 like expert 0"), "{text}");
    assert!(bench.done(&format!("inspect {sparse} --all")).stdout.contains("L1.e2.up_proj"));

    let data = bench.data(&format!("inspect {}", golden("gguf/mixtral.gguf")));
    assert_eq!(matrix(&data, 0, "e1.gate_proj").0, "blk.0.ffn_gate_exps.weight (part)");
}

#[test]
fn spectrum_measures_parts_and_several_as_one() {
    let bench = Bench::new();
    let spectrum = format!("spectrum {} --matrices L1.qkv,L1.h*.q_proj,L0.gate_up_proj", golden("families/phi3"));
    let data = bench.data(&spectrum);
    let names: Vec<&str> = data.as_array().expect("rows").iter().filter_map(|row| row["matrix"].as_str()).collect();
    assert_eq!(names, ["L0.gate_up_proj", "L1.qkv", "L1.h0.q_proj", "L1.h1.q_proj", "L1.h2.q_proj"]);
}

#[test]
fn inspect_shows_a_model_without_a_tokenizer() {
    let bench = Bench::new();
    std::fs::remove_file(bench.path("model/tokenizer.json")).expect("removes");
    let data = bench.data("inspect model");
    assert!(data["tokenizer"]["error"].as_str().is_some_and(|e| e.contains("tokenizer.json")), "{data}");
}

#[test]
fn spectrum_measures_what_is_selected() {
    let bench = Bench::new();
    let data = bench.data("spectrum model --matrices L1.attn,L0-1.fc_in");
    let rows = data.as_array().expect("a list");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["matrix"].as_str()).collect();
    assert_eq!(names, ["L0.gate_proj", "L1.q_proj", "L1.k_proj", "L1.v_proj", "L1.o_proj", "L1.gate_proj"]);
    for row in rows {
        let values: Vec<f64> =
            row["singular_values"].as_array().expect("values").iter().filter_map(|v| v.as_f64()).collect();
        let shape = [0, 1].map(|i| row["shape"][i].as_u64().expect("a size"));
        assert_eq!(values.len() as u64, shape[0].min(shape[1]));
        assert!(values.windows(2).all(|pair| pair[0] >= pair[1]), "falling: {values:?}");
        let squares: f64 = values.iter().map(|v| v * v).sum();
        assert!((number(row, "stable_rank") - squares / values[0].powi(2)).abs() < 1e-6);
        let effective = number(row, "effective_rank");
        assert!(effective > 1.0 && effective <= values.len() as f64, "{effective}");
    }
    // The second time from the cache, to the same digits.
    assert!(std::fs::read_dir(bench.path("cache/svd")).expect("a cache").count() >= rows.len());
    assert_eq!(bench.data("spectrum model --matrices L1.attn,L0-1.fc_in"), data);
    let text = bench.done("spectrum model --matrices L2.down_proj").stdout;
    assert!(text.contains("L2.down_proj") && text.contains("32×64"), "{text}");
}

#[test]
fn tasks_are_listed() {
    let bench = Bench::new();
    let data = bench.data("tasks");
    let names: Vec<&str> = data.as_array().expect("a list").iter().filter_map(|task| task["name"].as_str()).collect();
    let text = bench.done("tasks").stdout;
    for name in ["world-facts", "world-facts-shown", "counterfact"] {
        assert!(names.contains(&name) && text.contains(name), "{name}: {text}");
    }
    assert!(text.contains("JSONL"), "{text}");
}

#[test]
fn every_task_is_shown() {
    let bench = Bench::new();
    for task in bench.data("tasks").as_array().expect("a list") {
        let name = task["name"].as_str().expect("a name");
        let data = bench.data(&format!("tasks show {name}"));
        if name == "sokoban" {
            // Levels have no prompts and no quirks.
            assert!(bench.done("tasks show sokoban").stdout.contains("laser lab sokoban levels"));
            assert_eq!(data["needs_data"], true);
            continue;
        }
        assert!(data["quirks"].as_array().is_some_and(|quirks| !quirks.is_empty()), "{name}");
        let prompts = data["prompts"].as_array().expect("prompts");
        // Two profiles and two kinds of model, of which those that ask the same are one; masks have no perplexity.
        let setups: usize = prompts.iter().map(|prompt| prompt["profiles"].as_array().map_or(0, Vec::len)).sum();
        assert_eq!(setups, if ["wikitext-2", "ordinary-text"].contains(&name) { 2 } else { 4 }, "{name}");
    }
    let text = bench.done("tasks show fever").stdout;
    for part in [
        "CC BY-SA 3.0",
        "clean, masked models",
        "Is this claim true or false? The claim is [mask].",
        "Is this claim true or false. The claim is [mask]\n",
        "choices: true | false",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    bench.refused("tasks show fevers", &["`fevers`", "bigbench-epistemic"]);
}

#[test]
fn remarks_about_the_files_are_shown_and_stored() {
    let bench = Bench::new();
    let mut config = bench.json("model/config.json");
    config["sliding_window"] = 4.into();
    config["bos_token_id"] = 50256.into();
    bench.write("model/config.json", &config.to_string());
    let expected = ["`sliding_window` 4 is not applied", "`bos_token_id` 50256 is not in the vocabulary"];
    let shown = bench.done("inspect model").stdout;
    let stored = bench.data("inspect model")["notes"].to_string();
    bench.write("items.jsonl", "{\"question\": \"q\", \"answer\": \"x\"}\n");
    let ran = bench.done("eval model --task items.jsonl --score greedy --json");
    let results: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    for note in expected {
        assert!(shown.contains(note) && shown.contains("note: "), "{shown}");
        assert!(stored.contains(note), "{stored}");
        assert!(ran.stderr.contains(note), "{ran:?}");
        assert!(results["laser"]["notes"].to_string().contains(note), "{results}");
    }
}

#[test]
fn sizes_beyond_the_files_are_refused_by_their_key() {
    for (key, value) in
        [("hidden_size", 1_000_000_000_000u64), ("intermediate_size", 1 << 39), ("num_hidden_layers", 4096)]
    {
        let bench = Bench::new();
        let mut config = bench.json("model/config.json");
        config[key] = value.into();
        bench.write("model/config.json", &config.to_string());
        bench.refused("inspect model", &["config.json", key, &value.to_string()]);
    }
}
