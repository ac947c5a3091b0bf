//! Exports of tiny checkpoints, opened again: bytes, values and logits.

mod adapters;
mod case;
mod checkpoints;
mod delta;
mod factored;
mod folder_to_gguf;
mod gguf;
mod mxfp4;
mod session;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use case::{Case, EDIT, assert_close, assert_far, assert_listed, assert_others_untouched, load, logits};
use checkpoints::{gguf_of, golden, names};
use laser::edit::Edit;
use laser::edit::recipe::Recipe;
use laser::export::{Export, ModelCard};
use laser::model::weight_id::WeightId;
use laser_checkpoint::{Checkpoint, Dtype};
use laser_linalg::Matrix;

#[test]
fn a_folder_keeps_all_but_the_edited_tensors() {
    // Largest change of the logits by rounding to the file's data type, relative to the largest logit.
    let cases = [
        ("llama-tied", 1e-6),
        ("llama-sharded", 1e-6),
        ("llama-bias", 1e-6),
        ("llama-bf16", 2e-2),
        ("llama-f16", 2e-3),
        ("llama-bytes", 1e-6),
        ("mistral-window", 1e-6),
        ("qwen2-bias", 1e-6),
    ];
    for (name, tolerance) in cases {
        let place = tempfile::tempdir().expect("a temporary folder");
        let (source, out) = (golden(name), place.path().join("out"));
        let case = Case::open(&source);
        let written = case.export().to_folder(&out, None).expect(name);

        assert_others_untouched(&case, &out, &written);
        assert_listed(&out, &written);
        assert!(written.left_out.is_empty());
        for file in names(&source) {
            let (old, new) = (fs::read(source.join(&file)).expect("old"), fs::read(out.join(&file)).expect("new"));
            assert_eq!(old.len(), new.len(), "{name}/{file}");
            assert!(old == new || file.ends_with(".safetensors"), "{name}/{file}");
        }
        let result = load(&out);
        assert_eq!(logits(&result), logits(&case.rounded(|id| case.own_dtype(id))), "{name}");
        assert_close(&result, &case.edited, tolerance);
        assert_far(&result, &case.base, 3.0 * tolerance);
        let exact = written.matrices.iter().all(|m| m.max_abs == 0.0 && m.relative == 0.0);
        assert_eq!(exact, tolerance == 1e-6, "{name}");

        let recipe = Recipe::read(&out.join("recipe.yaml")).expect("reads");
        let edit = recipe.edit(case.files.config()).expect("fits the model");
        assert_eq!(edit, Edit::parse(EDIT, case.files.config()).expect("parses"));
    }
}

#[test]
fn other_files_are_copied_but_other_weight_files_are_not() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let (source, out) = (place.path().join("source"), place.path().join("runs/1/model"));
    fs::create_dir_all(source.join("sub")).expect("creates");
    for name in names(&golden("llama-bytes")) {
        fs::copy(golden("llama-bytes").join(&name), source.join(name)).expect("copies");
    }
    let card = "---\nlicense: apache-2.0\n---\n# The base\n";
    let others = [
        ("README.md", card),
        ("recipe.yaml", "old"),
        ("LICENSE", "free"),
        ("sub/notes.txt", "x"),
        (".gitattributes", "y"),
    ];
    for (name, text) in others.iter().chain(&[("pytorch_model.bin", "pickle"), ("sub/model.gguf", "GGUF")]) {
        fs::write(source.join(name), text).expect("writes");
    }
    let case = Case::open(&source);
    let card = ModelCard {
        base_model: Some("owner/base".into()),
        task: Some("world-facts".into()),
        results: vec!["Accuracy on the test split: 0.4 → 0.5.".into()],
    };
    let export = Export::new(&case.files, case.matrices.clone(), &case.recipe, card).expect("fits");
    let written = export.to_folder(&out, None).expect("writes");

    assert_eq!(written.left_out, ["pytorch_model.bin", "sub/model.gguf"]);
    for (name, text) in others {
        let name = name.replace("README.", "README.base.").replace("recipe.", "recipe.base.");
        assert_eq!(fs::read_to_string(out.join(&name)).expect(&name), text);
    }
    let card = fs::read_to_string(out.join("README.md")).expect("reads");
    for part in [
        "base_model: owner/base",
        "license: apache-2.0",
        "| 1 | `down_proj` | 0.1 |",
        "Task: world-facts",
        "- Accuracy on the test split: 0.4 → 0.5.",
        "`model.layers.1.mlp.down_proj.weight` | F32",
    ] {
        assert!(card.contains(part), "{part} in\n{card}");
    }
    assert!(!card.contains(&*place.path().to_string_lossy()), "{card}");
    assert!(out.join("recipe.yaml").is_file());
    assert_eq!(names(place.path()).iter().filter(|n| n.contains("tmp")).count(), 0);
}

#[test]
fn targets_that_hold_something_or_cannot_be_written_are_refused() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| place.path().join(name);
    let source = at("source");
    fs::create_dir(&source).expect("creates");
    for name in names(&golden("llama-tied")) {
        fs::copy(golden("llama-tied").join(&name), source.join(name)).expect("copies");
    }
    let gguf = gguf_of(&golden("llama-tied"), &at("model.gguf"), |_| Dtype::F32);
    fs::write(at("file"), "").expect("writes");
    let before = names(place.path());

    let (folder, quantised) = (Case::open(&source), Case::open(&gguf));
    let places = ["source", "source/inside", "source/..", "file", "file/below"];
    let mut outs: Vec<PathBuf> = places.map(at).to_vec();
    if cfg!(target_os = "linux") {
        outs.push("/proc/laser-export".into()); // not even root can write there
    }
    for out in &outs {
        let message = folder.export().to_folder(out, None).expect_err("refused").to_string();
        assert!(message.contains(&*out.to_string_lossy()) && !message.contains("tmp-"), "{message}");
    }
    for out in [&gguf, &at("other.bin"), &at("file/below.gguf")] {
        let message = quantised.export().to_gguf(out, None).expect_err("refused").to_string();
        assert!(message.contains(&*out.to_string_lossy()), "{message}");
    }
    folder.export().to_folder(&at("new"), Some(Dtype::F16)).expect_err("a folder keeps its types");
    quantised.export().to_folder(&at("new"), Some(Dtype::Q8_0)).expect_err("no type of safetensors");
    assert_eq!(names(place.path()), before);
}

#[test]
fn a_failure_while_writing_leaves_nothing_behind() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| place.path().join(name);
    let gguf = gguf_of(&golden("llama-f16"), &at("model.gguf"), |_| Dtype::F16);
    for source in [golden("llama-f16"), gguf] {
        let mut case = Case::open(&source);
        let (id, matrix) = case.matrices.pop_first().expect("three matrices");
        let mut values = matrix.data().to_vec();
        values[5] = 1e6; // beyond the range of F16, which shows only when the values are stored
        case.matrices.insert(id, Matrix::new(matrix.rows(), matrix.cols(), values).expect("as before"));
        let errors = match case.files.is_gguf() {
            true => vec![
                case.export().to_gguf(&at("out.gguf"), None).expect_err("overflows"),
                case.export().to_folder(&at("a/out"), None).expect_err("overflows"),
            ],
            false => vec![case.export().to_folder(&at("a/out"), None).expect_err("overflows")],
        };
        for error in errors.iter().map(ToString::to_string) {
            assert!(error.contains("out") && error.contains("q") && error.contains("1000000"), "{error}");
            assert!(!error.contains("tmp-"), "{error}");
        }
        assert_eq!(names(place.path()), ["model.gguf"]);
    }
}

/// Models and edits of a matrix that shares its tensor with other matrices, for every order of rows that families have.
const SHARED_TENSORS: [(&str, &str); 12] = [
    ("families/gpt2", "L1.k_proj@r2"),
    ("families/gpt2", "L1.h1.qkv@r2"),
    ("families/gpt_neox", "L1.v_proj@r2"),
    ("families/gpt_neox", "L1.h1.k_proj@r2"),
    ("families/falcon-new", "L1.q_proj@r2"),
    ("families/bloom", "L1.qkv@r2"),
    ("families/gptj", "L1.h1.o_proj@r2"),
    ("families/phi-msft", "L1.q_proj@r2"),
    ("families/phi3", "L1.up_proj@r2"),
    ("gguf/phi3.gguf", "L1.h1.q_proj@r1"),
    ("gguf/mixtral.gguf", "L0.e1.down_proj@r2"),
    ("gguf/gpt2.gguf", "L1.k_proj@r2"),
];

#[test]
fn an_edit_of_a_part_of_a_tensor_leaves_the_rest_byte_for_byte() {
    for (model, edit) in SHARED_TENSORS {
        let source = golden("..").join(model);
        let case = Case::with_edit(&source, edit);
        let place = tempfile::tempdir().expect("creates");
        let out = place.path().join("out.gguf");
        let written = match case.files.is_gguf() {
            true => case.export().to_gguf(&out, None),
            false => case.export().to_folder(&out, None),
        };
        let written = written.unwrap_or_else(|e| panic!("{model}: {edit}: {e}"));
        let (before, after) = (case.files.checkpoint(), Checkpoint::open(&out).expect("opens"));
        let (mut changed, mut elsewhere) = (0, 0);
        for info in before.tensors() {
            let (old, new) = (before.tensor(&info.name).expect("old"), after.tensor(&info.name).expect("new"));
            let size = info.dtype.block_bytes();
            let differ = old.bytes().chunks(size).zip(new.bytes().chunks(size)).filter(|(a, b)| a != b).count();
            let edited = written.matrices.iter().any(|matrix| matrix.tensor == info.name);
            *(if edited { &mut changed } else { &mut elsewhere }) += differ;
        }
        let id = Edit::parse(edit, case.files.config()).expect("an edit").as_single().expect("one").0;
        let [rows, cols] = case.files.config().shape(id);
        assert_eq!(elsewhere, 0, "{model}: {edit}");
        assert!(changed > rows * cols / 2 && changed <= rows * cols, "{model}: {edit}: {changed} of {rows}x{cols}");
        let rounded = case.rounded(|id| case.own_dtype(id));
        assert_close(&load(&out), &rounded, 1e-6);
    }
}

#[test]
fn matrices_must_fit_the_model() {
    let case = Case::open(&golden("llama-tied"));
    let id: WeightId = *case.matrices.keys().next().expect("three matrices");
    for (id, matrix) in [(id, Matrix::zeros(3, 3)), (WeightId { layer: 9, ..id }, case.matrices[&id].clone())] {
        let matrices = BTreeMap::from([(id, matrix)]);
        let message = Export::new(&case.files, matrices, &case.recipe, ModelCard::default()).expect_err("refused");
        assert!(message.to_string().contains(&id.to_string()), "{message}");
    }
}
