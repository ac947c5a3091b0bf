//! Exports of gpt-oss: experts in one tensor whose rows alternate, and experts in blocks of MXFP4.

use std::path::{Path, PathBuf};

use laser_checkpoint::{Checkpoint, Dtype};

use super::case::{Case, assert_close, assert_far, assert_others_untouched, load};
use super::checkpoints::names;

/// An edit of one matrix of one expert.
const EXPERT: &str = "L1.e1.up_proj@r3";

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens").join(name)
}

#[test]
fn an_edit_of_one_expert_leaves_the_gates_and_the_other_experts() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let (case, out) = (Case::with_edit(&golden("families/gpt_oss"), EXPERT), place.path().join("out"));
    let written = case.export().to_folder(&out, None).expect("writes");
    assert_others_untouched(&case, &out, &written);
    assert_close(&load(&out), &case.edited, 1e-6);
    assert_far(&load(&out), &case.base, 1e-4);
    let tensor = "model.layers.1.mlp.experts.gate_up_proj";
    assert_eq!(written.matrices[0].tensor, tensor);
    let read = |path: &Path| Checkpoint::open(path).expect("opens").tensor(tensor).expect("is there").to_f32();
    let (before, after) = (read(case.files.path()).expect("numbers"), read(&out).expect("numbers"));
    // Four experts, 24 columns each, in which 14 gates and 14 rows of the other matrix alternate.
    assert_eq!(before.len(), 4 * 24 * 28);
    for (i, (before, after)) in before.iter().zip(&after).enumerate() {
        assert_eq!(before.to_bits() == after.to_bits(), i / (24 * 28) != 1 || i.is_multiple_of(2), "{i}");
    }
}

#[test]
fn blocks_keep_their_bytes_when_other_matrices_are_edited() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let edit = "L0.q_proj@r2,L1.router@r1,L1.o_proj@r4";
    let (case, out) = (Case::with_edit(&golden("families/gpt_oss-mxfp4"), edit), place.path().join("out"));
    let written = case.export().to_folder(&out, None).expect("writes");
    assert_others_untouched(&case, &out, &written);
    assert_close(&load(&out), &case.edited, 1e-6);
    let config = std::fs::read_to_string(out.join("config.json")).expect("reads");
    assert!(config.contains("mxfp4"), "{config}");
}

#[test]
fn an_edited_expert_in_blocks_is_refused_with_advice_and_can_be_written_as_gguf() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let case = Case::with_edit(&golden("families/gpt_oss-mxfp4"), EXPERT);
    let export = case.export();
    let message = export.to_folder(&place.path().join("out"), None).expect_err("refused").to_string();
    let words = ["L1.e1.up_proj", "gate_up_proj_blocks", "MXFP4", ".gguf"];
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
    assert!(names(place.path()).is_empty());

    let out = place.path().join("out.gguf");
    let written = export.to_gguf(&out, None).expect("writes");
    assert_eq!((written.matrices[0].dtype.as_str(), written.matrices[0].max_abs), ("F32", 0.0));
    assert_close(&load(&out), &case.edited, 1e-6);
    assert_far(&load(&out), &case.base, 1e-4);
}

#[test]
fn experts_of_a_gguf_file_are_stored_in_their_type_or_in_the_given_one() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let case = Case::with_edit(&golden("gguf/gpt-oss-mxfp4.gguf"), EXPERT);
    let (own, half) = (place.path().join("own.gguf"), place.path().join("half.gguf"));
    let written = case.export().to_gguf(&own, None).expect("writes");
    assert_others_untouched(&case, &own, &written);
    // Rounded to four bits, which the result says.
    assert_eq!(written.matrices[0].dtype, "MXFP4");
    assert!((0.02..0.3).contains(&written.matrices[0].relative), "{:?}", written.matrices);
    assert_far(&load(&own), &case.base, 1e-3);

    let written = case.export().to_gguf(&half, Some(Dtype::F16)).expect("writes");
    assert_others_untouched(&case, &half, &written);
    assert!(written.matrices[0].dtype == "F16" && written.matrices[0].relative < 1e-3, "{:?}", written.matrices);
    assert_close(&load(&half), &case.edited, 2e-3);
}

#[test]
fn a_gguf_file_with_blocks_becomes_a_folder_with_ordinary_numbers() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let (case, out) = (Case::with_edit(&golden("gguf/gpt-oss-mxfp4.gguf"), EXPERT), place.path().join("out"));
    case.export().to_folder(&out, Some(Dtype::F32)).expect("writes");
    assert_close(&load(&out), &case.edited, 1e-6);
    let checkpoint = Checkpoint::open(&out).expect("opens");
    let info = checkpoint.info("model.layers.1.mlp.experts.gate_up_proj").expect("is there");
    assert_eq!((info.dtype, info.shape.as_slice()), (Dtype::F32, [3, 32, 64].as_slice()));
    let info = checkpoint.info("model.layers.1.mlp.experts.gate_up_proj_bias").expect("is there");
    assert_eq!(info.shape, [3, 64]);
}
