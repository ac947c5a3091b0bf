//! Adapters: PEFT folders merged by Laser's own reader have the logits of the dense edit; GGUF adapters the values.

use std::fs;
use std::path::Path;

use laser::WrittenForm;
use laser_checkpoint::{Checkpoint, Value};
use laser_linalg::Tolerance;
use serde_json::Value as Json;

use super::case::{assert_close, assert_far, load};
use super::checkpoints::{golden, names};
use super::session::{named, open, write};

const EXACT: WrittenForm = WrittenForm::Adapter { approximate: None };

/// Largest difference of logits, as a share of the largest logit.
const LOGITS: f64 = 1e-5;

fn settings(folder: &Path) -> Json {
    let text = fs::read_to_string(folder.join("adapter_config.json")).expect("reads");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn peft_adapters_have_the_logits_of_the_dense_edit() {
    // Whole modules; several matrices and parts of one module; rows grouped by head; columns of a head; transposed modules.
    for (model, edit) in [
        ("tiny/llama-tied", "L0.q_proj@0.9,L1.down_proj@0.8,L1.qkv@0.7"),
        ("tiny/llama-bias", "L0.k_proj@0.7,L1.h0.o_proj@0.8"),
        ("tiny/qwen2-bias", "L0-1.mlp@0.8"),
        ("families/gpt2", "L0.k_proj@0.9,L0.v_proj@0.8,L1.qkv@0.9,L1.down_proj@0.9"),
        ("families/gpt2-bare", "L1.h1.qkv@0.9,L1.o_proj@0.9"),
        ("families/gpt_neox", "L1.v_proj@0.9,L0.h1.k_proj@r6"),
        ("families/falcon-new", "L1.q_proj@0.8"),
        ("families/bloom", "L1.qkv@0.9"),
        ("families/gptj", "L1.h1.o_proj@0.7,L0.up_proj@0.9"),
        ("families/phi3", "L1.up_proj@0.9,L0.gate_up_proj@0.9"),
        ("families/bert", "L1.q_proj@0.9"),
        ("families/mixtral", "L1.q_proj@0.9"),
    ] {
        let place = tempfile::tempdir().expect("a temporary folder");
        let [out, dense] = ["adapter", "dense"].map(|name| place.path().join(name));
        let source = golden("..").join(model);
        let session = open(&source, 1);
        let written = write(&session, edit, &out, EXACT).unwrap_or_else(|e| panic!("{model}: {e}"));
        assert!(written.adapted.iter().all(|of| of.rank == of.removed_rank && of.left_out == 0.0), "{model}");
        write(&session, edit, &dense, WrittenForm::Dense(None)).unwrap_or_else(|e| panic!("{model}: {e}"));
        let merged = named(&format!("{}+adapter:{}", source.display(), out.display()), 1).load().expect("loads");
        assert_close(&merged, &load(&dense), LOGITS);
        assert_far(&merged, &load(&source), 1e-3);

        let keys = settings(&out);
        let ranks = keys["rank_pattern"].as_object().expect("patterns");
        assert_eq!(keys["rank_pattern"], keys["alpha_pattern"], "{model}: the scale is 1");
        assert_eq!(keys["r"], keys["lora_alpha"], "{model}: the scale is 1 for readers of these keys alone");
        assert_eq!(keys["r"].as_u64(), ranks.values().filter_map(Json::as_u64).max(), "{model}");
        let targets: Vec<&str> =
            keys["target_modules"].as_array().expect("a list").iter().filter_map(Json::as_str).collect();
        assert_eq!(targets, ranks.keys().map(String::as_str).collect::<Vec<_>>(), "{model}");
        assert_eq!(keys["fan_in_fan_out"], model.starts_with("families/gpt2"), "{model}");
        assert_eq!(names(&out), ["README.md", "adapter_config.json", "adapter_model.safetensors", "recipe.yaml"]);
    }
}

#[test]
fn an_approximation_says_what_it_leaves_out() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let session = open(&golden("llama-tied"), 1);
    // 29 of 32 components are removed, far more than an adapter may have that is smaller than the matrix.
    let edit = "L1.up_proj@r3";
    let error = write(&session, edit, &place.path().join("exact"), EXACT).expect_err("too large").to_string();
    for words in ["29 of the 32 components of L1.up_proj", "a rank above 19", "use delta", "`approximate-rank`"] {
        assert!(error.contains(words), "no `{words}` in {error}");
    }
    assert!(!place.path().join("exact").exists());
    let mut before = 1.0;
    for rank in [1, 8, 29] {
        let out = place.path().join(format!("rank-{rank}"));
        let form = WrittenForm::Adapter { approximate: Some(rank) };
        let written = write(&session, edit, &out, form).expect("writes");
        let [of] = &written.adapted[..] else { panic!("one matrix") };
        assert_eq!((of.removed_rank, of.rank), (29, rank));
        // The components that the adapter leaves out, by the singular values of the matrix.
        let spectrum = singular_values(&session);
        let energy = |s: &[f64]| s.iter().map(|s| s * s).sum::<f64>();
        let expected = energy(&spectrum[3 + rank..]) / energy(&spectrum[3..]);
        assert!((of.left_out - expected).abs() < 1e-6 && of.left_out < before, "{} and {expected}", of.left_out);
        before = of.left_out;
    }
    let form = WrittenForm::Adapter { approximate: Some(0) };
    let error = write(&session, edit, &place.path().join("zero"), form).expect_err("no rank").to_string();
    assert!(error.contains("approximate-rank"), "{error}");
}

/// Singular values of L1.up_proj.
fn singular_values(session: &laser::Session) -> Vec<f64> {
    let model = session.load().expect("loads");
    let id = session.edit("L1.up_proj@r3").expect("an edit").edit.as_single().expect("one").0;
    let w = model.matrix(id).expect("values");
    laser_linalg::decompose(w.view(), laser_linalg::Method::Auto, 1).expect("decomposes").s
}

#[test]
fn gguf_adapters_have_the_values_of_the_dense_edit_in_the_order_of_the_file() {
    for (model, edit) in [
        ("gguf/llama.gguf", "L0.q_proj@0.9,L1.k_proj@0.8,L1.down_proj@0.9,L2.up_proj@0.9"),
        ("gguf/phi3.gguf", "L1.h1.q_proj@0.5,L0.down_proj@0.9"),
        ("gguf/gpt2.gguf", "L1.k_proj@0.9,L1.q_proj@0.8"),
        ("gguf/mixtral.gguf", "L0.v_proj@0.9,L0.router@r2"),
    ] {
        let place = tempfile::tempdir().expect("a temporary folder");
        let [out, dense] = ["adapter.gguf", "dense.gguf"].map(|name| place.path().join(name));
        let session = open(&golden("..").join(model), 1);
        write(&session, edit, &out, EXACT).unwrap_or_else(|e| panic!("{model}: {e}"));
        write(&session, edit, &dense, WrittenForm::Dense(Some(laser_checkpoint::Dtype::F32))).expect(model);
        let (adapter, dense) = (Checkpoint::open(&out).expect("opens"), Checkpoint::open(&dense).expect("opens"));
        let base = session.files().checkpoint();
        let metadata = adapter.gguf_metadata().expect("GGUF");
        let text = |key: &str| metadata.str(key).expect("a text").unwrap_or_default().to_owned();
        assert_eq!([text("general.type"), text("adapter.type")], ["adapter", "lora"].map(str::to_owned));
        assert_eq!(metadata.get("adapter.lora.alpha"), Some(&Value::F32(0.0)));
        let own = base.gguf_metadata().and_then(|m| m.str("general.architecture").ok().flatten()).expect("a name");
        assert_eq!(text("general.architecture"), own);
        let mut changed = 0;
        for info in base.tensors() {
            let values =
                |checkpoint: &Checkpoint, name: &str| checkpoint.tensor(name).expect(name).to_f32().expect(name);
            let [before, after] = [base, &dense].map(|checkpoint| values(checkpoint, &info.name));
            let Some(a) = adapter.info(&format!("{}.lora_a", info.name)) else {
                assert!(before == after, "{model}: {} is not in the adapter", info.name);
                continue;
            };
            let b = adapter.info(&format!("{}.lora_b", info.name)).expect("both");
            let ([rank, width], [out, inner]) =
                (a.shape[..2].try_into().expect("2"), b.shape[..2].try_into().expect("2"));
            assert_eq!((inner, vec![out, width]), (rank, info.shape.clone()), "{model}: {}", info.name);
            let (a, b) = (values(&adapter, &a.name), values(&adapter, &b.name));
            let found: Vec<f32> = (0..out * width)
                .map(|at| {
                    let (row, col) = (at / width, at % width);
                    let change: f64 =
                        (0..rank).map(|k| f64::from(b[row * rank + k]) * f64::from(a[k * width + col])).sum();
                    (f64::from(before[at]) + change) as f32
                })
                .collect();
            let tolerance = Tolerance { absolute: 1e-6, relative: 1e-6 };
            tolerance.check(&found, &after).unwrap_or_else(|e| panic!("{model}: {}: {e}", info.name));
            changed += 1;
        }
        assert_eq!(adapter.tensors().len(), 2 * changed, "{model}");
    }
}

#[test]
fn models_and_targets_that_do_not_fit_are_refused() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let out = |name: &str| place.path().join(name);
    let merged = format!("{}+adapter:{}", golden("llama-gqa-untied").display(), golden("../adapters/llama").display());
    let cases = [
        (open(&golden("llama-tied"), 1), "L0.q_proj@0.9", "x.gguf", "expected the name of a new folder"),
        (open(&golden("../gguf/llama.gguf"), 1), "L0.q_proj@0.9", "x", "ends in .gguf"),
        (open(&golden("../families/mixtral"), 1), "L0.e1.up_proj@0.9", "x", "matrices of experts are stacked"),
        (open(&golden("../families/mixtral"), 1), "L0.router@r1", "x", "the router of experts"),
        (open(&golden("../families/gemma3"), 1), "L0.q_proj@0.9", "x", "part of one with images"),
        (named(&merged, 1), "L0.q_proj@0.9", "x", "write the merged model first"),
        (open(&golden("llama-tied"), 1), "L0.q_proj@1", "x", "changes no value"),
    ];
    for (session, edit, name, words) in cases {
        let error = write(&session, edit, &out(name), EXACT).expect_err(words).to_string();
        assert!(error.contains(words), "no `{words}` in {error}");
        assert_eq!(names(place.path()), Vec::<String>::new());
    }
}
