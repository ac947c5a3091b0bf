//! How near every family comes to transformers: `cargo bench --bench parity`. A line a golden: the largest difference of
//! a logit over the largest logit, for whole sequences, after the edits, and from GGUF.
#![allow(clippy::print_stdout)] // a benchmark prints

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use laser::edit::Edit;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::model::Model;
use laser::model::load::ModelFiles;
use serde_json::Value;
use support::{goldens, ids, json};

fn main() {
    let goldens = goldens();
    println!("{:<20} {:<28} {:>9} {:>9}", "golden", "family", "logits", "edited");
    for folder in ["tiny", "families"] {
        for folder in folders(&goldens.join(folder)) {
            let name = file_name(&folder);
            let golden = json(&folder.with_file_name(format!("{name}.golden.json")));
            if golden["kind"] == "decision" {
                continue; // cargo test --test trajectory
            }
            let arrays = Arrays::read(&folder.with_file_name(format!("{name}.golden.safetensors")));
            let (files, model) = open(&folder);
            let sequences: Vec<Vec<u32>> = golden["sequences"].as_array().expect("sequences").iter().map(ids).collect();
            let logits = |s: usize| {
                error(&model.trace(&sequences[s]).expect("a trace").logits, &arrays.get(&format!("s{s}.logits")))
            };
            let edits = golden["edits"].as_array().expect("edits").iter().map(|golden| {
                let edit = Edit::parse(golden["edit"].as_str().expect("an edit"), files.config()).expect("an edit");
                let edited = Truncation::new(SvdMethod::Exact, None, 1).apply(&model, &edit).expect("edits").0;
                let logits = edited.trace(&sequences[0]).expect("a trace").logits;
                let last = logits.narrow(0, sequences[0].len() - 4, 4).expect("four rows");
                error(&last, &arrays.get(golden["array"].as_str().expect("an array")))
            });
            let whole = logits(0).max(logits(1));
            let family = files.config().architecture.name;
            println!("{name:<20} {family:<28} {whole:>9.1e} {:>9.1e}", edits.fold(0.0, f64::max));
        }
    }
    println!("\n{:<20} {:<28} {:>9}", "GGUF", "family", "logits");
    for (name, entry) in json(&goldens.join("gguf/index.json")).as_object().expect("an index") {
        let (files, model) = open(&goldens.join("gguf").join(format!("{name}.gguf")));
        let arrays = Arrays::read(&goldens.join(entry["golden"].as_str().expect("a golden")));
        let of = |(prefix, sequence): (&String, &Value)| {
            let logits = model.trace(&ids(sequence)).expect("a trace").logits;
            error(&logits, &arrays.get(&format!("{prefix}.logits")))
        };
        let sequences = entry["sequences"].as_object().expect("sequences");
        let family = files.config().architecture.name;
        println!("{name:<20} {family:<28} {:>9.1e}", sequences.iter().map(of).fold(0.0, f64::max));
    }
}

/// max |a − b| / max |b|.
fn error(a: &Tensor, b: &[f32]) -> f64 {
    let a: Vec<f32> = a.flatten_all().and_then(|a| a.to_vec1()).expect("values");
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(0f64, |m, v| m.max(f64::from(v.abs())));
    a.iter().zip(b).fold(0f64, |m, (a, b)| m.max(f64::from((a - b).abs()))) / largest
}

/// Arrays of a golden, by name.
struct Arrays(BTreeMap<String, Vec<f32>>);

impl Arrays {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("arrays");
        let floats =
            |bytes: &[u8]| bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Self(file.tensors().into_iter().map(|(name, view)| (name, floats(view.data()))).collect())
    }

    fn get(&self, name: &str) -> Vec<f32> {
        self.0.get(name).unwrap_or_else(|| panic!("no array {name}")).clone()
    }
}

fn open(path: &Path) -> (ModelFiles, Model) {
    let files = ModelFiles::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let model = files.load(&Device::Cpu, DType::F32, 1).expect("weights");
    (files, model)
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).expect("goldens").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
