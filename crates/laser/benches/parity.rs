//! Prints how closely every family agrees with transformers, one line for each golden:
//!
//! ```text
//! cargo bench -p laser-rank --bench parity
//! ```
//!
//! Figures are max |difference of logits| / max |logit|: over whole sequences, over the last four rows after each edit,
//! and over whole sequences of models in GGUF files. This program times nothing; it is a bench because its figures are
//! measured and not compared with a bound. The tests named `parity` check bounds.
#![allow(clippy::print_stdout)] // the table is what this program is for

#[path = "../tests/support/mod.rs"]
mod support;

use candle_core::{DType, Device, Tensor};
use laser::edit::Edit;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::model::load::ModelFiles;
use serde_json::Value;
use support::{Arrays, Golden, goldens, ids, json, token_goldens};

fn main() {
    print_checkpoints();
    print_gguf_files();
}

/// Prints the table of the checkpoints in `goldens/tiny` and `goldens/families`, without and with edits. Decision
/// Transformers, which read no tokens, are checked in `crates/laser/tests/trajectory.rs`.
fn print_checkpoints() {
    println!("{:<20} {:<28} {:>9} {:>9}", "golden", "family", "logits", "edited");
    for golden in token_goldens() {
        let sequences: Vec<Vec<u32>> =
            golden.json["sequences"].as_array().expect("sequences").iter().map(ids).collect();
        let unedited = (0..2).map(|s| {
            let logits = golden.model.trace(&sequences[s]).expect("a trace").logits;
            relative_error(&logits, &golden.arrays.get(&format!("s{s}.logits")))
        });
        let edits = golden.json["edits"].as_array().expect("edits").iter();
        let edited = edits.map(|edit| error_after_edit(&golden, edit, &sequences[0]));
        let family = golden.files.config().family.name;
        let [unedited, edited] = [unedited.fold(0.0, f64::max), edited.fold(0.0, f64::max)];
        println!("{:<20} {family:<28} {unedited:>9.1e} {edited:>9.1e}", golden.name);
    }
}

/// Error of the last four rows of logits after one of the golden's edits.
fn error_after_edit(golden: &Golden, edit: &Value, sequence: &[u32]) -> f64 {
    let text = edit["edit"].as_str().expect("an edit");
    let parsed = Edit::parse(text, golden.files.config()).expect("an edit");
    let edited = Truncation::new(SvdMethod::Exact, None, 1).apply(&golden.model, &parsed).expect("edits").0;
    let logits = edited.trace(sequence).expect("a trace").logits;
    let last = logits.narrow(0, sequence.len() - 4, 4).expect("four rows");
    relative_error(&last, &golden.arrays.get(edit["array"].as_str().expect("an array")))
}

/// Prints the table of the files in `goldens/gguf`.
fn print_gguf_files() {
    println!("\n{:<20} {:<28} {:>9}", "GGUF", "family", "logits");
    for (name, entry) in json(&goldens().join("gguf/index.json")).as_object().expect("an index") {
        let path = goldens().join("gguf").join(format!("{name}.gguf"));
        let files = ModelFiles::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let model = files.load(&Device::Cpu, DType::F32, 1).expect("weights");
        let arrays = Arrays::read(&goldens().join(entry["golden"].as_str().expect("a golden")));
        let sequences = entry["sequences"].as_object().expect("sequences").iter();
        let errors = sequences.map(|(prefix, sequence)| {
            let logits = model.trace(&ids(sequence)).expect("a trace").logits;
            relative_error(&logits, &arrays.get(&format!("{prefix}.logits")))
        });
        let family = files.config().family.name;
        println!("{name:<20} {family:<28} {:>9.1e}", errors.fold(0.0, f64::max));
    }
}

/// max |actual − expected| / max |expected|.
fn relative_error(actual: &Tensor, expected: &[f32]) -> f64 {
    let actual: Vec<f32> = actual.flatten_all().and_then(|a| a.to_vec1()).expect("values");
    assert_eq!(actual.len(), expected.len());
    let largest = expected.iter().fold(0f64, |m, v| m.max(f64::from(v.abs())));
    actual.iter().zip(expected).fold(0f64, |m, (a, e)| m.max(f64::from((a - e).abs()))) / largest
}
