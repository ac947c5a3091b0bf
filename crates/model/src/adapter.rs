//! LoRA adapters as PEFT writes them: a folder with `adapter_config.json` and `adapter_model.safetensors`, merged into
//! the weights of a base model as they are read.
//!
//! In this order:
//!
//! 1. [`Adapter::open`] reads the settings (scale, rank and alpha patterns, DoRA), and sorts the tensors by module.
//! 2. `places` says which parameters of the model a module's path stands for, whatever is fused, transposed or reordered
//!    in the model's own files; `merge` checks that all shapes fit.
//! 3. When a parameter is read, `merge` changes its values: new values (`modules_to_save`), then W + s·B·A of each
//!    adapter in turn, with DoRA `diag(m/‖W + s·B·A‖)·(W + s·B·A)`. All of it is computed in f32.
//!
//! Everything after loading sees the merged weights: decompositions, gradients, exports. The files of both stay as they
//! are.
//!
//! Source: huggingface/peft, `tuners/lora` and `utils/save_and_load.py` (Apache-2.0).

pub(crate) mod merge;
mod module_tensors;
mod places;
mod settings;
mod update;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use laser_checkpoint::{Checkpoint, CheckpointError};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::lenient_json;
use module_tensors::{Part, Parts};
use settings::Settings;

/// File of an adapter's settings.
const CONFIG_FILE: &str = "adapter_config.json";
/// File of an adapter's tensors.
const WEIGHTS_FILE: &str = "adapter_model.safetensors";
/// Older file of an adapter's tensors.
const PICKLE_FILE: &str = "adapter_model.bin";
/// Largest size in bytes of the settings; real ones have about one thousand, with patterns for each module a few hundred
/// thousand.
const MAX_CONFIG: u64 = 1 << 24;

/// An opened adapter.
#[derive(Debug)]
pub struct Adapter {
    folder: PathBuf,
    /// Path of the settings, as errors name it.
    config_file: String,
    /// Path of the tensors, as errors name it.
    weights_file: String,
    settings: Settings,
    checkpoint: Checkpoint,
    /// Tensor names by the path of their module.
    modules: BTreeMap<String, Parts>,
}

impl Adapter {
    /// Opens the folder of a LoRA adapter, and checks everything that does not depend on the base model.
    ///
    /// # Errors
    /// Files that are missing or cannot be read, a kind of adapter that is not implemented, or tensors that are not a
    /// LoRA's.
    pub fn open(folder: &Path) -> Result<Self> {
        let problem = |text: String| Error::Adapter { path: folder.to_owned(), problem: text };
        let config_path = folder.join(CONFIG_FILE);
        let config_file = config_path.display().to_string();
        let size = match std::fs::metadata(&config_path) {
            Ok(file) if file.is_file() => file.len(),
            _ => return Err(problem(format!("expected the folder of a PEFT adapter, found no {CONFIG_FILE} in it"))),
        };
        if size > MAX_CONFIG {
            let found = format!("{size} bytes");
            return Err(Error::parse(config_path, format!("expected at most {MAX_CONFIG} bytes, found {found}")));
        }
        let bytes = std::fs::read(&config_path).map_err(Error::io(&config_path))?;
        let root = match lenient_json::parse(&bytes).map_err(|problem| Error::parse(&config_path, problem))? {
            Value::Object(root) => root,
            other => return Err(Error::parse(&config_path, format!("expected an object, found {other}"))),
        };
        let settings = Settings::read(&config_file, &root)?;
        let weights = folder.join(WEIGHTS_FILE);
        if !weights.is_file() {
            let hint = match folder.join(PICKLE_FILE).is_file() {
                true => format!(
                    "{PICKLE_FILE} is a pickle, which can run code when opened and is not read; convert it with python: \
                     PeftModel.from_pretrained(BASE, DIR).save_pretrained(OUT, safe_serialization=True)"
                ),
                false => format!("the folder has no {WEIGHTS_FILE}"),
            };
            return Err(problem(hint));
        }
        let weights_file = weights.display().to_string();
        let checkpoint = Checkpoint::open(&weights)?;
        let modules = module_tensors::by_module(&checkpoint, &weights_file)?;
        if modules.is_empty() {
            return Err(problem(format!("{WEIGHTS_FILE} has no tensors")));
        }
        let adapter = Self { folder: folder.to_owned(), config_file, weights_file, settings, checkpoint, modules };
        adapter.modules.iter().try_for_each(|(module, parts)| adapter.check_parts(module, parts))?;
        Ok(adapter)
    }

    /// The folder that was opened.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files that change what a model computes.
    pub fn files(&self) -> [PathBuf; 2] {
        [CONFIG_FILE, WEIGHTS_FILE].map(|name| self.folder.join(name))
    }

    /// Checks that the tensors of a module go together.
    fn check_parts(&self, module: &str, parts: &Parts) -> Result<()> {
        let has = |part: Part| parts.contains_key(&part);
        let together = [(Part::A, Part::B), (Part::B, Part::A), (Part::EmbeddingA, Part::EmbeddingB)];
        let together = together.into_iter().chain([(Part::EmbeddingB, Part::EmbeddingA), (Part::BBias, Part::B)]);
        for (one, other) in together {
            if has(one) && !has(other) {
                return Err(self.problem(format!("module `{module}`: {one:?} without {other:?}")));
            }
        }
        let adapted = has(Part::A) || has(Part::EmbeddingA);
        if has(Part::A) && has(Part::EmbeddingA) {
            return Err(self.problem(format!("module `{module}`: adapted as a matrix and as an embedding")));
        }
        if has(Part::Magnitude) != (adapted && self.settings.dora) {
            let (found, dora) = (if has(Part::Magnitude) { "one" } else { "none" }, self.settings.dora);
            let problem =
                format!("module `{module}`: `use_dora` is {dora}, and of `lora_magnitude_vector` there is {found}");
            return Err(self.problem(problem));
        }
        Ok(())
    }

    /// The error that the tensors are not as they should be.
    fn problem(&self, problem: String) -> Error {
        Error::Adapter { path: PathBuf::from(&self.weights_file), problem }
    }

    /// Shape of a tensor.
    fn shape(&self, tensor: &str) -> &[usize] {
        self.checkpoint.info(tensor).map_or(&[], |info| &info.shape)
    }

    /// Checks the shape of a tensor.
    fn expect_shape(&self, tensor: &str, expected: &[usize]) -> Result<()> {
        let found = self.shape(tensor);
        if found == expected {
            return Ok(());
        }
        Err(Error::TensorShape {
            file: self.weights_file.clone(),
            tensor: tensor.to_owned(),
            expected: expected.to_vec(),
            found: found.to_vec(),
        })
    }

    /// Values of a tensor.
    fn values(&self, tensor: &str) -> Result<Vec<f32>, CheckpointError> {
        self.checkpoint.tensor(tensor)?.to_f32()
    }

    /// Rank of a module's update by its tensors; `None` if it has no update.
    fn rank(&self, parts: &Parts) -> Option<usize> {
        let a = parts.get(&Part::A).or(parts.get(&Part::EmbeddingA))?;
        self.shape(a).first().copied()
    }
}
