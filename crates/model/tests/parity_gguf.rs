//! Parity of GGUF files of every family with Hugging Face transformers: logits computed from the stored values.

use crate::support::{Arrays, goldens, ids, json};
use candle_core::{DType, Device};
use laser_linalg::Tolerance;
use laser_model::load::ModelFiles;

/// The project promises |difference| ≤ 1e-3·max|logit|. The goldens are computed in f32 from the values in the files, so
/// that a hundredth of it holds.
const LOGITS: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-5 };

#[test]
fn logits_of_every_file_equal_the_reference() {
    let index = json(&goldens().join("gguf/index.json"));
    let index = index.as_object().expect("files by name");
    assert!(index.len() >= 24, "goldens are missing: {}", index.len());
    // All files are checked before the test fails, since one mistake often shows in several families.
    let mut problems = Vec::new();
    for (name, entry) in index {
        let files =
            ModelFiles::open(&goldens().join(format!("gguf/{name}.gguf"))).unwrap_or_else(|e| panic!("{name}: {e}"));
        let model = files.load(&Device::Cpu, DType::F32, 2).unwrap_or_else(|e| panic!("{name}: {e}"));
        let arrays = Arrays::read(&goldens().join(entry["golden"].as_str().expect("a path")));
        for (sequence, tokens) in entry["sequences"].as_object().expect("sequences by name") {
            let expected = arrays.get(&format!("{sequence}.logits"));
            let logits = model.trace(&ids(tokens)).unwrap_or_else(|e| panic!("{name}: {e}")).logits;
            let logits: Vec<f32> = logits.flatten_all().and_then(|t| t.to_vec1()).expect("values");
            if let Err(difference) = LOGITS.check(&logits, &expected) {
                problems.push(format!("{name}: {sequence}: {difference}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
