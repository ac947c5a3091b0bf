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
    for name in ["world-facts", "counterfact"] {
        assert!(names.contains(&name) && text.contains(name), "{name}: {text}");
    }
    assert!(text.contains("JSONL"), "{text}");
}
