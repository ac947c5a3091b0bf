//! A model that can run: configuration, read-only weights, and an overlay of edited matrices.
//!
//! An edit never changes the weights. An edited model is a clone that shares them and has another overlay.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{DType, Device};

use crate::config::{ModelConfig, Piece};
use crate::error::{Error, Result};
use crate::layer_turns::{LayerTurns, Turn};
use crate::meter::{ForwardWork, Meter};
use crate::parameters::ParameterSource;
use crate::read_ahead::ReadAhead;
use crate::weight_id::WeightId;
use crate::weights::linear::{Linear, LinearRef};
use crate::weights::{WeightBuilder, Weights};
use laser_kernels::variants::Variants;
use laser_kernels::weight::Weight;

/// Replacement of a stored matrix by an edit.
#[derive(Debug, Clone)]
pub enum Replacement {
    /// One matrix, `[out, in]`.
    Dense(Weight),
    /// Several truncations of the matrix, which run side by side in one forward pass.
    Variants(Arc<Variants>),
}

/// A model ready to run.
#[derive(Debug, Clone)]
pub struct Model {
    config: Arc<ModelConfig>,
    weights: Arc<Weights>,
    /// Turns of the passes over layers in files, if there are any; shared by all clones.
    turns: Option<Arc<LayerTurns>>,
    /// Replacements by stored matrix.
    overlay: BTreeMap<WeightId, Replacement>,
    /// The output head as a plain tensor, `[vocab, d_model]`; used instead of the packed one if present.
    head: Option<Weight>,
    threads: usize,
    /// Counters of forward work, shared by all clones.
    meter: Arc<Meter>,
}

impl Model {
    /// A model without edits. Each forward pass uses `threads` threads.
    pub fn new(config: ModelConfig, weights: Weights, threads: usize) -> Self {
        Self {
            config: Arc::new(config),
            turns: ReadAhead::of(&weights).map(|read_ahead| Arc::new(LayerTurns::new(threads, read_ahead))),
            weights: Arc::new(weights),
            overlay: BTreeMap::new(),
            head: None,
            threads: threads.max(1),
            meter: Arc::default(),
        }
    }

    /// A model without edits whose parameters come from `source`, on `device` and in `dtype`, those of its tensors. Each
    /// forward pass uses one thread.
    ///
    /// # Errors
    /// Those of the source.
    pub fn from_parameters(
        config: ModelConfig,
        source: &impl ParameterSource,
        device: &Device,
        dtype: DType,
    ) -> Result<Self> {
        let weights = WeightBuilder::new(&config, source, device, dtype).build()?;
        Ok(Self::new(config, weights, 1))
    }

    /// Sizes and options.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Number of bytes of the loaded matrices in memory, without replacements.
    pub fn matrix_bytes(&self) -> usize {
        self.weights.matrix_bytes(self.config.head.tied)
    }

    /// The same model with `overlay` as its replacements of stored matrices, instead of the previous ones.
    pub fn with_overlay(&self, overlay: BTreeMap<WeightId, Replacement>) -> Self {
        Self { overlay, ..self.clone() }
    }

    /// The same model with further replacements of stored matrices, which win over previous ones.
    pub fn with_replacements(&self, replacements: Vec<(WeightId, Replacement)>) -> Self {
        let mut model = self.clone();
        model.overlay.extend(replacements);
        model
    }

    /// The same model with `threads` threads for each forward pass; 1 if the caller runs passes in parallel.
    pub fn with_threads(&self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self.clone() }
    }

    /// The same model with the output head as a plain tensor, which gradients through it can use without unpacking it
    /// each time.
    ///
    /// # Errors
    /// A failure of the tensor library.
    pub fn with_plain_head(&self) -> Result<Self> {
        let head = self.weights.head.tokens.as_ref().map(|head| head.weight.to_tensor().map(Weight::Tensor));
        Ok(Self { head: head.transpose()?, ..self.clone() })
    }

    /// The same model with the matrices of a layer as plain tensors, except those that are replaced by variants.
    ///
    /// # Errors
    /// A failure of the tensor library, or of reading a file.
    pub fn with_plain_layer(&self, layer: usize) -> Result<Self> {
        self.with_layer_as(layer, |weight| Ok(Weight::Tensor(weight.to_tensor()?)))
    }

    /// The same model with the matrices of a layer in memory, as products take them, except those that are replaced by
    /// variants.
    ///
    /// # Errors
    /// A failure of the tensor library, or of reading a file.
    pub fn with_layer_in_memory(&self, layer: usize) -> Result<Self> {
        self.with_layer_as(layer, |weight| match weight {
            Weight::InFile(_) => Ok(Weight::new(weight.to_tensor()?)?),
            _ => Ok(weight.clone()),
        })
    }

    fn with_layer_as(&self, layer: usize, convert: impl Fn(&Weight) -> Result<Weight>) -> Result<Self> {
        let mut model = self.clone();
        for id in self.config.stored(layer).into_iter().filter(|id| self.variants(*id).is_none()) {
            model.overlay.insert(id, Replacement::Dense(convert(self.dense(id).weight)?));
        }
        Ok(model)
    }

    /// Number of forward passes that a caller with `threads` threads should run side by side: more than the threads where
    /// layers are in files, because then each layer is read once for all of them. Only as many passes compute at a time as the
    /// model was loaded with threads.
    pub fn passes_side_by_side(&self, threads: usize) -> usize {
        if self.turns.is_some() { LayerTurns::side_by_side(threads) } else { threads }
    }

    /// Waits until a forward pass may run a layer, if layers are in files.
    pub(crate) fn turn(&self, layer: usize) -> Option<Turn<'_>> {
        self.turns.as_ref().map(|turns| turns.wait(layer))
    }

    /// Forward work done so far by this model and all its clones.
    pub fn work(&self) -> ForwardWork {
        self.meter.read()
    }

    /// Counters of forward work, to which each pass adds.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Number of threads for each forward pass.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Device of the weights.
    pub fn device(&self) -> &Device {
        &self.weights.device
    }

    /// Element type in which the model computes.
    pub fn dtype(&self) -> DType {
        self.weights.dtype
    }

    /// All weights as loaded, without the overlay.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Values of an editable matrix as loaded, without the overlay: `[out, in]`, row-major f32.
    ///
    /// # Errors
    /// [`Error::NoMatrix`] if the model has no such matrix.
    pub fn matrix(&self, id: WeightId) -> Result<laser_linalg::Matrix> {
        let mut values = Vec::new();
        for piece in self.pieces(id)? {
            let weight = &self.stored(piece.id).weight;
            let [rows, width] = weight.dims()?;
            let stored = weight.to_values()?;
            if piece.rows == (0..rows) && piece.cols == (0..width) {
                values.extend(stored);
            } else {
                let row = |row: usize| &stored[row * width + piece.cols.start..row * width + piece.cols.end];
                piece.rows.clone().for_each(|r| values.extend_from_slice(row(r)));
            }
        }
        let [rows, cols] = self.config.shape(id);
        laser_linalg::Matrix::new(rows, cols, values).map_err(|source| Error::Linalg { matrix: id.to_string(), source })
    }

    /// Values of a stored matrix with the overlay: the dense replacement if there is one, otherwise as loaded.
    ///
    /// # Errors
    /// A failure of the tensor library.
    ///
    /// # Panics
    /// If the model does not store the matrix.
    pub fn current(&self, id: WeightId) -> Result<laser_linalg::Matrix> {
        let weight = self.dense(id).weight;
        let ([rows, cols], values) = (weight.dims()?, weight.to_values()?);
        laser_linalg::Matrix::new(rows, cols, values).map_err(|source| Error::Linalg { matrix: id.to_string(), source })
    }

    /// Parts of stored matrices that make up an editable matrix (see [`ModelConfig::pieces`]).
    ///
    /// # Errors
    /// [`Error::NoMatrix`] if the model has no such matrix.
    pub fn pieces(&self, id: WeightId) -> Result<Vec<Piece>> {
        self.config.pieces(id).ok_or_else(|| self.config.no_matrix(id))
    }

    /// A stored matrix as loaded, without the overlay.
    fn stored(&self, id: WeightId) -> &Linear {
        &self.weights.layers[id.layer].linears[&(id.part, id.kind)]
    }

    /// The variants that replace a stored matrix, if the overlay has any.
    pub fn variants(&self, id: WeightId) -> Option<&Variants> {
        match self.overlay.get(&id) {
            Some(Replacement::Variants(variants)) => Some(variants),
            _ => None,
        }
    }

    /// Weight and bias of a stored matrix with the overlay: the dense replacement if there is one, otherwise as loaded.
    ///
    /// # Panics
    /// If the model does not store the matrix.
    pub fn dense(&self, id: WeightId) -> LinearRef<'_> {
        let base = self.stored(id);
        let weight = match self.overlay.get(&id) {
            Some(Replacement::Dense(weight)) => weight,
            _ => &base.weight,
        };
        LinearRef { weight, bias: base.bias.as_ref() }
    }

    /// The output head as products read it: as a plain tensor if [`Model::with_plain_head`] made one.
    ///
    /// # Errors
    /// A model that predicts no tokens.
    pub(crate) fn head_matrix(&self) -> Result<LinearRef<'_>> {
        let tokens = self.weights.head.tokens.as_ref().ok_or_else(|| self.config.no_tokens())?;
        Ok(LinearRef { weight: self.head.as_ref().unwrap_or(&tokens.weight), bias: tokens.bias.as_ref() })
    }
}
