//! A model: configuration, read-only weights shared by everyone, and an overlay of edited matrices.
//!
//! An edit never touches the weights; a model with edits is a clone that shares them and carries its overlay.

pub mod config;
mod json;
pub mod load;
mod meter;
pub mod rope;

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

pub use config::ModelConfig;
pub use load::Files;
pub use meter::Work;

pub use crate::ops::activation::Activation;
pub use crate::ops::linear::Weight;
pub use crate::ops::norm::NormKind;
pub use crate::ops::variants::Variants;

use crate::error::{Error, Result};
use crate::ops::linear::linear;
use crate::weight::{WeightId, WeightKind};

/// A linear layer's tensors.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    /// `[out, in]`.
    pub(crate) weight: Weight,
    /// `[out]`.
    pub(crate) bias: Option<Tensor>,
}

/// The tensors of one block.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) attention_norm: Tensor,
    pub(crate) mlp_norm: Tensor,
    /// In the order of [`WeightKind::ALL`].
    pub(crate) linears: Vec<Linear>,
}

/// All weights as loaded, never changed.
#[derive(Debug)]
pub(crate) struct Weights {
    /// `[vocab, d_model]`.
    pub(crate) embedding: Weight,
    /// `[vocab, d_model]`; the embedding itself where the model ties them.
    pub(crate) head: Weight,
    pub(crate) final_norm: Tensor,
    pub(crate) layers: Vec<Layer>,
}

/// What stands in an edited matrix's place.
#[derive(Debug, Clone)]
pub enum Replacement {
    /// One matrix, `[out, in]`.
    Dense(Weight),
    /// Several truncations at once: the pass computes all of them side by side.
    Variants(Arc<Variants>),
}

/// A model ready to run.
#[derive(Debug, Clone)]
pub struct Model {
    config: Arc<ModelConfig>,
    weights: Arc<Weights>,
    overlay: BTreeMap<WeightId, Replacement>,
    /// The output head, `[vocab, d_model]`, in another form than among the weights.
    head: Option<Weight>,
    threads: usize,
    /// Shared by all clones.
    meter: Arc<meter::Meter>,
}

impl Model {
    /// Sizes and constants.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The same model with `replacements` over its weights, instead of any it had.
    pub fn with_overlay(&self, overlay: BTreeMap<WeightId, Replacement>) -> Self {
        Self { overlay, ..self.clone() }
    }

    /// The same model with one more matrix replaced.
    pub(crate) fn with_replacement(&self, id: WeightId, replacement: Replacement) -> Self {
        let mut model = self.clone();
        model.overlay.insert(id, replacement);
        model
    }

    /// The same model using `threads` threads inside each pass (1: the caller runs passes side by side).
    pub fn with_threads(&self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self.clone() }
    }

    /// The same model with the output head as a plain tensor, for those who differentiate through it often.
    pub(crate) fn with_plain_head(&self) -> Result<Self> {
        Ok(Self { head: Some(Weight::Tensor(self.weights.head.to_tensor()?)), ..self.clone() })
    }

    /// The same model with the matrices of a layer as plain tensors.
    pub(crate) fn with_plain_layer(&self, layer: usize) -> Result<Self> {
        let mut model = self.clone();
        for kind in WeightKind::ALL.into_iter().filter(|kind| self.variants(layer, *kind).is_none()) {
            let weight = Weight::Tensor(self.dense(layer, kind).0.to_tensor()?);
            model.overlay.insert(WeightId { layer, kind }, Replacement::Dense(weight));
        }
        Ok(model)
    }

    /// Forward work done so far by this model and all clones of it.
    pub fn work(&self) -> Work {
        self.meter.read()
    }

    /// Where passes count their work.
    pub(crate) fn meter(&self) -> &meter::Meter {
        &self.meter
    }

    /// Threads inside a pass.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Device the weights are on.
    pub fn device(&self) -> &Device {
        self.weights.final_norm.device()
    }

    /// Element type the model computes in.
    pub fn dtype(&self) -> DType {
        self.weights.final_norm.dtype()
    }

    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The values of a matrix as loaded, without the overlay: `[out, in]`, row-major f32.
    pub fn matrix(&self, id: WeightId) -> Result<laser_linalg::Matrix> {
        let weight = &self.linear(id)?.weight;
        let ([rows, cols], values) = (weight.dims()?, weight.to_values()?);
        laser_linalg::Matrix::new(rows, cols, values).map_err(|source| Error::Linalg { matrix: id.to_string(), source })
    }

    /// Refuses a matrix of a layer the model does not have.
    pub(crate) fn check_id(&self, id: WeightId) -> Result<()> {
        self.linear(id).map(|_| ())
    }

    fn linear(&self, id: WeightId) -> Result<&Linear> {
        let layer = self.weights.layers.get(id.layer).ok_or_else(|| Error::Edit {
            edit: id.to_string(),
            problem: format!("the model has layers 0 to {}", self.config.n_layers - 1),
        })?;
        Ok(&layer.linears[id.kind.index()])
    }

    /// Whether a matrix of the overlay runs in several variants, and in how many.
    pub(crate) fn variants(&self, layer: usize, kind: WeightKind) -> Option<&Variants> {
        match self.overlay.get(&WeightId { layer, kind }) {
            Some(Replacement::Variants(variants)) => Some(variants),
            _ => None,
        }
    }

    /// The dense weight and bias that count: the overlay's where there is one.
    pub(crate) fn dense(&self, layer: usize, kind: WeightKind) -> (&Weight, Option<&Tensor>) {
        let base = &self.weights.layers[layer].linears[kind.index()];
        let weight = match self.overlay.get(&WeightId { layer, kind }) {
            Some(Replacement::Dense(weight)) => weight,
            _ => &base.weight,
        };
        (weight, base.bias.as_ref())
    }

    /// Logits of rows of the last block's output: `[rows, d_model]` → `[rows, vocab]`, f32.
    pub(crate) fn head(&self, hidden: &Tensor) -> Result<Tensor> {
        let weights = &self.weights;
        self.meter.add_head(hidden.dim(0)?);
        let normed = crate::forward::rms(&weights.final_norm, self.config.norm_eps).apply(hidden)?;
        let head = self.head.as_ref().unwrap_or(&weights.head);
        Ok(linear(&normed, head, None, None, self.threads)?.to_dtype(DType::F32)?)
    }
}
