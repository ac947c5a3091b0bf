//! Parity of GGUF files of every family with Hugging Face transformers: the logits of what the file holds.

mod support;

use candle_core::{DType, Device};
use laser::model::load::ModelFiles;
use laser_linalg::Tolerance;
use support::{goldens, ids, json};

/// `|Δ| ≤ 1e-3·max|logit|` is the contract; the goldens are of the values the files hold, so f32 does far better.
const LOGITS: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-5 };

#[test]
fn logits_of_every_file_equal_the_reference() {
    let index = json(&goldens().join("gguf/index.json"));
    let index = index.as_object().expect("files by name");
    assert!(index.len() >= 24, "goldens are missing: {}", index.len());
    let mut problems = Vec::new();
    for (name, entry) in index {
        let files =
            ModelFiles::open(&goldens().join(format!("gguf/{name}.gguf"))).unwrap_or_else(|e| panic!("{name}: {e}"));
        let model = files.load(&Device::Cpu, DType::F32, 2).unwrap_or_else(|e| panic!("{name}: {e}"));
        let golden = std::fs::read(goldens().join(entry["golden"].as_str().expect("a path"))).expect("a golden");
        let golden = safetensors::SafeTensors::deserialize(&golden).expect("a golden");
        for (sequence, tokens) in entry["sequences"].as_object().expect("sequences by name") {
            let expected = golden.tensor(&format!("{sequence}.logits")).unwrap_or_else(|e| panic!("{name}: {e}"));
            let value = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            let expected: Vec<f32> = expected.data().chunks_exact(4).map(value).collect();
            let logits = model.trace(&ids(tokens)).unwrap_or_else(|e| panic!("{name}: {e}")).logits;
            let logits: Vec<f32> = logits.flatten_all().and_then(|t| t.to_vec1()).expect("values");
            if let Err(difference) = LOGITS.check(&logits, &expected) {
                problems.push(format!("{name}: {sequence}: {difference}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
