//! `apply --format`: the smaller forms of an edited model, and what the other commands do with them.

use serde_json::Value;

use crate::bench::{Bench, names, number};
use crate::items;

const EDIT: &str = "L1.fc_in@0.1,L0.q_proj@0.9,L2.down_proj@0.25";

fn bench() -> Bench {
    let bench = Bench::with_gguf();
    items::open(&bench, 40);
    bench
}

fn scores(bench: &Bench, model: &str, more: &str) -> Value {
    bench.laser(&format!("eval {model} --task open.jsonl --score top1 {more}"))["scores"]["all"].clone()
}

/// Fails unless two folders have the same files.
fn assert_same_files(bench: &Bench, a: &str, b: &str) {
    assert_eq!(names(&bench.path(a)), names(&bench.path(b)));
    for name in names(&bench.path(a)) {
        let bytes = |folder: &str| std::fs::read(bench.path(folder).join(&name)).expect("reads");
        assert!(bytes(a) == bytes(b), "{a}/{name} and {b}/{name} differ");
    }
}

#[test]
fn a_delta_is_an_edit_for_every_command_and_gives_the_dense_model() {
    let bench = bench();
    let text = bench.done(&format!("apply model --edit {EDIT} --format delta --out edit.safetensors")).stdout;
    assert!(text.contains("gives the changed tensors to the byte") && text.contains("in place of"), "{text}");
    bench.done(&format!("apply model --edit {EDIT} --out dense"));
    bench.done("apply model --edit edit.safetensors --out again --threads 1");
    assert_same_files(&bench, "dense", "again");
    bench.done(&format!("apply model.gguf --edit {EDIT} --format delta --out gguf.safetensors"));
    bench.done(&format!("apply model.gguf --edit {EDIT} --out dense.gguf"));
    bench.done("apply model.gguf --edit gguf.safetensors --out again.gguf");
    let bytes = |name: &str| std::fs::read(bench.path(name)).expect("reads");
    assert!(bytes("dense.gguf") == bytes("again.gguf"));

    assert_eq!(scores(&bench, "model", "--edit edit.safetensors"), scores(&bench, "model", &format!("--edit {EDIT}")));
    let asked = |edit: &str| bench.data(&format!("ask model --edit {edit} --max-tokens 4 abc"))["edited"].clone();
    assert_eq!(asked("edit.safetensors"), asked(EDIT));
    // Another form of the same matrices: the edit of a folder, written as GGUF.
    bench.done("apply model --edit edit.safetensors --out converted.gguf --tensor-type f32");
    let close = |a: &Value, b: &Value| (number(a, "log_loss") - number(b, "log_loss")).abs() < 1e-5;
    assert!(close(&scores(&bench, "converted.gguf", ""), &scores(&bench, "dense", "")));

    bench.refused(
        "apply model.gguf --edit edit.safetensors --out x.gguf",
        &["edit.safetensors", "has no tensor", "model"],
    );
    bench.refused("eval model --edit edit.safetensors --svd exact --task open.jsonl", &["--svd", "edit.safetensors"]);
    bench.refused("apply model --edit model/config.safetensors --out x", &["model/config.safetensors"]);
    assert!(!bench.path("x").exists() && !bench.path("x.gguf").exists());
}

#[test]
fn a_delta_of_other_files_is_used_with_a_warning() {
    let bench = bench();
    bench.done("apply model --edit L1.fc_in@0.1 --format delta --out edit.safetensors");
    // Another tensor than the edited one differs.
    bench.done("apply model --edit L0.q_proj@r5 --out other");
    let ran = bench.run("eval other --edit edit.safetensors --task open.jsonl --score top1");
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(ran.stderr.contains("made for other model files"), "{ran:?}");
    bench.done("apply model --edit L1.fc_in@r5 --out changed");
    bench.refused("apply changed --edit edit.safetensors --out x", &["gate_proj.weight", "SHA-256", "made for model"]);
}

#[test]
fn adapters_and_factored_folders_say_what_they_keep() {
    let bench = bench();
    bench.done("apply model --edit L0.q_proj@0.9,L1.fc_in@0.9 --format lora --out adapter");
    bench.done("apply model --edit L0.q_proj@0.9,L1.fc_in@0.9 --out dense");
    let close = |a: &Value, b: &Value| (number(a, "log_loss") - number(b, "log_loss")).abs() < 1e-5;
    assert!(close(&scores(&bench, "model+adapter:adapter", ""), &scores(&bench, "dense", "")));
    let ran = bench.done("apply model --edit L0.q_proj@0.1 --format lora --approximate-rank 2 --out part");
    assert!(ran.stdout.contains("energy left out") && ran.stdout.contains(" %"), "{ran:?}");
    assert!(ran.stderr.contains("--max-lora-rank 8"), "{ran:?}");
    let written = bench.data("apply model.gguf --edit L0.q_proj@0.9 --format lora --out adapter.gguf");
    assert_eq!(written["adapted"][0]["left_out"], 0.0);
    assert!(bench.path("adapter.gguf").is_file());

    let text = bench.done("apply model --edit L1.fc_in@0.1 --format factored --out small").stdout;
    for words in ["breaks even at", "memory of these modules", "256 rows, ms"] {
        assert!(text.contains(words), "no `{words}` in {text}");
    }
    let written = bench.data("apply model --edit L1.fc_in@0.1 --format factored --out small-2");
    assert!(written["speeds"][0]["one_row"][0].is_number() && written["factored"][0]["rank"].is_number(), "{written}");
}

#[test]
fn forms_that_do_not_go_together_are_refused() {
    let bench = bench();
    for (arguments, words) in [
        ("--format lora --out x", &["use delta", "--approximate-rank"][..]),
        ("--format lora --out x.gguf", &["--out", "expected the name of a new folder"]),
        ("--format delta --out x", &["--out", "ends in .safetensors"]),
        ("--format factored --out open.jsonl", &["open.jsonl", "found a file"]),
        ("--format delta --out x.safetensors --tensor-type f16", &["--tensor-type", "--format dense"]),
        ("--format delta --out x.safetensors --approximate-rank 3", &["--approximate-rank", "--format lora"]),
        ("--format lora --approximate-rank 0 --out x", &["--approximate-rank", "at least 1"]),
        ("--out x.safetensors", &["--out", "--format delta"]),
        ("--format sparse --out x", &["dense, delta, lora, factored"]),
    ] {
        bench.refused(&format!("apply model --edit L1.fc_in@0.1 {arguments}"), words);
    }
    bench.refused("apply model.gguf --edit L1.fc_in@0.1 --format factored --out x", &["--format", "GGUF"]);
    bench.refused("apply model.gguf --edit L0.q_proj@0.9 --format lora --out x", &["--out", "ends in .gguf"]);
    bench.refused("apply model --format delta --out x.safetensors", &["--edit", "delta"]);
    let left = names(&bench.path("")).into_iter().filter(|name| name.starts_with('x') || name.contains("tmp"));
    assert_eq!(left.count(), 0);
}
