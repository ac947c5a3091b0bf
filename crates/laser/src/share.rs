//! Sharing: a finished search → the files by which others can judge it, use its edit, and make it again.
//!
//! [`FinishedRun`] reads the run folder; [`Reproduction`] is `reproduce.json`, which has the hashes of everything that can be
//! made again; `card` writes the model card; [`settled`] leaves out of results what differs between two runs of the same
//! search; a [`Check`] is one comparison of what was made again. `session` computes the weights, and the crate `source`
//! uploads the files.

pub(crate) mod card;
mod check;
mod finished_run;
mod reproduction;
mod settled_results;

pub use check::{Check, Outcome, checks_of_files};
pub use finished_run::FinishedRun;
pub use reproduction::{Reproduction, SharedBase, SharedFile, SharedWeights};
pub use settled_results::{differing_keys, settled, settled_sha256};

/// File name of the model card.
pub(crate) const CARD: &str = "README.md";
/// File name of the delta in a repository.
pub const DELTA: &str = "laser-delta.safetensors";
/// File name of the whole model where it is one GGUF file.
pub(crate) const GGUF: &str = "model.gguf";
/// File name of the results.
pub const RESULTS: &str = "results.json";
/// File name of the recipe.
pub const RECIPE: &str = "recipe.yaml";
/// File name of the report.
pub(crate) const REPORT: &str = "report.html";
/// File name of a [`Reproduction`].
pub const REPRODUCTION: &str = "reproduce.json";
