//! The Hugging Face Hub: takes a repository name, gives its files in the Hub's cache, or writes files into it (`upload`).
//!
//! Speaks the Hub's HTTP protocol directly over `ureq` rather than through the `hf-hub` crate, which does not verify
//! what it downloaded, appends to a partial file even if the server ignored the requested range, and has no offline
//! mode. The cache has the layout of Python's `huggingface_hub`, so that both share one copy.

mod cache;
mod caches;
mod certificates;
mod chosen_files;
mod client;
mod download;
mod model;
mod model_files;
mod repo_kind;
mod upload;

pub(crate) use chosen_files::{resolve_dataset, resolve_model_files};
pub(crate) use model::resolve_model;
pub(crate) use upload::upload;

/// Branch that a name without a revision means.
const DEFAULT_REVISION: &str = "main";
