//! Manifest: the provenance that every result carries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything needed to repeat a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this tool.
    pub tool_version: String,
    /// Commit the tool was built from, where known.
    pub git_hash: Option<String>,
    /// The model.
    pub model: ModelIdentity,
    /// The task.
    pub task: TaskIdentity,
    /// Every setting that can change a number, by its command-line name.
    pub config: BTreeMap<String, Value>,
    /// Every seed, by what it seeds.
    pub seeds: BTreeMap<String, u64>,
    /// Number type of the weights during evaluation (`f32`, `bf16`, …).
    pub dtype: String,
    /// Device (`cpu`, `cuda:0`, `metal`).
    pub device: String,
    /// Threads used.
    pub threads: usize,
    /// When the run ended, as the caller says it; libraries do not look at clocks.
    pub date: Option<String>,
}

/// Which model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// As it was named.
    pub path: String,
    /// Hash of its weights, hexadecimal.
    pub sha256: String,
    /// Name in the architecture table.
    pub architecture: String,
}

/// Which task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskIdentity {
    /// Built-in name or file name.
    pub name: String,
    /// Hash of its items, hexadecimal.
    pub sha256: String,
}
