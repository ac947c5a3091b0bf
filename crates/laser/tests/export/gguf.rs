//! Exports of GGUF files: as GGUF, and as a Hugging Face folder.

use std::fs;
use std::path::Path;

use laser::model::load::ModelFiles;
use laser_checkpoint::{Checkpoint, Dtype, stored_values};

use super::case::{Case, assert_close, assert_far, assert_listed, assert_others_untouched, load, logits};
use super::checkpoints::{gguf_of, gguf_with_divisors, golden, names, random_folder, split};

/// All data types in which Laser reads the weights of GGUF files.
const GGUF_TYPES: [Dtype; 14] = [
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
    Dtype::MXFP4,
];

#[test]
fn gguf_keeps_all_but_the_edited_tensors_in_every_type() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let wide = random_folder(&place.path().join("wide"), 7);
    for dtype in GGUF_TYPES {
        let path = place.path().join(format!("{dtype}.gguf"));
        let case = Case::open(&gguf_of(&wide, &path, |_| dtype));
        let out = place.path().join(format!("{dtype}-edited.gguf"));
        let written = case.export().to_gguf(&out, None).expect("writes");

        assert_others_untouched(&case, &out, &written);
        assert_eq!(written.matrices[0].dtype, dtype.to_string());
        assert_eq!((written.files[0].bytes, written.files.len()), (fs::metadata(&out).expect("new").len(), 1));
        assert_metadata(&case, &out);
        let result = load(&out);
        assert_eq!(logits(&result), logits(&case.rounded(|_| dtype)), "{dtype}");
        assert_far(&result, &case.base, 1e-2);
    }
}

/// Fails unless the file has the source's metadata, a name that says that it is edited, and the recipe.
fn assert_metadata(case: &Case, out: &Path) {
    let (before, after) = (case.files.checkpoint(), Checkpoint::open(out).expect("opens"));
    let (before, after) = (before.gguf_metadata().expect("GGUF"), after.gguf_metadata().expect("GGUF"));
    for (key, value) in before.iter().filter(|(key, _)| *key != "general.name") {
        assert_eq!(after.get(key), Some(value), "{key}");
    }
    let name = after.str("general.name").expect("a text").expect("a name");
    assert!(name.ends_with(", rank-reduced"), "{name}");
    let recipe = after.str("laser.recipe").expect("a text").expect("a recipe");
    assert_eq!(recipe, case.recipe.to_yaml().expect("YAML"));
    assert_eq!(after.iter().len(), before.iter().filter(|(key, _)| *key != "general.name").count() + 2);
}

#[test]
fn unchanged_values_are_not_quantised_again() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let wide = random_folder(&place.path().join("wide"), 7);
    // Number of matrices that quantising a second time would change.
    let mut changeable = 0;
    for dtype in GGUF_TYPES {
        let path = place.path().join(format!("{dtype}.gguf"));
        let mut case = Case::open(&gguf_of(&wide, &path, |_| dtype));
        for (&id, matrix) in &mut case.matrices {
            let own = case.base.matrix(id).expect("reads");
            changeable += usize::from(stored_values("", dtype, own.data()).expect("fits the type") != own.data());
            *matrix = own;
        }
        let out = place.path().join(format!("{dtype}-same.gguf"));
        let written = case.export().to_gguf(&out, None).expect("writes");
        assert!(written.matrices.iter().all(|matrix| matrix.max_abs == 0.0 && matrix.change == 0.0), "{dtype}");
        let (before, after) = (case.files.checkpoint(), Checkpoint::open(&out).expect("opens"));
        for info in before.tensors() {
            let bytes = |checkpoint: &Checkpoint| checkpoint.tensor(&info.name).expect("is there").bytes().to_vec();
            assert_eq!(bytes(&after), bytes(before), "{dtype} {}", info.name);
        }
    }
    assert!(changeable > 0, "the test needs values that change when they are quantised again");
}

#[test]
fn edited_gguf_tensors_take_the_given_data_type() {
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
        // The GGUF file itself gives the golden's logits.
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
                (c.family.name, c.head.tied, c.bias, c.attention.layers.clone(), c.norm_eps)
            };
            assert_eq!(config(&ours), config(&theirs), "{name}");
        }
    }
}

#[test]
fn the_tokenizer_of_a_gguf_file_is_converted() {
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
fn rotary_divisors_that_fit_no_formula_are_refused() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = gguf_with_divisors(&golden("llama-tied"), &place.path().join("model.gguf"), &[1.0, 3.0, 2.0, 5.0]);
    let case = Case::open(&path);
    let message = case.export().to_folder(&place.path().join("out"), None).expect_err("refused").to_string();
    assert!(message.contains("rope_freqs.weight") && message.contains("Llama 3"), "{message}");
    assert_eq!(names(place.path()), ["model.gguf"]);
}

#[test]
fn a_split_gguf_file_becomes_one_file_or_a_folder() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let wide = random_folder(&place.path().join("wide"), 9);
    let whole = gguf_of(&wide, &place.path().join("whole.gguf"), |_| Dtype::F16);
    let parts = split(&whole, place.path(), 3);
    let expected = logits(&load(&whole));
    for part in &parts {
        assert_eq!(logits(&load(part)), expected, "{}", part.display());
    }
    // The tensors of all parts may be edited, and any part may be given.
    let case = Case::open(&parts[1]);
    let out = place.path().join("OUT.GGUF");
    let written = case.export().to_gguf(&out, None).expect("writes");
    assert_others_untouched(&case, &out, &written);
    assert_eq!(logits(&load(&out)), logits(&case.rounded(|_| Dtype::F16)));
    let direct = place.path().join("direct.gguf");
    Case::open(&whole).export().to_gguf(&direct, None).expect("writes");
    assert_eq!(logits(&load(&out)), logits(&load(&direct)));
    assert_metadata(&Case::open(&whole), &out);

    let folder = place.path().join("folder");
    case.export().to_folder(&folder, Some(Dtype::F32)).expect("writes");
    assert_close(&load(&folder), &case.edited, 1e-5);

    fs::remove_file(&parts[2]).expect("removes");
    let message = ModelFiles::open(&parts[0]).expect_err("incomplete").to_string();
    assert!(message.contains("part-00003-of-00003.gguf") && message.contains("missing"), "{message}");
}
