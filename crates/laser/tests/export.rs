//! Exports of real checkpoints, opened again: bytes, values and logits.

#[path = "export/made.rs"]
mod made;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use laser::edit::Edit;
use laser::edit::recipe::{BaseModel, Recipe};
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::export::{Card, Export, Written};
use laser::kernels::linear::Weight;
use laser::model::load::ModelFiles;
use laser::model::weight_id::WeightId;
use laser::model::{Model, Replacement};
use laser_checkpoint::{Checkpoint, Dtype, stored_values};
use laser_linalg::{Matrix, Tolerance};
use made::{gguf_of, golden, names, random_folder};
use sha2::{Digest, Sha256};

/// What an export is made from, and the same edit in memory.
struct Case {
    files: ModelFiles,
    base: Model,
    edited: Model,
    matrices: BTreeMap<WeightId, Matrix>,
    recipe: Recipe,
}

const EDIT: &str = "L0.q_proj@0.3,L1.k_proj@r2,L1.down_proj@0.1";
const TOKENS: [u32; 9] = [1, 17, 42, 3, 63, 5, 5, 28, 11];

impl Case {
    fn open(path: &Path) -> Self {
        Self::with_edit(path, EDIT)
    }

    fn with_edit(path: &Path, edit: &str) -> Self {
        let files = ModelFiles::open(path).expect("opens");
        let base = files.load(&Device::Cpu, DType::F32, 1).expect("loads");
        let edit = Edit::parse(edit, files.config()).expect("an edit of this model");
        let truncation = Truncation::new(SvdMethod::Exact, None, 1);
        let (edited, _) = truncation.apply(&base, &edit).expect("truncates");
        let (matrices, records) = truncation.matrices(&base, &edit).expect("truncates");
        let ranks: BTreeMap<WeightId, _> =
            edit.reductions().map(|(id, _)| id).zip(records.iter().map(|r| r.rank)).collect();
        let base_model = BaseModel {
            source: "somewhere".into(),
            sha256: "0".into(),
            architecture: files.config().architecture.name.into(),
        };
        let recipe = Recipe::new(&edit, base_model, SvdMethod::Exact, files.config(), |id| ranks[&id]);
        Self { files, base, edited, matrices, recipe }
    }

    fn export(&self) -> Export<'_> {
        Export::new(&self.files, self.matrices.clone(), &self.recipe, Card::default()).expect("the shapes fit")
    }

    /// The edit in memory with its matrices as the written file rounds them.
    fn rounded(&self, dtype: impl Fn(WeightId) -> Dtype) -> Model {
        let overlay = self.matrices.iter().map(|(&id, matrix)| {
            let values = stored_values("", dtype(id), matrix.data()).expect("fits the type");
            let tensor = Tensor::from_vec(values, (matrix.rows(), matrix.cols()), &Device::Cpu).expect("fits");
            (id, Replacement::Dense(Weight::new(tensor).expect("a matrix")))
        });
        self.base.with_overlay(overlay.collect())
    }

    fn own_dtype(&self, id: WeightId) -> Dtype {
        self.files.checkpoint().info(&self.files.tensor_names(id)[0]).expect("there is such a tensor").dtype
    }
}

fn logits(model: &Model) -> Vec<f32> {
    let logits = model.trace(&TOKENS).expect("runs").logits;
    logits.flatten_all().and_then(|l| l.to_vec1()).expect("has values")
}

fn load(path: &Path) -> Model {
    ModelFiles::open(path).and_then(|files| files.load(&Device::Cpu, DType::F32, 1)).expect("opens and loads")
}

fn assert_close(actual: &Model, expected: &Model, relative: f64) {
    let tolerance = Tolerance { absolute: 0.0, relative };
    tolerance.check(&logits(actual), &logits(expected)).expect("the same logits");
}

fn assert_far(actual: &Model, expected: &Model, relative: f64) {
    let tolerance = Tolerance { absolute: 0.0, relative };
    tolerance.check(&logits(actual), &logits(expected)).expect_err("the edit changes the logits");
}

/// Every tensor of the source but the edited ones has the same type, shape and bytes in `out`.
fn assert_others_untouched(case: &Case, out: &Path, written: &Written) {
    let (before, after) = (case.files.checkpoint(), Checkpoint::open(out).expect("opens"));
    let edited: Vec<_> = written.matrices.iter().map(|m| m.tensor.as_str()).collect();
    assert_eq!(edited.len(), case.matrices.len());
    assert_eq!(after.tensors().len(), before.tensors().len());
    for info in before.tensors() {
        let (old, new) = (before.tensor(&info.name).expect("old"), after.tensor(&info.name).expect("new"));
        if edited.contains(&info.name.as_str()) {
            assert_ne!(old.bytes(), new.bytes(), "{}", info.name);
        } else {
            assert_eq!((info.dtype, &info.shape), (new.info().dtype, &new.info().shape), "{}", info.name);
            assert_eq!(old.bytes(), new.bytes(), "{}", info.name);
        }
    }
    for matrix in &written.matrices {
        let bytes = after.tensor(&matrix.tensor).expect("written").bytes();
        let sha256 = hex::encode(Sha256::digest(bytes));
        assert_eq!(matrix.sha256, sha256);
        assert!(matrix.change > 0.1, "{matrix:?}");
    }
}

/// The report lists exactly the files that are there.
fn assert_listed(out: &Path, written: &Written) {
    let listed: Vec<_> = written.files.iter().map(|f| f.name.clone()).collect();
    assert_eq!(listed, names(out));
    for file in &written.files {
        assert_eq!(file.bytes, fs::metadata(out.join(&file.name)).expect("is there").len());
    }
}

#[test]
fn a_folder_keeps_all_but_the_edited_tensors() {
    // How far rounding alone may move the logits, relative to the largest.
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
fn other_files_are_copied_and_second_copies_of_the_weights_are_not() {
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
    let card = Card {
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
        outs.push("/proc/laser-export".into()); // where not even root can write
    }
    for out in &outs {
        let message = folder.export().to_folder(out, None).expect_err("refused").to_string();
        assert!(message.contains(&*out.to_string_lossy()) && !message.contains("tmp-"), "{message}");
    }
    for out in [&gguf, &at("other.bin"), &at("file/below.gguf")] {
        let message = quantised.export().to_gguf(out, None).expect_err("refused").to_string();
        assert!(message.contains(&*out.to_string_lossy()), "{message}");
    }
    folder.export().to_gguf(&at("new.gguf"), None).expect_err("a folder does not become GGUF");
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
        values[5] = 1e6; // beyond F16, found only when the values are stored
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

/// Matrices that share their tensor with others, in every order of rows there is, and what may change in it.
const SHARED: [(&str, &str); 12] = [
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
fn a_part_of_a_tensor_leaves_the_rest_of_it_byte_for_byte() {
    for (model, edit) in SHARED {
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
        let message = Export::new(&case.files, matrices, &case.recipe, Card::default()).expect_err("refused");
        assert!(message.to_string().contains(&id.to_string()), "{message}");
    }
}

/// Every type that GGUF weights are read in.
const TYPES: [Dtype; 13] = [
    Dtype::F32,
    Dtype::F16,
    Dtype::BF16,
    Dtype::Q4_0,
    Dtype::Q4_1,
    Dtype::Q5_0,
    Dtype::Q5_1,
    Dtype::Q8_0,
    Dtype::Q2K,
    Dtype::Q3K,
    Dtype::Q4K,
    Dtype::Q5K,
    Dtype::Q6K,
];

#[test]
fn gguf_keeps_all_but_the_edited_tensors_in_every_type() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let wide = random_folder(&place.path().join("wide"), 7);
    for dtype in TYPES {
        let path = place.path().join(format!("{dtype}.gguf"));
        let case = Case::open(&gguf_of(&wide, &path, |_| dtype));
        let out = place.path().join(format!("{dtype}-edited.gguf"));
        let written = case.export().to_gguf(&out, None).expect("writes");

        assert_others_untouched(&case, &out, &written);
        assert_eq!(written.matrices[0].dtype, dtype.to_string());
        let (old, new) = (fs::metadata(&path).expect("old").len(), fs::metadata(&out).expect("new").len());
        assert_eq!((old, written.files[0].bytes, written.files.len()), (new, new, 1));
        let after = Checkpoint::open(&out).expect("opens");
        assert_eq!(after.gguf_metadata(), case.files.checkpoint().gguf_metadata());
        let result = load(&out);
        assert_eq!(logits(&result), logits(&case.rounded(|_| dtype)), "{dtype}");
        assert_far(&result, &case.base, 1e-2);
    }
}

#[test]
fn values_that_an_edit_leaves_alone_are_not_quantised_anew() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let wide = random_folder(&place.path().join("wide"), 7);
    let mut rounds = 0;
    for dtype in TYPES {
        let path = place.path().join(format!("{dtype}.gguf"));
        let mut case = Case::open(&gguf_of(&wide, &path, |_| dtype));
        for (&id, matrix) in &mut case.matrices {
            let own = case.base.matrix(id).expect("reads");
            rounds += usize::from(stored_values("", dtype, own.data()).expect("fits the type") != own.data());
            *matrix = own;
        }
        let out = place.path().join(format!("{dtype}-same.gguf"));
        let written = case.export().to_gguf(&out, None).expect("writes");
        assert!(written.matrices.iter().all(|matrix| matrix.max_abs == 0.0 && matrix.change == 0.0), "{dtype}");
        assert_eq!(fs::read(&out).expect("new"), fs::read(&path).expect("old"), "{dtype}");
    }
    assert!(rounds > 0, "there are types whose values another round would change");
}

#[test]
fn gguf_tensors_change_their_type_if_asked() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let wide = random_folder(&place.path().join("wide"), 8);
    let case = Case::open(&gguf_of(&wide, &place.path().join("q4.gguf"), |_| Dtype::Q4_0));
    for (dtype, tolerance) in [(Dtype::F32, 1e-6), (Dtype::F16, 1e-3), (Dtype::Q8_0, 2e-2)] {
        let out = place.path().join(format!("{dtype}.gguf"));
        let written = case.export().to_gguf(&out, Some(dtype)).expect("writes");
        assert_others_untouched(&case, &out, &written);
        assert!(written.matrices.iter().all(|m| m.dtype == dtype.to_string() && m.relative < tolerance));
        let result = load(&out);
        assert_eq!(logits(&result), logits(&case.rounded(|_| dtype)), "{dtype}");
        assert_close(&result, &case.edited, tolerance);
    }
}

#[test]
fn a_gguf_file_becomes_a_folder_with_the_same_logits() {
    for name in
        ["llama-tied", "llama-gqa-untied", "llama-bias", "llama-linear", "llama3-rope", "qwen2-bias", "mistral-window"]
    {
        let place = tempfile::tempdir().expect("a temporary folder");
        let gguf = gguf_of(&golden(name), &place.path().join("model.gguf"), |_| Dtype::F32);
        let case = Case::open(&gguf);
        // The file itself says what the golden says.
        assert_close(&case.base, &load(&golden(name)), 1e-5);
        for (dtype, tolerance) in [(Dtype::F32, 1e-5), (Dtype::F16, 5e-3), (Dtype::BF16, 5e-2)] {
            let out = place.path().join(dtype.to_string());
            let written = case.export().to_folder(&out, Some(dtype)).expect(name);
            assert_listed(&out, &written);
            assert_eq!(names(&out), ["README.md", "config.json", "model.safetensors", "recipe.yaml"]);
            assert_close(&load(&out), &case.edited, tolerance);
            assert_far(&load(&out), &case.base, 2.0 * tolerance);
            let (ours, theirs) =
                (ModelFiles::open(&out).expect("opens"), ModelFiles::open(&golden(name)).expect("opens"));
            let config = |files: &ModelFiles| {
                let c = files.config();
                (c.architecture.name, c.head.tied, c.bias, c.attention.layers.clone(), c.norm_eps)
            };
            assert_eq!(config(&ours), config(&theirs), "{name}");
        }
    }
}

#[test]
fn the_vocabulary_of_a_gguf_file_goes_along() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let gguf = gguf_of(&golden("llama-bytes"), &place.path().join("model.gguf"), |_| Dtype::F32);
    let case = Case::open(&gguf);
    let out = place.path().join("out");
    case.export().to_folder(&out, None).expect("writes");
    let (before, after) = (
        case.files.tokenizer().expect("in the file"),
        ModelFiles::open(&out).and_then(|files| files.tokenizer()).expect("in the folder"),
    );
    let text = "<|start|>the thin heron ate 3 äpples<|end|>";
    let ids = before.encode(text, true).expect("encodes");
    assert_eq!(after.encode(text, true).expect("encodes"), ids);
    assert_eq!(
        ModelFiles::open(&golden("llama-bytes"))
            .and_then(|f| f.tokenizer())
            .expect("opens")
            .encode(text, true)
            .expect("encodes"),
        ids
    );
    assert_eq!((after.bos_id(), after.eos_ids()), (before.bos_id(), before.eos_ids()));
    assert_eq!(after.chat_template(), Some("{{ messages }}"));
    let card = fs::read_to_string(out.join("README.md")).expect("reads");
    assert!(card.contains("license: mit"), "{card}");
    let generation = fs::read_to_string(out.join("generation_config.json")).expect("reads");
    assert!(generation.contains("\"eos_token_id\": 263"), "{generation}");
}

#[test]
fn rotary_divisors_of_no_formula_are_refused() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = made::gguf_with_divisors(&golden("llama-tied"), &place.path().join("model.gguf"), &[1.0, 3.0, 2.0, 5.0]);
    let case = Case::open(&path);
    let message = case.export().to_folder(&place.path().join("out"), None).expect_err("refused").to_string();
    assert!(message.contains("rope_freqs.weight") && message.contains("Llama 3"), "{message}");
    assert_eq!(names(place.path()), ["model.gguf"]);
}
