//! Weights at the edges of what numbers can be: NaN, values that a type cannot hold, zeros, subnormal values, matrices of
//! one row or column.

use std::collections::BTreeMap;
use std::fs;

use laser::checkpoint::{Checkpoint, Dtype, NewTensor, safetensors};

use crate::bench::{Bench, number};
use crate::items;

fn bench() -> Bench {
    let bench = Bench::new();
    items::open(&bench, 40);
    bench
}

/// Writes the tiny model as the folder `name` with weights of type `dtype`, after `change` of each tensor, of which it
/// gets name, shape and values.
fn changed(bench: &Bench, name: &str, dtype: Dtype, change: impl Fn(&str, &mut Vec<usize>, &mut Vec<f32>)) {
    let source = Checkpoint::open(&bench.path("model")).expect("opens");
    fs::create_dir_all(bench.path(name)).expect("creates");
    for file in ["config.json", "tokenizer.json"] {
        fs::copy(bench.path("model").join(file), bench.path(name).join(file)).expect("copies");
    }
    let tensors = source.tensors().map(|info| {
        let mut values = source.tensor(&info.name).and_then(|tensor| tensor.to_f32()).expect("reads");
        let mut shape = info.shape.clone();
        change(&info.name, &mut shape, &mut values);
        NewTensor::new(info.name.clone(), dtype, &shape.clone(), move || Ok(values))
    });
    safetensors::write_folder(&bench.path(name), tensors.collect(), &BTreeMap::new(), usize::MAX).expect("writes");
}

/// Overwrites one element of a tensor of the tiny model, whatever the value is.
fn poke(bench: &Bench, tensor: &str, element: usize, value: f32) {
    let (file, start) = {
        let source = Checkpoint::open(&bench.path("model")).expect("opens");
        let info = source.info(tensor).expect(tensor);
        (info.file.to_path_buf(), info.range.start + 4 * element)
    };
    let mut bytes = fs::read(&file).expect("reads");
    bytes[start..start + 4].copy_from_slice(&value.to_le_bytes());
    fs::write(&file, bytes).expect("writes");
}

#[test]
fn weights_that_are_no_numbers_name_their_tensor_and_place() {
    for (tensor, element, value, place) in [
        ("model.layers.1.self_attn.q_proj.weight", 3 * 32 + 7, f32::NAN, "[3, 7]"),
        ("model.layers.2.mlp.down_proj.weight", 64, f32::INFINITY, "[1, 0]"),
        ("model.layers.0.input_layernorm.weight", 5, f32::NEG_INFINITY, "[5]"),
        ("lm_head.weight", 0, f32::NAN, "[0, 0]"),
    ] {
        let bench = bench();
        poke(&bench, tensor, element, value);
        let words = [tensor, place, "expected a finite value"];
        bench.refused("eval model --task open.jsonl --score top1", &words);
        // Also where the edit is of another matrix.
        bench.refused("apply model --edit L0.k_proj@0.5 --out new", &words);
        // A spectrum does not read the output head.
        if tensor == "lm_head.weight" {
            bench.done("spectrum model");
        } else {
            bench.refused("spectrum model", &words);
        }
        assert!(!bench.path("new").exists());
    }
}

/// Rank 1 of a block matrix [[a, a], [a, 0]] has 1.17·a in its first block.
fn grow(name: &str, _: &mut Vec<usize>, values: &mut Vec<f32>) {
    if name == "model.layers.1.mlp.gate_proj.weight" {
        let entry = |i: usize| if i / 32 >= 32 && i % 32 >= 16 { 0.0 } else { 60_000.0 };
        *values = (0..64 * 32).map(entry).collect();
    }
}

#[test]
fn a_value_that_f16_cannot_hold_after_the_edit_is_refused_and_named() {
    let bench = bench();
    changed(&bench, "half", Dtype::F16, grow);
    changed(&bench, "whole", Dtype::F32, grow);
    let edit = "--edit L1.gate_proj@r1";
    let words = ["model.layers.1.mlp.gate_proj.weight", "too large for F16", "65504", "BF16 or F32"];
    bench.refused(&format!("apply half {edit} --out new"), &words);
    assert!(!bench.path("new").exists());
    // The values are finite, and a type with their range holds them.
    bench.done(&format!("apply whole {edit} --out wide"));
    let largest = Checkpoint::open(&bench.path("wide")).expect("opens");
    let largest = largest.tensor("model.layers.1.mlp.gate_proj.weight").and_then(|t| t.to_f32()).expect("reads");
    assert!(largest.iter().copied().fold(0.0, f32::max) > 65_504.0);
    bench.done("apply half --edit L1.gate_proj@r2 --out same"); // the rank of the matrix: nothing grows
}

#[test]
fn a_truncation_beyond_f32_is_refused_and_named() {
    let bench = bench();
    changed(&bench, "vast", Dtype::F32, |name, _, values| {
        if name == "model.layers.1.mlp.gate_proj.weight" {
            values.fill(3e38);
        }
    });
    let words = ["L1.gate_proj", "too large for f32"];
    bench.refused("apply vast --edit L1.gate_proj@r1 --out new", &words);
    bench.refused("eval vast --task open.jsonl --score top1 --edit L1.gate_proj@r1", &words);
    bench.refused("apply vast --edit L1.gate_proj@whitened(0.1) --out new", &["needs the inputs"]);
    assert!(!bench.path("new").exists());
}

#[test]
fn a_matrix_of_zeros_and_subnormal_values_are_edited_like_others() {
    let bench = bench();
    changed(&bench, "small", Dtype::F16, |name, _, values| match name {
        "model.layers.1.mlp.up_proj.weight" => values.fill(0.0),
        "model.layers.0.self_attn.q_proj.weight" => values.iter_mut().for_each(|x| *x *= 1e-6), // f16 subnormals
        _ => {}
    });
    for edit in ["L1.up_proj@0.1", "L1.up_proj@e0.9", "L1.up_proj@drop-bulk", "L1.up_proj@0.01", "L0.q_proj@0.2"] {
        let out = format!("out-{}", edit.replace(['.', '@'], "-"));
        let applied = bench.data(&format!("apply small --edit {edit} --out {out}"));
        assert!(!applied["matrices"].to_string().contains("null"), "{}", applied["matrices"]);
        assert!(!applied["notes"].to_string().contains("removes"), "nothing is lost of zeros: {}", applied["notes"]);
        let [direct, written] = [format!("small --edit {edit}"), out].map(|model| {
            let evaluated = bench.laser(&format!("eval {model} --task open.jsonl --score top1"));
            number(&evaluated, "scores.all.log_loss")
        });
        assert!((direct - written).abs() < 1e-3, "{edit}: {direct} {written}");
    }
    let spectra = bench.data("spectrum small --matrices L1.up_proj,L0.q_proj");
    assert!(!spectra.to_string().contains("null"), "{spectra}");
    for strategy in ["exhaustive", "spectral+race", "gradient+race"] {
        let search = "search small --task open.jsonl --score top1 --matrices up_proj,q_proj --layers 0-1";
        let found = bench.data(&format!("{search} --strategy {strategy} --no-side-effects --out run-{strategy}"));
        assert!(number(&found, "search.trials") > 0.0);
    }
}

#[test]
fn matrices_of_one_row_or_column_can_be_edited_and_searched() {
    let bench = bench();
    changed(&bench, "thin", Dtype::F32, |name, shape, values| {
        if name.contains("gate_proj") || name.contains("up_proj") {
            (*shape, *values) = (vec![1, 32], values[..32].to_vec());
        } else if name.contains("down_proj") {
            (*shape, *values) = (vec![32, 1], values.chunks(64).map(|row| row[0]).collect());
        }
    });
    let config = bench.read("thin/config.json").replace("\"intermediate_size\": 64", "\"intermediate_size\": 1");
    bench.write("thin/config.json", &config);
    let eval = "eval thin --task open.jsonl --score top1";
    let unedited = number(&bench.laser(eval), "scores.all.log_loss");
    for edit in ["L0.fc_in@r1", "L0.down_proj@1"] {
        assert_eq!(number(&bench.laser(&format!("{eval} --edit {edit}")), "scores.all.log_loss"), unedited, "{edit}");
    }
    for edit in ["L0.fc_in@0.9", "L2.down_proj@0.5"] {
        let notes = bench.laser(&format!("{eval} --edit {edit}"))["notes"].to_string();
        assert!(notes.contains("of 1 rounds down to 0"), "{notes}");
        bench.done(&format!("apply thin --edit {edit} --out {}", edit.replace(['.', '@'], "-")));
    }
    bench.data("spectrum thin --matrices L0.all");
    let search = "search thin --task open.jsonl --score top1 --layers 0 --strategy exhaustive --no-side-effects";
    let found = bench.data(&format!("{search} --out run"));
    assert_eq!(number(&found, "search.trials"), 2.0 * 7.0 + 2.0 * 6.0, "the MLP has ranks 0 and 1 only");
}
