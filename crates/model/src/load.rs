//! Opens the files of a model: finds configuration and tensor layout, checks the set of tensors, and loads the weights.

mod weight_reader;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use laser_checkpoint::{Checkpoint, Metadata};
use weight_reader::WeightReader;

use crate::arch::registry::GgufModel;
use crate::arch::tensor_names::TensorRole;
use crate::config::ModelConfig;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::tensor_layout::{TensorLayout, TensorLocation};
use crate::tokenizer::{Tokenizer, TokenizerError};
use crate::weight_id::WeightId;

/// The opened files of a model: its tensors on disk, configuration and tokenizer, without weights in memory.
#[derive(Debug)]
pub struct ModelFiles {
    path: PathBuf,
    checkpoint: Checkpoint,
    config: ModelConfig,
    layout: TensorLayout,
}

impl ModelFiles {
    /// Opens a Hugging Face folder or a GGUF file and checks its set of tensors and their shapes.
    ///
    /// # Errors
    /// Files that cannot be read, an unknown family, a setting that is not implemented, or tensors that do not match
    /// the configuration.
    pub fn open(path: &Path) -> Result<Self> {
        let checkpoint = Checkpoint::open(path)?;
        let file = path.display().to_string();
        let (config, names) = match checkpoint.gguf_metadata() {
            Some(metadata) => {
                let GgufModel { config, tensor_names } = GgufModel::read(&file, metadata, &checkpoint)?;
                (config, tensor_names)
            }
            None => {
                let path = path.join("config.json");
                let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
                let config = ModelConfig::from_hf(&path.display().to_string(), &text)?;
                let names = config.family.tensor_names;
                (config, names)
            }
        };
        let layout = TensorLayout::of(names, &checkpoint);
        let files = Self { path: path.to_owned(), checkpoint, config, layout };
        files.check_tensors()?;
        Ok(files)
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tensors on disk.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Sizes and options of the model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Whether the model is a GGUF file.
    pub fn is_gguf(&self) -> bool {
        self.checkpoint.gguf_metadata().is_some()
    }

    /// Names of the tensors that hold an editable matrix, in the order of its rows; empty if the model has no such
    /// matrix.
    pub fn tensor_names(&self, id: WeightId) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for piece in self.config.pieces(id).unwrap_or_default() {
            let name = self.location(piece.id).weight_name();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Whether the matrix is several stored matrices as one, and the files hold all of them in one tensor.
    pub fn is_fused(&self, id: WeightId) -> bool {
        self.tensor_names(id).len() == 1 && id.kind.members().len() > 1
    }

    /// The tensor layout of the files.
    pub fn layout(&self) -> &TensorLayout {
        &self.layout
    }

    /// Location of a stored matrix in the files.
    ///
    /// # Panics
    /// If the model has no such matrix.
    pub fn location(&self, id: WeightId) -> TensorLocation {
        let exists = |name: &str| self.checkpoint.info(name).is_some();
        let location = self.layout.location(&self.config, id, exists);
        location.unwrap_or_else(|| panic!("{id}: the family names every matrix of its configurations"))
    }

    /// The tokenizer of the model.
    ///
    /// # Errors
    /// A model that reads no tokens, or a tokenizer that is missing or cannot be read.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        self.config.check_reads_texts()?;
        Ok(match self.checkpoint.gguf_metadata() {
            Some(metadata) => self
                .gguf_tokenizer(metadata)
                .map_err(|problem| TokenizerError::InFile { path: self.path.clone(), problem: Box::new(problem) })?,
            None => Tokenizer::from_folder(&self.path)?,
        })
    }

    /// The tokenizer in the metadata of a GGUF file.
    fn gguf_tokenizer(&self, metadata: &Metadata) -> Result<Tokenizer, TokenizerError> {
        let tokenizer = Tokenizer::from_gguf(metadata)?;
        let (rows, tokens) = (self.config.vocab_size, tokenizer.vocab_size());
        // A text could contain the other tokens, which the model cannot read.
        if tokens > rows {
            return Err(TokenizerError::BadValue {
                key: "tokenizer.ggml.tokens".to_owned(),
                expected: format!("at most {rows} tokens, the rows of the embedding"),
                found: tokens.to_string(),
            });
        }
        Ok(tokenizer)
    }

    /// Loads all weights onto `device` as `dtype` (f32 on the CPU). Each forward pass will use `threads` threads.
    ///
    /// # Errors
    /// Tensors that cannot be read, or a failure of the tensor library.
    pub fn load(&self, device: &Device, dtype: DType, threads: usize) -> Result<Model> {
        let weights = WeightReader::new(self, device, dtype).read()?;
        // The weights are copies in memory; the pages of the mapped files are no longer needed.
        self.checkpoint.release_pages();
        Ok(Model::new(self.config.clone(), weights, threads))
    }

    /// Checks that the files contain exactly the expected tensors, in the expected shapes.
    fn check_tensors(&self) -> Result<()> {
        let file = || self.path.display().to_string();
        let problem = |problem, tensor: &str| Error::TensorSet {
            file: file(),
            problem,
            tensor: tensor.to_owned(),
            hint: format!(
                "a {} model with {} layers{}",
                self.config.family.name,
                self.config.n_layers,
                if self.config.head.tied { " and a tied head" } else { "" }
            ),
        };
        let exists = |name: &str| self.checkpoint.info(name).is_some();
        let mut known = BTreeSet::new();
        for expected in self.layout.expected(&self.config, exists) {
            let info = self.checkpoint.info(&expected.name).ok_or_else(|| problem("missing", &expected.name))?;
            // Leading dimensions of 1 do not count: formats differ in storing them.
            let single = |shape: &[usize]| shape.iter().copied().skip_while(|n| *n == 1).collect::<Vec<_>>();
            if single(&info.shape) != single(&expected.shape) {
                return Err(Error::TensorShape {
                    file: file(),
                    tensor: expected.name,
                    expected: expected.shape,
                    found: info.shape.clone(),
                });
            }
            known.insert(expected.name);
        }
        let head = self.layout.role_stem(TensorRole::Head, 0).map(|stem| format!("{stem}.weight"));
        let surplus = |name: &str| {
            // Some checkpoints with a tied head store the head as well.
            let stored_twice = self.config.head.tied && head.as_deref() == Some(name);
            !known.contains(name) && !stored_twice && !self.layout.names.ignored.iter().any(|part| name.contains(part))
        };
        match self.checkpoint.tensors().find(|t| surplus(&t.name)) {
            Some(info) => Err(problem("surplus", &info.name)),
            None => Ok(()),
        }
    }
}
