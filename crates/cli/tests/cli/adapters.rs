//! LoRA adapters, end to end: merged wherever a model is named, written as whole matrices, named in results, analysed by
//! `laser lora`, and refused where they do not fit.

use std::collections::BTreeMap;

use laser::checkpoint::{Checkpoint, Dtype, NewTensor, safetensors};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::bench::{Bench, number};
use crate::checkpoint::{D_MLP, D_MODEL, LAYERS};
use crate::items;

const RANK: usize = 4;
const EDIT: &str = "L1.fc_in@0.1";

/// Writes an adapter of the model's MLPs and query projections with seeded values as `name`.
fn write_adapter(bench: &Bench, name: &str, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut tensors = Vec::new();
    let shapes = [
        ("self_attn.q_proj", D_MODEL, D_MODEL),
        ("mlp.gate_proj", D_MLP, D_MODEL),
        ("mlp.up_proj", D_MLP, D_MODEL),
        ("mlp.down_proj", D_MODEL, D_MLP),
    ];
    for layer in 0..LAYERS {
        for (module, out, width) in shapes {
            for (part, shape) in [("A", [RANK, width]), ("B", [out, RANK])] {
                let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| rng.random_range(-0.2..0.2)).collect();
                let name = format!("base_model.model.model.layers.{layer}.{module}.lora_{part}.weight");
                tensors.push(NewTensor::new(name, Dtype::F32, &shape, move || Ok(values)));
            }
        }
    }
    std::fs::create_dir_all(bench.path(name)).expect("creates");
    let path = bench.path(&format!("{name}/adapter_model.safetensors"));
    safetensors::write(&path, tensors, &BTreeMap::new()).expect("writes");
    let config = json!({"peft_type": "LORA", "r": RANK, "lora_alpha": 8, "base_model_name_or_path": "org/tiny"});
    bench.write(&format!("{name}/adapter_config.json"), &config.to_string());
}

fn bench() -> Bench {
    let bench = Bench::with_gguf();
    items::open(&bench, 40);
    write_adapter(&bench, "lora", 1);
    bench
}

fn scores(bench: &Bench, model: &str, more: &str) -> Value {
    bench.laser(&format!("eval {model} --task open.jsonl --score top1 {more}"))["scores"]["all"].clone()
}

/// Log-losses agree within the rounding of f32.
#[track_caller]
fn assert_same(a: &Value, b: &Value) {
    let (a, b) = (number(a, "log_loss"), number(b, "log_loss"));
    assert!((a - b).abs() < 1e-5, "{a} {b}");
}

#[test]
fn merged_models_are_written_as_whole_matrices_that_score_the_same() {
    let bench = bench();
    for (model, outs) in [("model", &["merged"][..]), ("model.gguf", &["merged.gguf", "from-gguf"])] {
        let tuned = scores(&bench, &format!("{model}+adapter:lora"), "");
        assert!((number(&tuned, "log_loss") - number(&scores(&bench, model, ""), "log_loss")).abs() > 0.01);
        let edited = scores(&bench, &format!("{model}+adapter:lora"), &format!("--edit {EDIT}"));
        for out in outs {
            let types = if *out == "from-gguf" { "--weights-type f32" } else { "" };
            let written = bench.data(&format!("apply {model}+adapter:lora --out {out} {types}"));
            assert!(written["notes"].to_string().contains("lora is merged into 12 tensors"), "{written}");
            assert_same(&scores(&bench, out, ""), &tuned);
            let with_edit = format!("apply {model}+adapter:lora --edit {EDIT} --out edited-{out} {types}");
            let written = bench.data(&with_edit);
            assert_eq!(written["matrices"].as_array().map(Vec::len), Some(1), "{written}");
            assert_same(&scores(&bench, &format!("edited-{out}"), ""), &edited);
        }
    }
    // Nothing but the adapted tensors changes.
    let [before, after] = ["model", "merged"].map(|name| Checkpoint::open(&bench.path(name)).expect("opens"));
    let changed =
        |name: &str| before.tensor(name).expect("a tensor").bytes() != after.tensor(name).expect("a tensor").bytes();
    let changed: Vec<&str> = before.tensors().map(|info| info.name.as_str()).filter(|name| changed(name)).collect();
    assert_eq!(changed.len(), 12, "{changed:?}");
    let recipe = bench.read("edited-merged/recipe.yaml");
    let card = bench.read("edited-merged/README.md");
    assert!(recipe.contains("adapters:\n") && recipe.contains("path: lora"), "{recipe}");
    assert!(card.contains("one matrix replaced") && card.contains("## Adapters") && card.contains("`lora`"), "{card}");
    // The recipe belongs to the merged model: on the base model alone it is foreign.
    let on_merged =
        bench.run("eval model+adapter:lora --edit edited-merged/recipe.yaml --task open.jsonl --score top1");
    let on_base = bench.run("eval model --edit edited-merged/recipe.yaml --task open.jsonl --score top1");
    assert_eq!((on_merged.status.code(), on_base.status.code()), (Some(0), Some(1)));
}

#[test]
fn several_adapters_add_up_and_results_name_them() {
    let bench = bench();
    write_adapter(&bench, "other", 2);
    let both = bench.laser("eval model+adapter:lora+adapter:other --task open.jsonl --score top1");
    let swapped = scores(&bench, "model+adapter:other+adapter:lora", "");
    assert_same(&both["scores"]["all"], &swapped);
    let model = &both["manifest"]["model"];
    assert_eq!(model["path"], "model+adapter:lora+adapter:other");
    let adapters = model["adapters"].as_array().expect("adapters");
    assert_eq!((adapters.len(), &adapters[1]["path"]), (2, &json!("other")));
    assert!(adapters.iter().all(|adapter| adapter["sha256"].as_str().is_some_and(|hash| hash.len() == 64)));
    let base = bench.laser("eval model --task open.jsonl --score top1");
    assert!(base["manifest"]["model"].get("adapters").is_none());
    assert_ne!(base["manifest"]["model"]["sha256"], model["sha256"]);
    // One written model, then the other adapter on it: the same sum.
    bench.done("apply model+adapter:lora --out merged");
    assert_same(&both["scores"]["all"], &scores(&bench, "merged+adapter:other", ""));
}

#[test]
fn a_search_works_on_the_merged_weights() {
    let bench = bench();
    let space = "--layers 1 --matrices fc_in --rho 0.1,0.5 --strategy exhaustive --no-side-effects";
    let found = bench.data(&format!("search model+adapter:lora --task open.jsonl --score top1 {space} --out run"));
    assert_eq!(found["manifest"]["model"]["adapters"][0]["path"], "lora");
    let spectra =
        |model: &str| bench.data(&format!("spectrum {model} --matrices L1.fc_in"))[0]["singular_values"].clone();
    assert_ne!(spectra("model"), spectra("model+adapter:lora"));
    bench.done("apply model+adapter:lora --out merged");
    let close = |a: &Value, b: &Value| {
        let numbers = |v: &Value| v.as_array().expect("values").iter().filter_map(Value::as_f64).collect::<Vec<_>>();
        numbers(a).iter().zip(numbers(b)).all(|(a, b)| (a - b).abs() < 1e-6)
    };
    assert!(close(&spectra("merged"), &spectra("model+adapter:lora")));
}

#[test]
fn lora_analyses_matrices_and_answers() {
    let bench = bench();
    let arguments = format!(
        "lora model --adapter lora --edit {EDIT} --adapted-edit L2.fc_out@0.25 --task open.jsonl --score top1 \
         --split all --update-ranks 1,4 --draws 40 --out analysis"
    );
    let ran = bench.done(&arguments);
    for words in ["removed", "gate_proj", "intruder", "tuned + LASER", "interaction", "update of rank 1"] {
        assert!(ran.stdout.contains(words), "no `{words}` in {}", ran.stdout);
    }
    let analysis = bench.json("analysis/adapter.json");
    assert_eq!(analysis["matrices"].as_array().map(Vec::len), Some(12));
    assert_eq!(analysis["matrices"][0]["rank"], RANK);
    let shares = &analysis["matrices"][0]["cuts"][2]["shares"];
    let total: f64 =
        ["kept", "removed", "left_kept", "right_kept", "outside"].iter().map(|key| number(&shares[key], "share")).sum();
    assert!((total - 1.0).abs() < 1e-9, "{shares}");
    let behaviour = &analysis["behaviour"];
    assert_eq!(behaviour["cells"].as_array().map(Vec::len), Some(8));
    assert_eq!(behaviour["n"], 40);
    let cell = |i: usize| number(&behaviour["cells"][i], "log_loss");
    assert!((cell(0) - number(&scores(&bench, "model", ""), "log_loss")).abs() < 1e-9);
    assert!((cell(2) - number(&scores(&bench, "model+adapter:lora", ""), "log_loss")).abs() < 1e-9);
    let page = bench.read("analysis/report.html");
    assert!(
        page.contains("</html>")
            && page.matches("<svg").count() > 3
            && !page.contains("http://")
            && !page.contains("https://"),
        "an offline page"
    );
    // The same bytes again, and the same from the GGUF file's own adapter.
    bench.done(&arguments.replace("--out analysis", "--out again"));
    assert_eq!(bench.read("analysis/adapter.json"), bench.read("again/adapter.json"));
    let json = bench.data("lora model.gguf --adapter lora --matrices fc_out --draws 0 --rho 0.5");
    assert_eq!(json["matrices"].as_array().map(Vec::len), Some(LAYERS));
    assert_eq!(json["matrices"][0]["cuts"][0]["shares"]["removed"]["z"], Value::Null);
}

#[test]
fn unsuitable_adapters_and_arguments_are_refused() {
    let bench = bench();
    bench.refused("eval model+adapter: --task open.jsonl", &["+adapter:", "a folder"]);
    bench.refused("inspect model+adapter:nowhere", &["nowhere", "adapter_config.json"]);
    bench.refused("inspect lora", &["holds an adapter", "org/tiny+adapter:lora"]);
    bench.refused("apply model --out new", &["--edit"]);
    bench.refused("lora model --adapter lora --task open.jsonl", &["--edit", "needed with --task"]);
    bench.refused("lora model --adapter lora --update-ranks 2", &["--task"]);
    bench.refused("lora model --adapter lora --matrices v_proj", &["--matrices", "changes none"]);
    bench.refused("lora model --adapter lora --edit L1.fc_in@zero", &["zero", "expected ρ or r"]);
    bench.write("lora/adapter_config.json", r#"{"peft_type": "LOHA"}"#);
    bench.refused(
        "eval model+adapter:lora --task open.jsonl --score top1",
        &["adapter_config.json", "`peft_type`", "LOHA"],
    );
    assert!(!bench.path("new").exists());
}

#[test]
fn an_adapter_is_trained_merged_and_analysed() {
    let bench = Bench::new();
    items::open(&bench, 8);
    let train = |out: &str| format!("lab lora model --data open.jsonl --rank 2 --steps 40 --batch 8 --out {out}");
    let ran = bench.data(&train("trained"));
    assert_eq!(ran["last_step"]["step"], 40);
    let [before, after] =
        ["model", "model+adapter:trained"].map(|model| number(&scores(&bench, model, ""), "log_loss"));
    assert!(after < 0.8 * before, "{before} before, {after} after");
    assert_eq!(bench.read("trained/train.jsonl").lines().count(), 40);
    let config = bench.json("trained/adapter_config.json");
    assert_eq!((&config["peft_type"], &config["r"], &config["lora_alpha"]), (&json!("LORA"), &json!(2), &json!(16)));
    assert_eq!(config["target_modules"].as_array().map(Vec::len), Some(7 * LAYERS));
    bench.done("lora model --adapter trained --draws 10");
    bench.refused(&train("trained"), &["trained", "expected a new or an empty folder"]);
    bench.refused("lab lora model --data open.jsonl --rank 0 --out other", &["rank"]);
    bench.refused("lab lora model --data nothing.jsonl --out other", &["nothing.jsonl"]);
}
