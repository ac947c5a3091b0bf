//! Factored folders: the product of the two matrices is the dense edit, everything else is the source's, and what is refused.

use std::fs;

use laser::WrittenForm;
use laser_checkpoint::Checkpoint;
use laser_linalg::{Matrix, Tolerance};
use serde_json::Value;

use super::checkpoints::{golden, names};
use super::session::{open, write};

#[test]
fn two_matrices_stand_in_place_of_each_edited_one() {
    for (model, edit, modules) in [
        (
            "tiny/llama-tied",
            "L0.q_proj@0.3,L1.down_proj@r5",
            &["model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj"][..],
        ),
        // More than half of the components, and still smaller than the matrix.
        ("tiny/llama-bias", "L0.up_proj@0.55", &["model.layers.0.mlp.up_proj"]),
        (
            "families/gpt2-bare",
            "L1.qkv@r3,L0.up_proj@0.2",
            &["transformer.h.0.mlp.c_fc", "transformer.h.1.attn.c_attn"],
        ),
        ("tiny/qwen2-bias", "L1.qkv@r3", &["q_proj", "k_proj", "v_proj"]),
    ] {
        let place = tempfile::tempdir().expect("a temporary folder");
        let [out, dense] = ["factored", "dense"].map(|name| place.path().join(name));
        let source = golden("..").join(model);
        let session = open(&source, 1);
        let written = write(&session, edit, &out, WrittenForm::Factored).unwrap_or_else(|e| panic!("{model}: {e}"));
        write(&session, edit, &dense, WrittenForm::Dense(None)).expect(model);
        assert_eq!(written.factored.len(), modules.len(), "{model}");
        let text = fs::read_to_string(out.join("config.json")).expect("reads");
        let keys: Value = serde_json::from_str(&text).expect("JSON");
        assert!(keys["model_type"].as_str().is_some_and(|name| name.starts_with("laser_")), "{model}");
        assert_eq!(keys["auto_map"]["AutoModelForCausalLM"], "modeling_laser.LaserModel");
        let code = fs::read_to_string(out.join("modeling_laser.py")).expect("reads");
        assert!(!code.contains("CLASS") && code.contains("ForCausalLM") | code.contains("LMHeadModel"), "{code}");

        let [before, after] = [&source, &dense].map(|path| Checkpoint::open(path).expect("opens"));
        let found = Checkpoint::open(&out).expect("opens");
        let mut factored = 0;
        for info in before.tensors() {
            let name = &info.name;
            let Some(stem) =
                name.strip_suffix(".weight").filter(|s| found.info(&format!("{s}.laser_u.weight")).is_some())
            else {
                let copied = found.tensor(name).or_else(|_| found.tensor(&name.replace(".bias", ".laser_u.bias")));
                assert!(copied.expect(name).bytes() == before.tensor(name).expect(name).bytes(), "{model}: {name}");
                continue;
            };
            assert!(found.info(name).is_none(), "{model}: {name}");
            let matrix = |part: &str| {
                let view = found.tensor(&format!("{stem}.{part}.weight")).expect("is there");
                let [rows, cols] = view.info().shape[..] else { panic!("a matrix") };
                Matrix::new(rows, cols, view.to_f32().expect("reads")).expect("fits")
            };
            let (us, vt) = (matrix("laser_u"), matrix("laser_v"));
            let product = laser_linalg::LowRank { rank: vt.rows(), us, vt }.materialise(1);
            let dense = after.tensor(name).expect(name).to_f32().expect("reads");
            // GPT-2 stores `[in, out]`.
            let transposed = info.shape[0] != product.rows();
            let (rows, cols) = (product.rows(), product.cols());
            let at = |i: usize| if transposed { product.row(i % rows)[i / rows] } else { product.data()[i] };
            let product: Vec<f32> = (0..rows * cols).map(at).collect();
            let tolerance = Tolerance { absolute: 1e-6, relative: 1e-6 };
            tolerance.check(&product, &dense).unwrap_or_else(|e| panic!("{model}: {name}: {e}"));
            factored += 1;
        }
        assert_eq!(factored, modules.len(), "{model}");
        for (module, name) in written.factored.iter().zip(modules) {
            let sizes = &keys["laser_factored"][&module.module];
            assert!(written.factored.iter().any(|m| m.module.ends_with(name)), "{model}: {name}");
            assert_eq!(sizes["rank"].as_u64(), Some(module.rank as u64), "{model}");
            assert!(
                module.bytes_after <= module.bytes_before && module.rank <= module.break_even,
                "{model}: {module:?}"
            );
        }
        assert!(names(&out).contains(&"recipe.yaml".to_owned()));
    }
}

#[test]
fn edits_and_models_without_smaller_matrices_are_refused() {
    let place = tempfile::tempdir().expect("a temporary folder");
    for (model, edit, words) in [
        ("tiny/llama-tied", "L0.up_proj@0.9", "breaks even at 19"),
        ("tiny/llama-tied", "L0.up_proj@zero", "rank 0 removes the matrix"),
        ("tiny/llama-tied", "L0.up_proj@magnitude(0.1)", "magnitude(0.1) gives no matrix of a low rank"),
        ("tiny/llama-tied", "L0.up_proj@1", "changes no value"),
        ("families/gpt2", "L0.k_proj@r2", "part of the tensor `transformer.h.0.attn.c_attn.weight`"),
        ("families/mixtral", "L0.q_proj@r2", "models with experts"),
        ("families/phi-msft", "L0.up_proj@r2", "code of its own"),
        ("gguf/llama.gguf", "L0.up_proj@r2", "the model is a GGUF file"),
    ] {
        let session = open(&golden("..").join(model), 1);
        let form = WrittenForm::Factored;
        let error = write(&session, edit, &place.path().join("out"), form).expect_err(words).to_string();
        assert!(error.contains(words), "no `{words}` in {error}");
        assert_eq!(names(place.path()), Vec::<String>::new());
    }
}
