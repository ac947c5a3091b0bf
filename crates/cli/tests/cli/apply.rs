//! `apply`: the written model is the edited model.

use laser::checkpoint::Checkpoint;
use serde_json::Value;

use crate::bench::{Bench, names, number};
use crate::items;

const EDIT: &str = "L1.fc_in@0.1,L0.q_proj@r5,L2.down_proj@0.25";

fn bench() -> Bench {
    let bench = Bench::with_gguf();
    items::open(&bench, 40);
    bench
}

fn scores(bench: &Bench, model: &str, more: &str) -> Value {
    bench.laser(&format!("eval {model} --task open.jsonl --score generate {more}"))["scores"]["all"].clone()
}

/// Accuracy and log-loss agree within the rounding of f32.
fn assert_same(a: &Value, b: &Value) {
    assert_eq!(number(a, "acc"), number(b, "acc"));
    let (a, b) = (number(a, "log_loss"), number(b, "log_loss"));
    assert!((a - b).abs() < 1e-5, "{a} {b}");
}

#[test]
fn a_folder_becomes_a_folder_with_the_edit_in_it() {
    let bench = bench();
    bench.write("model/notes.txt", "kept as it is");
    let written = bench.data(&format!("apply model --edit {EDIT} --out edited"));
    let edited = scores(&bench, "edited", "");
    assert_same(&edited, &scores(&bench, "model", &format!("--edit {EDIT}")));
    assert_ne!(edited["log_loss"], scores(&bench, "model", "")["log_loss"]);

    let mut expected = names(&bench.path("model"));
    expected.extend(["README.md".to_owned(), "recipe.yaml".to_owned()]);
    expected.sort();
    assert_eq!(names(&bench.path("edited")), expected, "same shards, all other files");
    let listed: Vec<&str> =
        written["files"].as_array().expect("files").iter().filter_map(|f| f["name"].as_str()).collect();
    assert_eq!(listed, expected);
    for name in ["notes.txt", "config.json", "tokenizer.json", "model.safetensors.index.json"] {
        assert_eq!(bench.read(&format!("edited/{name}")), bench.read(&format!("model/{name}")), "{name}");
    }
    assert_changed(
        &bench,
        "model",
        "edited",
        &["layers.0.self_attn.q_proj", "layers.1.mlp.gate_proj", "layers.2.mlp.down_proj"],
    );
    assert!(bench.read("edited/README.md").contains("gate_proj"));
    assert_same(&edited, &scores(&bench, "model", "--edit edited/recipe.yaml"));
}

#[test]
fn a_gguf_file_becomes_a_gguf_file_or_a_folder() {
    let bench = bench();
    let wanted = scores(&bench, "model.gguf", &format!("--edit {EDIT}"));
    let text = bench.done(&format!("apply model.gguf --edit {EDIT} --out edited.gguf")).stdout;
    assert!(text.contains("L1.gate_proj") && text.contains("blk.1.ffn_gate.weight"), "{text}");
    assert_same(&scores(&bench, "edited.gguf", ""), &wanted);
    assert_changed(&bench, "model.gguf", "edited.gguf", &["blk.0.attn_q.", "blk.1.ffn_gate.", "blk.2.ffn_down."]);

    bench.done(&format!("apply model.gguf --edit {EDIT} --out folder --weights-type f32"));
    assert_same(&scores(&bench, "folder", ""), &wanted);

    bench.done(&format!("apply model.gguf --edit {EDIT} --out eighth.gguf --tensor-type q8_0"));
    let eighth = scores(&bench, "eighth.gguf", "");
    assert!((number(&eighth, "log_loss") - number(&wanted, "log_loss")).abs() < 0.1);
    let dtype = |name: &str| {
        let checkpoint = Checkpoint::open(&bench.path("eighth.gguf")).expect("opens");
        checkpoint.info(name).expect("is there").dtype.to_string()
    };
    assert_eq!([dtype("blk.1.ffn_gate.weight"), dtype("blk.1.ffn_up.weight")], ["Q8_0", "F32"]);
}

/// Exactly the tensors whose names contain one of `edited` differ.
fn assert_changed(bench: &Bench, before: &str, after: &str, edited: &[&str]) {
    let [before, after] = [before, after].map(|name| Checkpoint::open(&bench.path(name)).expect("opens"));
    let mut changed = 0;
    for info in before.tensors() {
        let bytes = |checkpoint: &Checkpoint| checkpoint.tensor(&info.name).expect(&info.name).bytes().to_vec();
        let differs = bytes(&before) != bytes(&after);
        assert_eq!(differs, edited.iter().any(|part| info.name.contains(part)), "{}", info.name);
        changed += usize::from(differs);
    }
    assert_eq!(changed, edited.len());
    assert_eq!(before.tensors().count(), after.tensors().count());
}

#[test]
fn targets_that_cannot_be_are_refused() {
    let bench = bench();
    let before = names(&bench.path("model"));
    bench.refused(&format!("apply model --edit {EDIT} --out model"), &["model", "expected a new or an empty folder"]);
    bench.refused(&format!("apply model --edit {EDIT} --out model/edited"), &["outside the source model"]);
    bench
        .refused(&format!("apply model.gguf --edit {EDIT} --out model.gguf"), &["model.gguf", "found one that exists"]);
    bench.refused(&format!("apply model --edit {EDIT} --out edited.gguf"), &["expected a GGUF file"]);
    bench.refused(
        &format!("apply model --edit {EDIT} --out new --tensor-type f16"),
        &["--tensor-type", "--weights-type"],
    );
    bench.refused(&format!("apply model --edit {EDIT} --out new --weights-type f16"), &["--weights-type"]);
    bench.refused(&format!("apply model.gguf --edit {EDIT} --out new.gguf --tensor-type q9"), &["--tensor-type", "q9"]);
    bench.refused(&format!("apply model --edit {EDIT} --out open.jsonl/edited"), &["open.jsonl/edited"]);
    assert_eq!(names(&bench.path("model")), before);
    assert!(!bench.path("new").exists() && !bench.path("new.gguf").exists() && !bench.path("edited.gguf").exists());
}
