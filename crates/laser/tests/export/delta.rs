//! Deltas: the base model and the file give the model that the format `dense` writes, to the byte; and what is refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use laser::edit::delta::Delta;
use laser::export::ModelCard;
use laser::{Recipe, Session, SvdMethod, WrittenForm};
use laser_checkpoint::{Checkpoint, Dtype, NewTensor, safetensors};
use sha2::{Digest, Sha256};

use super::checkpoints::{gguf_of, golden, names, random_folder};
use super::session::{named, open, write, write_by};

const DENSE: WrittenForm = WrittenForm::Dense(None);

/// Fails unless two folders, or two files, are the same to the byte.
fn assert_same(a: &Path, b: &Path, what: &str) {
    if a.is_file() {
        assert!(fs::read(a).expect("reads") == fs::read(b).expect("reads"), "{what}: {} differs", a.display());
        return;
    }
    assert_eq!(names(a), names(b), "{what}");
    names(a).iter().for_each(|name| assert_same(&a.join(name), &b.join(name), what));
}

/// Writes the edit densely and as a delta with two sessions on one thread, then the delta densely on three threads, and
/// compares. Returns the sizes of both.
fn check(model: &Path, edit: &str, place: &Path) -> [u64; 2] {
    let what = format!("{}: {edit}", model.display());
    let ending = if model.is_file() { ".gguf" } else { "" };
    let at = |name: &str| place.join(format!("{name}{ending}"));
    let delta = place.join("edit.safetensors");
    let session = open(model, 1);
    write(&session, edit, &at("dense"), DENSE).unwrap_or_else(|e| panic!("{what}: {e}"));
    let written = write(&session, edit, &delta, WrittenForm::Delta).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(written.files.len(), 1, "{what}");
    let other = open(model, 3);
    let again = write(&other, &delta.display().to_string(), &at("again"), DENSE);
    let again = again.unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_same(&at("dense"), &at("again"), &what);
    assert_eq!(again.matrices.len(), written.matrices.len(), "{what}");
    // A delta written from a delta is the same file.
    let copy = place.join("copy.safetensors");
    write(&other, &delta.display().to_string(), &copy, WrittenForm::Delta).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_same(&delta, &copy, &what);
    let size = |path: &Path| fs::metadata(path).expect("is there").len();
    let tensors = session.files().checkpoint().tensors().map(|info| info.range.len() as u64).sum();
    let sizes = [size(&delta), tensors];
    for path in [at("dense"), at("again")] {
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removes");
    }
    [delta, copy].iter().for_each(|path| fs::remove_file(path).expect("removes"));
    sizes
}

#[test]
fn a_delta_gives_the_dense_model_to_the_byte() {
    let place = tempfile::tempdir().expect("a temporary folder");
    // Kept and removed components, in every float type, order of rows and orientation; parts of tensors and several of one.
    for (model, edit) in [
        ("tiny/llama-tied", "L0.q_proj@0.3,L1.down_proj@0.9,L1.qkv@r20"),
        ("tiny/llama-bf16", "L0.q_proj@r2,L1.down_proj@0.9,L1.up_proj@0.5"),
        ("tiny/llama-f16", "L0.q_proj@r2,L1.down_proj@0.9,L1.up_proj@0.5"),
        ("tiny/llama-sharded", "L0.gate_proj@0.1,L3.o_proj@band(0.1..0.9)"),
        ("tiny/qwen2-bias", "L0-1.mlp@0.8"),
        ("families/gpt2", "L0.k_proj@r2,L0.v_proj@0.9,L1.qkv@0.7,L1.down_proj@0.2"),
        ("families/gpt2", "L1.h1.qkv@r2,L1.h2.q_proj@r1"),
        ("families/gpt_neox", "L1.v_proj@r2,L0.h1.k_proj@r5"),
        ("families/falcon-new", "L1.q_proj@0.8"),
        ("families/gptj", "L1.h1.o_proj@r2"),
        ("families/phi3", "L1.up_proj@r2,L0.gate_up_proj@0.9"),
        ("families/mixtral", "L0.e1.down_proj@r2,L1.e0.gate_proj@0.9,L1.router@r1"),
        ("families/bert", "L1.q_proj@0.9"),
        ("gguf/llama.gguf", "L0.q_proj@0.9,L1.k_proj@r2"),
        ("gguf/phi3.gguf", "L1.h1.q_proj@r1"),
        ("gguf/mixtral.gguf", "L0.e1.down_proj@r2,L0.e0.up_proj@0.9"),
        ("gguf/gpt2.gguf", "L1.k_proj@r2"),
    ] {
        check(&golden("..").join(model), edit, place.path());
    }
}

#[test]
fn every_kind_of_reduction_and_every_quantised_type_has_a_delta() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let model = golden("llama-bf16");
    for reduction in [
        "zero",
        "1",
        "magnitude(0.3)",
        "sparse(0.1)",
        "clusters(3,0.3)",
        "random(0.8,3)",
        "drop-bulk",
        "e0.9",
        "bottom(0.2)",
    ] {
        // Another matrix beside it: an edit that keeps everything would change nothing.
        check(&model, &format!("L0.up_proj@{reduction},L1.q_proj@r2"), place.path());
    }
    let wide = random_folder(&place.path().join("wide"), 7);
    for dtype in [Dtype::Q4_0, Dtype::Q8_0, Dtype::Q2K, Dtype::Q6K] {
        let model = gguf_of(&wide, &place.path().join(format!("{dtype}.gguf")), |_| dtype);
        let [small, whole] = check(&model, "L0.q_proj@r2,L1.down_proj@0.99", place.path());
        assert!(small < whole / 4, "{dtype}: {small} bytes of {whole}");
    }
    let session = open(&wide, 1);
    let [dense, delta, again] = ["dense", "edit.safetensors", "again"].map(|name| place.path().join(name));
    let svd = SvdMethod::Randomized { seed: 3 };
    write_by(&session, "L1.up_proj@r7", &dense, DENSE, svd).expect("writes");
    write_by(&session, "L1.up_proj@r7", &delta, WrittenForm::Delta, svd).expect("writes");
    write(&session, &delta.display().to_string(), &again, DENSE).expect("writes");
    assert_same(&dense, &again, "randomized");
    // Part of a delta, with another matrix beside it, is another edit with a recipe of its own.
    let requested = session.edit(&delta.display().to_string()).expect("reads");
    let more = session.edit("L1.up_proj@r7,L0.q_proj@r2").expect("an edit").edit;
    let truncation = session.truncation(svd).with_delta(requested.delta);
    let both = place.path().join("both");
    session
        .apply_with(&more, &truncation, ModelCard::default())
        .and_then(|edited| edited.write(&both))
        .expect("writes");
    assert_eq!(Recipe::read(&both.join("recipe.yaml")).expect("reads").edits.len(), 2);
}

#[test]
fn a_delta_of_a_merged_model_needs_the_same_adapter() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let base = golden("llama-gqa-untied");
    let of = |adapter: &str| {
        let folder = golden("..").join("adapters").join(adapter);
        named(&format!("{}+adapter:{}", base.display(), folder.display()), 1)
    };
    let (merged, delta) = (of("llama"), place.path().join("edit.safetensors"));
    write(&merged, "L1.up_proj@0.8", &delta, WrittenForm::Delta).expect("writes");
    write(&merged, "L1.up_proj@0.8", &place.path().join("dense"), DENSE).expect("writes");
    let text = delta.display().to_string();
    write(&merged, &text, &place.path().join("again"), DENSE).expect("writes");
    assert_same(&place.path().join("dense"), &place.path().join("again"), "merged");
    for other in [open(&base, 1), of("llama-rslora-patterns")] {
        let error = other.edit(&text).expect_err("other adapters").to_string();
        assert!(error.contains("adapters merged into the model: expected") && error.contains("llama"), "{error}");
    }
}

/// Deltas that another machine made; the hashes in them are of what it computed.
#[test]
fn a_delta_from_elsewhere_gives_the_bytes_of_its_hashes() {
    let place = tempfile::tempdir().expect("a temporary folder");
    for (name, model) in
        [("kept-and-removed", "llama-bytes"), ("dense-and-unchanged", "llama-bytes"), ("bf16", "llama-bf16")]
    {
        let (delta, out) = (golden(&format!("../deltas/{name}.safetensors")), place.path().join(name));
        let session = open(&golden(model), 2);
        write(&session, &delta.display().to_string(), &out, DENSE).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (delta, written) =
            (Delta::open(&delta, session.config()).expect("opens"), Checkpoint::open(&out).expect("opens"));
        for tensor in delta.tensors() {
            let bytes = written.tensor(&tensor.tensor).expect("is there").bytes();
            assert_eq!(hex::encode(Sha256::digest(bytes)), tensor.sha256, "{name}: {}", tensor.tensor);
        }
    }
}

/// A delta of a copy of a tiny model, with the session that wrote it.
fn written(place: &Path) -> (Session, std::path::PathBuf) {
    let source = place.join("model");
    fs::create_dir(&source).expect("creates");
    for name in names(&golden("llama-tied")) {
        fs::copy(golden("llama-tied").join(&name), source.join(&name)).expect("copies");
    }
    let (session, delta) = (open(&source, 1), place.join("edit.safetensors"));
    write(&session, "L0.q_proj@r2,L1.down_proj@0.9", &delta, WrittenForm::Delta).expect("writes");
    (session, delta)
}

#[test]
fn wrong_bases_are_named_with_the_tensor() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let (session, delta) = written(place.path());
    let text = delta.display().to_string();
    let refused = |session: &Session, words: &[&str]| {
        let error = session.edit(&text).expect_err("another base").to_string();
        words.iter().for_each(|word| assert!(error.contains(word), "no `{word}` in {error}"));
    };
    refused(&open(&golden("llama-bf16"), 1), &["edit.safetensors", "q_proj", "expected F32", "found BF16", "made for"]);
    refused(&open(&golden("../gguf/llama.gguf"), 1), &["edit"]);
    // One value of one edited tensor.
    let name = "model.layers.1.mlp.down_proj.weight";
    let mut values = session.files().checkpoint().tensor(name).expect("is there").to_f32().expect("reads");
    values[3] += 1.0;
    let source = session.files().path();
    let weights = session.files().checkpoint().files().next().expect("a file").to_owned();
    safetensors::rewrite(&weights, &weights, &BTreeMap::from([(name.to_owned(), values)])).expect("rewrites");
    refused(&open(source, 1), &[name, "expected SHA-256", "found", "made for"]);
}

/// Gives a tensor by name other values, or leaves it out.
type Change<'a> = &'a dyn Fn(&str, Vec<f32>) -> Option<Vec<f32>>;

#[test]
fn damaged_deltas_and_targets_are_refused() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let (session, delta) = written(place.path());
    let (tensors, metadata) = (Checkpoint::open(&delta).expect("opens"), safetensors::metadata(&delta).expect("reads"));
    let bad = place.path().join("bad.safetensors");
    // A copy with other metadata and tensors.
    let copy = |metadata: &BTreeMap<String, String>, change: Change<'_>| {
        let mut new = Vec::new();
        for info in tensors.tensors() {
            let values = tensors.tensor(&info.name).expect("is there").to_f32().expect("reads");
            if let Some(values) = change(&info.name, values) {
                new.push(NewTensor::new(&info.name, info.dtype, &info.shape, move || Ok(values)));
            }
        }
        safetensors::write(&bad, new, metadata).expect("writes");
    };
    let refused = |words: &[&str]| {
        let error = session.edit(&bad.display().to_string()).expect_err("damaged").to_string();
        words.iter().chain(&["bad.safetensors"]).for_each(|w| assert!(error.contains(w), "no `{w}` in {error}"));
    };
    let same = |_: &str, values: Vec<f32>| Some(values);
    copy(&BTreeMap::new(), &same);
    refused(&["laser apply", "laser_delta"]);
    for (key, value, words) in [
        ("laser_delta", "2", &["expected version 1, found 2"][..]),
        ("recipe", "edits: 1", &["`recipe`"]),
        ("recipe", "laser_recipe: 1\nedits:\n- {layer: 0, matrix: q_proj, keep: r3}\n", &["L0.q_proj@r3", "not among"]),
        ("matrices", "[]", &["not among its matrices"]),
        ("matrices", "[1]", &["`matrices`"]),
        ("tensors", "{", &["`tensors`"]),
    ] {
        let mut changed = metadata.clone();
        changed.insert(key.to_owned(), value.to_owned());
        copy(&changed, &same);
        refused(words);
    }
    copy(&metadata, &|name, values| (name != "L0.q_proj.laser_v").then_some(values));
    refused(&["L0.q_proj.laser_"]);
    // A changed value opens, and gives another tensor than the hashes say; then nothing is left.
    copy(&metadata, &|name, mut values| {
        values[0] += if name == "L0.q_proj.laser_u" { 0.5 } else { 0.0 };
        Some(values)
    });
    let out = place.path().join("out");
    let error = write(&session, &bad.display().to_string(), &out, DENSE).expect_err("another result").to_string();
    assert!(
        error.contains("bad.safetensors") && error.contains("q_proj.weight") && error.contains("SHA-256"),
        "{error}"
    );
    assert!(!out.exists());

    for (out, words) in [(&delta, "found one that exists"), (&place.path().join("x.bin"), "ends in .safetensors")] {
        let error = write(&session, "L0.q_proj@r2", out, WrittenForm::Delta).expect_err("refused").to_string();
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(names(place.path()).iter().filter(|name| name.contains("tmp")).count(), 0);
    Delta::open(&delta, session.config()).expect("still whole");
}
