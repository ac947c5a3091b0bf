//! Models merged with LoRA adapters, compared with PEFT on tiny checkpoints: every kind of update, storage and pattern.
//! Damaged and unsuitable adapters end in errors that name what is wrong.

use std::path::{Path, PathBuf};

use crate::support::{Arrays, goldens, ids, json};
use candle_core::{DType, Device};
use laser_linalg::Tolerance;
use laser_model::load::ModelFiles;
use laser_model::{Adapter, Model};
use serde_json::Value;

/// The project promises 1e-5 of the largest logit.
const LOGITS: Tolerance = Tolerance { absolute: 0.0, relative: 1e-5 };

fn open(model: &Path, adapters: &[PathBuf]) -> Result<ModelFiles, laser_model::Error> {
    let adapters = adapters.iter().map(|folder| Adapter::open(folder)).collect::<Result<Vec<_>, _>>()?;
    ModelFiles::open(model)?.with_adapters(adapters)
}

fn load(files: &ModelFiles) -> Model {
    files.load(&Device::Cpu, DType::F32, 2).expect("loads")
}

/// Compares the logits of a case with PEFT's.
fn check_logits(name: &str, model: &Model, case: &Value) {
    let arrays = Arrays::read(&goldens().join(format!("adapters/{name}.golden.safetensors")));
    for (s, sequence) in case["sequences"].as_array().expect("sequences").iter().enumerate() {
        let logits = model.trace(&ids(sequence)).unwrap_or_else(|e| panic!("{name}: {e}")).logits;
        let logits: Vec<f32> = logits.flatten_all().and_then(|t| t.to_vec1()).expect("values");
        if let Err(difference) = LOGITS.check(&logits, &arrays.get(&format!("s{s}.logits"))) {
            panic!("{name}: sequence {s}: {difference}");
        }
    }
}

fn cases() -> Vec<(String, Value, Vec<PathBuf>)> {
    let index = json(&goldens().join("adapters/index.json"));
    let cases = index["cases"].as_object().expect("cases by name");
    assert!(cases.len() >= 18, "goldens are missing: {}", cases.len());
    let folder = |name: &Value| goldens().join("adapters").join(name.as_str().expect("a name"));
    let of = |(name, case): (&String, &Value)| {
        let adapters = case["adapters"].as_array().expect("adapters").iter().map(folder).collect();
        (name.clone(), case.clone(), adapters)
    };
    cases.iter().map(of).collect()
}

#[test]
fn merged_models_equal_peft() {
    for (name, case, adapters) in cases() {
        let checkpoint = goldens().join(case["checkpoint"].as_str().expect("a path"));
        let files = open(&checkpoint, &adapters).unwrap_or_else(|e| panic!("{name}: {e}"));
        check_logits(&name, &load(&files), &case);
    }
}

#[test]
fn gguf_bases_merge_in_their_own_order_of_rows() {
    // The file holds the same values as the checkpoint, with the rows of q and k in pairs.
    let gguf = goldens().join("gguf/llama.gguf");
    let mut seen = 0;
    for (name, case, adapters) in
        cases().into_iter().filter(|(_, case, _)| case["checkpoint"] == "tiny/llama-gqa-untied")
    {
        let files = open(&gguf, &adapters).unwrap_or_else(|e| panic!("{name}: {e}"));
        check_logits(&name, &load(&files), &case);
        seen += 1;
    }
    assert!(seen >= 6, "{seen} adapters of the checkpoint");
}

#[test]
fn the_factors_of_an_update_are_the_change_of_the_matrix() {
    let adapter = goldens().join("adapters/llama-rslora-patterns");
    for base in ["tiny/llama-gqa-untied", "gguf/llama.gguf"] {
        let base = goldens().join(base);
        let merged = open(&base, &[adapter.clone(), adapter.clone()]).expect("fits");
        let (before, after) = (load(&ModelFiles::open(&base).expect("opens")), load(&merged));
        let ids = merged.merged_matrices();
        assert_eq!(ids.len(), 21, "seven matrices in three layers");
        for id in ids {
            let [b, a] = merged.update_factors(id).expect("reads").expect("a low rank");
            let (w, changed) = (before.matrix(id).expect("values"), after.matrix(id).expect("values"));
            for row in 0..w.rows() {
                for col in 0..w.cols() {
                    let at = |m: &laser_linalg::Matrix, r: usize, c: usize| f64::from(m.data()[r * m.cols() + c]);
                    let change: f64 = (0..a.rows()).map(|k| at(&b, row, k) * at(&a, k, col)).sum();
                    assert!((at(&w, row, col) + change - at(&changed, row, col)).abs() < 1e-5, "{id} {row} {col}");
                }
            }
        }
    }
    let dora = open(&goldens().join("tiny/llama-gqa-untied"), &[goldens().join("adapters/llama-dora")]).expect("fits");
    assert!(dora.update_factors(dora.merged_matrices()[0]).expect("reads").is_none(), "DoRA has no such form");
}

/// A copy of the adapter `llama` whose settings and tensors can be changed.
struct Altered {
    folder: tempfile::TempDir,
}

impl Altered {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["adapter_config.json", "adapter_model.safetensors"] {
            std::fs::copy(goldens().join("adapters/llama").join(name), folder.path().join(name)).expect("copies");
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes one key of the settings.
    fn set(&self, key: &str, value: Value) -> &Self {
        let mut config = json(&self.path("adapter_config.json"));
        config[key] = value;
        std::fs::write(self.path("adapter_config.json"), config.to_string()).expect("writes");
        self
    }

    /// Gives each tensor another name or shape, or leaves it out, as `change` says.
    fn tensors(&self, change: impl Fn(&str, &[usize]) -> Option<(String, Vec<usize>)>) -> &Self {
        let bytes = std::fs::read(self.path("adapter_model.safetensors")).expect("reads");
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let views = file.iter().filter_map(|(name, view)| {
            let (name, shape) = change(name, view.shape())?;
            let view = safetensors::tensor::TensorView::new(view.dtype(), shape, view.data()).expect("as many values");
            Some((name, view))
        });
        let bytes = safetensors::serialize(views.collect::<Vec<_>>(), None).expect("serialises");
        std::fs::write(self.path("adapter_model.safetensors"), bytes).expect("writes");
        self
    }

    fn open(&self, base: &str) -> Result<ModelFiles, laser_model::Error> {
        open(&goldens().join(base), &[self.folder.path().to_owned()])
    }

    fn refused(&self, words: &[&str]) {
        let error = self.open("tiny/llama-gqa-untied").expect_err("refused").to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}: expected {words:?}");
    }
}

const Q: &str = "base_model.model.model.layers.0.self_attn.q_proj";

#[test]
fn adapters_that_do_not_fit_are_refused_with_the_tensor() {
    let renamed = |from: &'static str, to: &'static str| {
        move |name: &str, shape: &[usize]| Some((name.replace(from, to), shape.to_vec()))
    };
    Altered::new().tensors(renamed("layers.2.", "layers.7.")).refused(&["model.layers.7.", "no module", "3 layers"]);
    Altered::new().tensors(renamed("model.layers.0", "vision_tower.layers.0")).refused(&["vision_tower.layers.0"]);
    Altered::new().tensors(renamed("lora_A", "lora_E")).refused(&["lora_E.weight", "not a name that PEFT gives"]);
    let without = |ending: &'static str| {
        move |name: &str, shape: &[usize]| (name != format!("{Q}.{ending}")).then(|| (name.to_owned(), shape.to_vec()))
    };
    Altered::new().tensors(without("lora_B.weight")).refused(&["layers.0.self_attn.q_proj", "A without B"]);
    Altered::new().tensors(without("lora_A.weight")).refused(&["layers.0.self_attn.q_proj", "B without A"]);
    let transposed = |name: &str, shape: &[usize]| {
        let shape = shape.iter().copied().rev().collect();
        Some((name.to_owned(), shape))
    };
    Altered::new().tensors(transposed).refused(&["lora_A.weight", "expected shape", "found"]);
    // The same adapter on a model of another size, and of another family.
    let error = Altered::new().open("tiny/llama-tied").expect_err("another size").to_string();
    assert!(error.contains("expected shape"), "{error}");
    let error = Altered::new().open("families/gpt2").expect_err("another family").to_string();
    assert!(error.contains("GPT-2 with 2 layers") && error.contains("transformer.h.0"), "{error}");
}

#[test]
fn other_kinds_of_adapters_and_pickles_are_refused_by_name() {
    Altered::new().set("peft_type", "IA3".into()).refused(&["adapter_config.json", "`peft_type`", "IA3"]);
    Altered::new().set("use_qalora", true.into()).refused(&["`use_qalora`", "not implemented"]);
    Altered::new().set("use_dora", true.into()).refused(&["use_dora", "lora_magnitude_vector"]);
    let altered = Altered::new();
    std::fs::rename(altered.path("adapter_model.safetensors"), altered.path("adapter_model.bin")).expect("renames");
    altered.refused(&["adapter_model.bin", "pickle", "safe_serialization=True"]);
    std::fs::remove_file(altered.path("adapter_model.bin")).expect("removes");
    altered.refused(&["no adapter_model.safetensors"]);
    std::fs::write(altered.path("adapter_config.json"), "[1").expect("writes");
    altered.refused(&["adapter_config.json"]);
    std::fs::remove_file(altered.path("adapter_config.json")).expect("removes");
    altered.refused(&["no adapter_config.json"]);
}

#[test]
fn the_rank_of_the_tensors_counts() {
    let altered = Altered::new();
    let files = altered.set("r", 16.into()).open("tiny/llama-gqa-untied").expect("opens");
    let note = files.notes().find(|note| note.contains("another rank")).expect("a note").to_owned();
    assert!(note.contains("21 modules") && note.contains("4 instead of 16"), "{note}");
    // Without the change, the same values: alpha / 4 is the scale of both.
    let unchanged = open(&goldens().join("tiny/llama-gqa-untied"), &[goldens().join("adapters/llama")]).expect("opens");
    let id = files.merged_matrices()[0];
    assert_eq!(load(&files).matrix(id).expect("values").data(), load(&unchanged).matrix(id).expect("values").data());
}

#[test]
fn two_adapters_with_new_values_for_one_module_are_refused() {
    let saved = goldens().join("adapters/gpt2-saved");
    let error = open(&goldens().join("families/gpt2"), &[saved.clone(), saved]).expect_err("both").to_string();
    assert!(error.contains("only one can have them"), "{error}");
}

#[test]
fn a_tied_head_that_an_adapter_changes_is_a_matrix_of_its_own() {
    let base = goldens().join("tiny/llama-tied");
    let files = open(&base, &[goldens().join("adapters/llama-tied")]).expect("opens");
    assert!(!files.config().head.tied && files.unties_head());
    assert!(files.notes().any(|note| note.contains("two matrices now")));
    assert!(ModelFiles::open(&base).expect("opens").config().head.tied, "the base model is as it was");
}
