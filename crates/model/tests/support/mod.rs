//! Goldens: the checkpoints in `goldens/` and what transformers computed from them. Tests of this crate and of the crate
//! `laser-rank` share this file.
#![allow(dead_code)] // each test target uses only some of it

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use laser_linalg::Tolerance;
use laser_model::Model;
use laser_model::load::ModelFiles;
use serde_json::Value;

/// The folder of goldens. Both crates that use this file are two levels below the repository's root.
pub(crate) fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens")
}

/// Reads a JSON file.
pub(crate) fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Converts a JSON list to token ids.
pub(crate) fn ids(value: &Value) -> Vec<u32> {
    value.as_array().expect("a list of ids").iter().map(|v| v.as_u64().expect("an id") as u32).collect()
}

/// Converts a JSON list to f32 values.
pub(crate) fn floats(value: &Value) -> Vec<f32> {
    value.as_array().expect("a list of numbers").iter().map(|v| v.as_f64().expect("a number") as f32).collect()
}

/// Named f32 arrays of a golden, in a safetensors file.
pub(crate) struct Arrays {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Arrays {
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self { path: path.to_owned(), bytes }
    }

    /// The values of one array, flattened.
    pub(crate) fn get(&self, name: &str) -> Vec<f32> {
        let file = safetensors::SafeTensors::deserialize(&self.bytes).expect("a safetensors file");
        let array = file.tensor(name).unwrap_or_else(|e| panic!("{}: {name}: {e}", self.path.display()));
        array.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }
}

/// A tiny checkpoint and its golden.
pub(crate) struct Golden {
    pub(crate) name: String,
    /// `causal`, `masked` or `decision` (a Decision Transformer, which reads no tokens).
    pub(crate) kind: String,
    pub(crate) files: ModelFiles,
    pub(crate) model: Model,
    pub(crate) json: Value,
    pub(crate) arrays: Arrays,
}

impl Golden {
    /// Opens `NAME`, `NAME.golden.json` and `NAME.golden.safetensors` of a folder.
    fn open(folder: &Path, name: String) -> Self {
        let files = ModelFiles::open(&folder.join(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let model = files.load(&Device::Cpu, DType::F32, 2).unwrap_or_else(|e| panic!("{name}: {e}"));
        let json = json(&folder.join(format!("{name}.golden.json")));
        let arrays = Arrays::read(&folder.join(format!("{name}.golden.safetensors")));
        let kind = json["kind"].as_str().unwrap_or("causal").to_owned();
        Self { name, kind, files, model, json, arrays }
    }

    /// Panics with the name of the golden if values differ from `expected` by more than `tolerance`.
    pub(crate) fn check(&self, what: &str, actual: &Tensor, expected: &[f32], tolerance: Tolerance) {
        let actual: Vec<f32> = actual.flatten_all().expect("flat").to_vec1().expect("values");
        if let Err(difference) = tolerance.check(&actual, expected) {
            panic!("{}: {what}: {difference}", self.name);
        }
    }
}

/// The goldens in a folder of `goldens`, by name. The environment variable `LASER_GOLDEN` selects one by its name, which saves
/// time while a family is added.
pub(crate) fn goldens_in(folder: &str) -> Vec<Golden> {
    let folder = goldens().join(folder);
    let only = std::env::var("LASER_GOLDEN").ok();
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .filter_map(|entry| entry.ok().filter(|e| e.path().is_dir()).map(|e| e.file_name().to_string_lossy().into()))
        .filter(|name| only.as_ref().is_none_or(|only| only == name))
        .collect();
    names.sort();
    names.into_iter().map(|name| Golden::open(&folder, name)).collect()
}

/// The goldens of all models that read tokens.
pub(crate) fn token_goldens() -> Vec<Golden> {
    let mut all = goldens_in("tiny");
    all.extend(goldens_in("families"));
    assert!(all.len() >= 14 || std::env::var("LASER_GOLDEN").is_ok(), "goldens are missing");
    all.retain(|golden| golden.kind != "decision");
    all
}
