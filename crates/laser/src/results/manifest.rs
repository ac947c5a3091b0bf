//! Manifest: the settings, inputs and versions that produced a result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::edit::recipe::AdapterIdentity;

/// Everything needed to repeat a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this tool.
    pub tool_version: String,
    /// Commit that the tool was built from, if known.
    pub git_hash: Option<String>,
    /// The model.
    pub model: ModelIdentity,
    /// The task.
    pub task: TaskIdentity,
    /// Every setting that can change a number, by its name.
    pub config: BTreeMap<String, Value>,
    /// Every random seed, by the name of the step that uses it (`split`, `bootstrap`, …).
    pub seeds: BTreeMap<String, u64>,
    /// Number type of the weights during evaluation (`f32`, `bf16`, …).
    pub dtype: String,
    /// Device (`cpu`, `cuda:0`, `metal`).
    pub device: String,
    /// Number of threads.
    pub threads: usize,
    /// When the run ended, as ISO 8601 writes it. The caller passes it in, since the library reads no clock.
    pub date: Option<String>,
    /// The command and the machine that made the results. The caller passes them in, too; `None` in runs of earlier
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
}

/// The command that made a result, its time, and the machine it ran on. Only this part of a manifest, and its date, differ
/// between two runs of the same search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// The command line.
    pub command: String,
    /// Time that the command took, seconds; that of a resumed run counts from the last start.
    pub seconds: f64,
    /// Name of the processor; empty if the machine does not tell.
    pub processor: String,
    /// Number of its threads that the operating system offers.
    pub cores: usize,
    /// Memory of the machine, bytes.
    pub memory: u64,
    /// Name and version of the operating system.
    pub system: String,
}

/// Name and hash of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// Path or source, as the user gave it.
    pub path: String,
    /// SHA-256 of the model's files, hexadecimal; with adapters, of the list of theirs and the base model's hashes.
    pub sha256: String,
    /// Name of its family.
    pub architecture: String,
    /// The adapters merged into it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapters: Vec<AdapterIdentity>,
}

/// Name and hash of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskIdentity {
    /// Name of a built-in task, or a file name.
    pub name: String,
    /// SHA-256 of its items, hexadecimal.
    pub sha256: String,
}
