//! The result of resolving a name: a path on this disk and its origin.

use std::path::PathBuf;

/// A model or data set on this disk, with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedSource {
    /// A folder with `config.json` and safetensors, a `.gguf` file, or a folder of data files.
    pub path: PathBuf,
    /// Full name of the source, for manifests: `hf:ORG/NAME@COMMIT`, `pypi:PACKAGE==VERSION`, or the path as given.
    pub origin: String,
    /// Commit of the Hub repository that the files belong to; `None` for other sources.
    pub revision: Option<String>,
    /// SHA-256 of the downloaded wheel, lower-case hexadecimal; `None` for other sources.
    pub sha256: Option<String>,
    /// Remarks for the user, one sentence each: an unreachable server whose files the cache has, a cache that cannot be
    /// written to.
    pub notes: Vec<String>,
}
