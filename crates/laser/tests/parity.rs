//! Parity with Hugging Face transformers on tiny seeded checkpoints of every family: hidden states, logits, greedy text
//! or mask fills, edits.

mod support;

use candle_core::{DType, Device};
use laser::edit::Edit;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::model::Model;
use laser::model::load::ModelFiles;
use laser_linalg::Tolerance;
use support::{goldens, ids, json};

/// `|Δ| ≤ 1e-3·max|logit|` is the contract; f32 against f32 does far better.
const LOGITS: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-5 };

struct Case {
    name: String,
    /// `causal`, `masked` or `decision`.
    kind: String,
    model: Model,
    files: ModelFiles,
    golden: serde_json::Value,
    arrays: Vec<u8>,
}

/// The checkpoints of `goldens/<folder>`; `LASER_GOLDEN` picks one by name, for whoever adds a family.
fn cases_in(folder: &str) -> Vec<Case> {
    let folder = goldens().join(folder);
    let only = std::env::var("LASER_GOLDEN").ok();
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .filter_map(|entry| entry.ok().filter(|e| e.path().is_dir()).map(|e| e.file_name().to_string_lossy().into()))
        .filter(|name| only.as_ref().is_none_or(|only| only == name))
        .collect();
    names.sort();
    let case = |name: String| {
        let files = ModelFiles::open(&folder.join(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let model = files.load(&Device::Cpu, DType::F32, 2).unwrap_or_else(|e| panic!("{name}: {e}"));
        let golden = json(&folder.join(format!("{name}.golden.json")));
        let arrays = std::fs::read(folder.join(format!("{name}.golden.safetensors"))).expect("arrays");
        let kind = golden["kind"].as_str().unwrap_or("causal").to_owned();
        Case { name, kind, model, files, golden, arrays }
    };
    names.into_iter().map(case).collect()
}

/// Every checkpoint whose model reads tokens.
fn cases() -> Vec<Case> {
    let mut all = cases_in("tiny");
    all.extend(cases_in("families"));
    assert!(all.len() >= 14 || std::env::var("LASER_GOLDEN").is_ok(), "goldens are missing");
    all.retain(|case| case.kind != "decision");
    all
}

impl Case {
    fn array(&self, name: &str) -> Vec<f32> {
        let file = safetensors::SafeTensors::deserialize(&self.arrays).expect("golden arrays");
        let tensor = file.tensor(name).unwrap_or_else(|e| panic!("{}: {name}: {e}", self.name));
        tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }

    fn check(&self, what: &str, actual: &candle_core::Tensor, expected: &[f32]) {
        let actual: Vec<f32> = actual.flatten_all().expect("flat").to_vec1().expect("values");
        if let Err(difference) = LOGITS.check(&actual, expected) {
            panic!("{}: {what}: {difference}", self.name);
        }
    }
}

#[test]
fn hidden_states_and_logits_equal_the_reference() {
    for case in cases() {
        for s in 0..2 {
            let trace = case.model.trace(&ids(&case.golden["sequences"][s])).expect("trace");
            for (layer, hidden) in trace.hidden.iter().enumerate() {
                case.check(&format!("hidden {layer}"), hidden, &case.array(&format!("s{s}.hidden.{layer}")));
            }
            case.check("logits", &trace.logits, &case.array(&format!("s{s}.logits")));
        }
    }
}

#[test]
fn greedy_text_equals_the_reference_with_and_without_a_cache() {
    for case in cases().into_iter().filter(|case| case.kind == "causal") {
        for s in 0..2 {
            let golden = &case.golden["greedy"][s];
            let (prompt, expected) = (ids(&case.golden["sequences"][s]), ids(&golden["ids"]));
            let mut all = prompt.clone();
            for token in &expected {
                let logits = case.model.trace(&all).expect("trace").logits;
                let last = logits.get(all.len() - 1).expect("last row").to_vec1::<f32>().expect("values");
                let best = (0..last.len()).max_by(|a, b| last[*a].total_cmp(&last[*b])).expect("a token");
                assert_eq!(best as u32, *token, "{}: greedy of sequence {s} after {} tokens", case.name, all.len());
                all.push(*token);
            }
            if golden["same_with_cache"] == true {
                let cached = case.model.greedy(&prompt, expected.len()).expect("greedy");
                assert_eq!(cached, expected, "{}: cached greedy of sequence {s}", case.name);
            }
        }
    }
}

#[test]
fn edits_of_every_matrix_equal_the_reference() {
    for case in cases() {
        let tokens = ids(&case.golden["sequences"][0]);
        for golden in case.golden["edits"].as_array().expect("edits") {
            let text = golden["edit"].as_str().expect("edit");
            let edit = Edit::parse(text, case.files.config()).expect(text);
            let truncation = Truncation::new(SvdMethod::Exact, None, 1);
            let (edited, records) = truncation.apply(&case.model, &edit).expect(text);
            assert_eq!(records[0].max_rank as u64, golden["max_rank"].as_u64().expect("max_rank"));
            let logits = edited.trace(&tokens).expect("trace").logits;
            let last = logits.narrow(0, tokens.len() - 4, 4).expect("last rows");
            case.check(text, &last, &case.array(golden["array"].as_str().expect("array")));
        }
    }
}

#[test]
fn masks_are_filled_as_the_reference_fills_them() {
    for case in cases().into_iter().filter(|case| case.kind == "masked") {
        for s in 0..2 {
            let logits = case.model.trace(&ids(&case.golden["sequences"][s])).expect("trace").logits;
            let fill = &case.golden["fills"][s];
            for (position, expected) in ids(&fill["positions"]).iter().zip(ids(&fill["ids"])) {
                let row = logits.get(*position as usize).expect("a row").to_vec1::<f32>().expect("values");
                let best = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).expect("a token");
                assert_eq!(best as u32, expected, "{}: sequence {s}, mask at {position}", case.name);
            }
        }
    }
}

#[test]
fn full_rank_is_the_same_model_to_the_bit() {
    let cases = cases_in("tiny");
    let Some(case) = cases.first() else { return }; // another golden was picked
    let tokens = ids(&case.golden["sequences"][0]);
    let edit = Edit::parse("L*.all@1", case.files.config()).expect("edit");
    let (edited, records) = Truncation::new(SvdMethod::Exact, None, 1).apply(&case.model, &edit).expect("apply");
    assert_eq!(records.len(), case.files.config().n_layers * 7);
    let values = |m: &Model| -> Vec<f32> {
        m.trace(&tokens).expect("trace").logits.flatten_all().expect("flat").to_vec1().expect("values")
    };
    assert_eq!(values(&edited), values(&case.model));
}
