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

#[test]
fn a_folder_becomes_a_gguf_file_that_says_what_it_is() {
    let bench = bench();
    bench.write("model/README.md", "---\nlicense: mit\n---\n# Model\n");
    let wanted = scores(&bench, "model", &format!("--edit {EDIT}"));
    let written = bench.data(&format!("apply model --edit {EDIT} --out edited.gguf"));
    assert_eq!(written["matrices"].as_array().expect("matrices").len(), 3);
    assert_same(&scores(&bench, "edited.gguf", ""), &wanted);
    let checkpoint = Checkpoint::open(&bench.path("edited.gguf")).expect("opens");
    let metadata = checkpoint.gguf_metadata().expect("GGUF");
    let text = |key: &str| metadata.str(key).expect("a text").unwrap_or_default().to_owned();
    assert_eq!(text("general.name"), "model, rank-reduced");
    assert_eq!(text("general.license"), "mit");
    assert!(text("laser.recipe").contains("matrix: down_proj"), "{}", text("laser.recipe"));
    assert_eq!((text("general.architecture"), text("tokenizer.ggml.model")), ("llama".to_owned(), "gpt2".to_owned()));

    bench.done(&format!("apply model --edit {EDIT} --out half.gguf --tensor-type f16"));
    let half = scores(&bench, "half.gguf", "");
    assert!((number(&half, "log_loss") - number(&wanted, "log_loss")).abs() < 0.05);
    let dtype = |name: &str| {
        let checkpoint = Checkpoint::open(&bench.path("half.gguf")).expect("opens");
        checkpoint.info(name).expect("is there").dtype.to_string()
    };
    assert_eq!([dtype("blk.1.ffn_up.weight"), dtype("output_norm.weight")], ["F16", "F32"]);
    // The file becomes a folder again.
    bench.done("apply edited.gguf --edit L0.v_proj@1 --out again --weights-type f32");
    assert_same(&scores(&bench, "again", ""), &wanted);
}

#[test]
fn titles_of_cards_are_names_and_not_places() {
    let bench = bench();
    let title = |out: &str| {
        let card = bench.read(&format!("{out}/README.md"));
        card.lines().find(|line| line.starts_with("# ")).expect("a title").to_owned()
    };
    let apply = |model: &str, out: &str, folder: &str| {
        let mut command = bench.command(&format!("apply {model} --edit L0.q_proj@r5 --out {out}"));
        let ran = command.current_dir(bench.path(folder)).output().expect("the binary starts");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    apply(".", "../dot", "model");
    assert_eq!(title("dot"), "# model, rank-reduced");
    let snapshot = "hub/models--org--name/snapshots/0123456789abcdef";
    std::fs::create_dir_all(bench.path(snapshot)).expect("creates");
    for name in names(&bench.path("model")) {
        std::fs::copy(bench.path("model").join(&name), bench.path(snapshot).join(&name)).expect("copies");
    }
    apply(snapshot, "cached", "");
    assert_eq!(title("cached"), "# org/name, rank-reduced");
    let card = bench.read("cached/README.md");
    for words in ["base_model: org/name", "tags:\n- laser\n- rank-reduction\n", "library_name: transformers"] {
        assert!(card.contains(words), "no `{words}` in {card}");
    }
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
