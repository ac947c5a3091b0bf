//! Opens the files of a model: finds configuration and tensor layout, checks the set of tensors, and loads the weights,
//! merged with adapters where there are any.

mod check_values;
mod config_json;
mod file_parameters;
mod file_rows;
mod merged_values;
mod packed_weight;
mod residence;
mod surplus;
mod tied_head;
mod xielu;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device};
use config_json::ConfigJson;
pub use file_parameters::FileParameters;
use laser_checkpoint::{Checkpoint, Metadata};
pub use merged_values::MergedTensor;
pub use residence::Residence;

use crate::adapter::merge::Merge;
use crate::arch::registry::GgufModel;
use crate::arch::tensor_names::TensorRole;
use crate::config::{ModelConfig, find_quantised};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::tensor_layout::{TensorLayout, TensorLocation};
use crate::tokenizer::{Tokenizer, TokenizerError};
use crate::weight_id::WeightId;
use crate::weights::WeightBuilder;

/// The opened files of a model: its tensors on disk, configuration and tokenizer, without weights in memory.
#[derive(Debug)]
pub struct ModelFiles {
    path: PathBuf,
    checkpoint: Arc<Checkpoint>,
    config: ModelConfig,
    layout: TensorLayout,
    /// Adapters that are merged into the weights on reading.
    merge: Option<Merge>,
    /// Whether they make two matrices of token embedding and output head, of which the files hold one.
    unties_head: bool,
    /// Remarks about the files, one sentence each.
    notes: Vec<String>,
}

impl ModelFiles {
    /// Opens a Hugging Face folder or a GGUF file and checks its set of tensors and their shapes.
    ///
    /// # Errors
    /// Files that cannot be read, an unknown family, a setting that is not implemented, or tensors that do not match
    /// the configuration.
    pub fn open(path: &Path) -> Result<Self> {
        // The configuration comes first, because it says better than the tensors that weights are quantised.
        let document = ConfigJson::of(path)?;
        let quantization = document.as_ref().and_then(ConfigJson::quantization);
        let checkpoint = match (Checkpoint::open(path), &quantization) {
            // The readable part of a quantised checkpoint may be anything.
            (Err(_), Some(quantization)) => return Err(quantization.refused()),
            (checkpoint, _) => checkpoint?,
        };
        let file = path.display().to_string();
        let mut notes = Vec::new();
        let (file, mut config, names) = match (checkpoint.gguf_metadata(), document) {
            (Some(metadata), _) => {
                let GgufModel { config, tensor_names } = GgufModel::read(&file, metadata, &checkpoint)?;
                (file, config, tensor_names)
            }
            (None, document) => {
                // What no family reads comes first: it says more than an error about the configuration.
                let refused = |reads_mxfp4| {
                    let found = find_quantised(quantization.as_ref(), &checkpoint, reads_mxfp4);
                    found.map_or(Ok(()), Err)
                };
                refused(true)?;
                let document = document.map_or_else(|| ConfigJson::missing(path), Ok)?;
                let config = document.config()?;
                let names = config.family.tensor_names;
                refused(names.has_two_part_tensors())?;
                if checkpoint.two_part_tensors().len() == 0 {
                    notes.extend(quantization.map(|quantization| quantization.not_applied()));
                }
                (document.file, config, names)
            }
        };
        config.check_fits(&file, &checkpoint)?;
        let mut layout = TensorLayout::of(names, &checkpoint);
        // A model with images is named already.
        if !["", "language_model."].contains(&layout.wrapper()) {
            notes.push(format!("{}: all names of the model begin with `{}`", path.display(), layout.wrapper()));
        }
        if checkpoint.gguf_metadata().is_none() {
            notes.extend(tied_head::settle(&mut config, &mut layout, &checkpoint)?);
            xielu::read(&mut config, &layout, &checkpoint, &path.display().to_string())?;
        }
        let path_of_files = path.to_owned();
        let mut files = Self {
            path: path_of_files,
            checkpoint: Arc::new(checkpoint),
            config,
            layout,
            merge: None,
            unties_head: false,
            notes,
        };
        let left_out = files.check_tensors()?;
        files.notes.extend(left_out.into_iter().map(|note| format!("{}: {note}", path.display())));
        Ok(files)
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Remarks for the user about the files, one sentence each: settings that are not applied, tensors that are not read,
    /// and where the files contradict the configuration.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.config.notes.iter().chain(&self.notes).map(String::as_str)
    }

    /// The tensors on disk.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Number of values in all tensors of the files.
    pub fn n_parameters(&self) -> usize {
        let two_part = || self.checkpoint.two_part_tensors();
        let parts: BTreeSet<&str> = two_part().flat_map(|(_, parts)| parts).collect();
        let whole = self.checkpoint.tensors().filter(|tensor| !parts.contains(tensor.name.as_str()));
        whole.chain(two_part().map(|(tensor, _)| tensor)).map(laser_checkpoint::TensorInfo::elements).sum()
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
        let mut tokenizer = match self.checkpoint.gguf_metadata() {
            Some(metadata) => self
                .gguf_tokenizer(metadata)
                .map_err(|problem| TokenizerError::InFile { path: self.path.clone(), problem: Box::new(problem) })?,
            None => Tokenizer::from_folder(&self.path)?,
        };
        tokenizer.note_tokens_beyond(self.config.vocab_size);
        Ok(tokenizer)
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

    /// The parameters in the files, as tensors on `device` in `dtype`.
    pub fn parameters<'a>(&'a self, device: &'a Device, dtype: DType) -> FileParameters<'a> {
        FileParameters::new(self, device, dtype)
    }

    /// Loads all weights onto `device`, where products are computed in `dtype` (f32 on the CPU; the weights then stay in the
    /// element types of the files). Each forward pass will use `threads` threads.
    ///
    /// # Errors
    /// Tensors that cannot be read, or a failure of the tensor library.
    pub fn load(&self, device: &Device, dtype: DType, threads: usize) -> Result<Model> {
        self.load_within(device, dtype, threads, None)
    }

    /// As [`ModelFiles::load`], but on the CPU the matrices take at most `bound` bytes of memory, as
    /// [`ModelFiles::residence`] says; the others stay in the files, and products read them. The results have the same bits.
    ///
    /// # Errors
    /// As [`ModelFiles::load`]; values in the files are checked when they are read.
    pub fn load_within(&self, device: &Device, dtype: DType, threads: usize, bound: Option<usize>) -> Result<Model> {
        let parameters = self.parameters(device, dtype).with_residence(self.residence(bound));
        let weights = WeightBuilder::new(&self.config, &parameters, device, dtype).build()?;
        // The weights in memory are copies; the pages of the mapped files are no longer needed.
        self.checkpoint.release_pages();
        Ok(Model::new(self.config.clone(), weights, threads))
    }

    /// Which matrices a model on the CPU keeps in at most `bound` bytes of memory. Norms, biases and matrices that products
    /// cannot read from the files are kept in memory whatever the bound is: those that are transposed there, or changed by
    /// adapters.
    pub fn residence(&self, bound: Option<usize>) -> Residence {
        Residence::within(self, bound)
    }

    /// Checks that the files contain the expected tensors in the expected shapes, and no others that the model might need.
    /// Gives sentences about those that it does not need.
    fn check_tensors(&self) -> Result<Vec<String>> {
        let file = || self.path.display().to_string();
        let head = self.layout.role_stem(TensorRole::Head, 0).map(|stem| format!("{stem}.weight"));
        let problem = |problem, tensor: &str| Error::TensorSet {
            file: file(),
            problem,
            tensor: tensor.to_owned(),
            hint: format!(
                "a {} model with {} layers{}",
                self.config.family.name,
                self.config.n_layers,
                match (self.config.head.tied, head.as_deref() == Some(tensor)) {
                    (true, _) => " and a tied head",
                    (false, true) => " and a head of its own; files of the model without its head are not enough",
                    (false, false) => "",
                }
            ),
        };
        let exists = |name: &str| self.checkpoint.info(name).is_some();
        let mut known = BTreeSet::new();
        for expected in self.layout.expected(&self.config, exists) {
            let info = self.checkpoint.info(&expected.name).ok_or_else(|| problem("missing", &expected.name))?;
            // Dimensions of 1 do not count: formats differ in storing them.
            let larger = |shape: &[usize]| shape.iter().copied().filter(|n| *n != 1).collect::<Vec<_>>();
            if larger(&info.shape) != larger(&expected.shape) {
                return Err(Error::TensorShape {
                    file: file(),
                    tensor: expected.name,
                    expected: expected.shape,
                    found: info.shape.clone(),
                });
            }
            known.insert(expected.name);
        }
        let read = self.checkpoint.two_part_tensors().filter(|(tensor, _)| known.contains(&tensor.name));
        let parts: Vec<String> = read.flat_map(|(_, parts)| parts.map(str::to_owned)).collect();
        known.extend(parts);
        let surplus = surplus::check(&self.config, &self.layout, &self.checkpoint, &known);
        surplus.map_err(|name| problem("surplus", &name))
    }
}
