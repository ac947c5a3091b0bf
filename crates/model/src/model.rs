//! A model: configuration, read-only weights shared by everyone, and an overlay of edited matrices.
//!
//! An edit never touches the weights; a model with edits is a clone that shares them and carries its overlay.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use crate::config::{ModelConfig, Piece};
use crate::error::{Error, Result};
use crate::meter::{self, ForwardWork};
use crate::trajectory::TrajectoryWeights;
use crate::weight_id::{MatrixPart, WeightId, WeightKind};
use laser_kernels::activation::activate;
use laser_kernels::linear::Weight;
use laser_kernels::linear::linear;
use laser_kernels::norm::Norm;
use laser_kernels::variants::Variants;

/// A linear layer's tensors.
#[derive(Debug, Clone)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Weight,
    /// `[out]`.
    pub bias: Option<Tensor>,
}

/// A norm of queries or keys.
#[derive(Debug)]
pub struct HeadNorm {
    pub norm: Norm,
    /// Weights of each head, `[heads·d_head]`, where heads differ in them.
    pub scale: Option<Tensor>,
}

/// The tensors of one block; a norm that the family does not have is `None`.
#[derive(Debug)]
pub struct Layer {
    /// Before attention.
    pub attention_norm: Option<Norm>,
    /// Of attention's output, or of the stream after it.
    pub attention_post_norm: Option<Norm>,
    /// Before the MLP.
    pub mlp_norm: Option<Norm>,
    /// Of the MLP's output, or of the stream after it.
    pub mlp_post_norm: Option<Norm>,
    pub query_norm: Option<HeadNorm>,
    pub key_norm: Option<HeadNorm>,
    /// What weighs the expert that sees every token, `[1, d_model]`.
    pub shared_weight: Option<Weight>,
    /// The stored matrices.
    pub linears: BTreeMap<(MatrixPart, WeightKind), Linear>,
}

/// All weights as loaded, never changed.
#[derive(Debug)]
pub struct Weights {
    pub device: Device,
    pub dtype: DType,
    pub embedding: Embedding,
    /// Of a model that reads trajectories, not tokens.
    pub trajectory: Option<TrajectoryWeights>,
    pub layers: Vec<Layer>,
    pub head: Head,
}

/// What comes before the blocks.
#[derive(Debug)]
pub struct Embedding {
    /// `[vocab, d_model]`; `None` for a model that reads no tokens.
    pub tokens: Option<Weight>,
    /// Learned positions, `[offset + positions, d_model]`.
    pub positions: Option<Weight>,
    /// What is added to every token (BERT's first kind of segment), `[d_model]`.
    pub constant: Option<Tensor>,
    pub norm: Option<Norm>,
}

/// What comes after the blocks.
#[derive(Debug)]
pub struct Head {
    pub norm: Option<Norm>,
    /// Square matrix and norm before the head.
    pub transform: Option<(Linear, Norm)>,
    /// `[vocab, d_model]`, the token embedding itself where the model ties them; `None` without tokens.
    pub tokens: Option<Linear>,
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
    /// By stored matrix.
    overlay: BTreeMap<WeightId, Replacement>,
    /// The output head, `[vocab, d_model]`, in another form than among the weights.
    head: Option<Weight>,
    threads: usize,
    /// Shared by all clones.
    meter: Arc<meter::Meter>,
}

impl Model {
    /// A model without edits that uses `threads` threads inside each pass.
    pub fn new(config: ModelConfig, weights: Weights, threads: usize) -> Self {
        Self {
            config: Arc::new(config),
            weights: Arc::new(weights),
            overlay: BTreeMap::new(),
            head: None,
            threads: threads.max(1),
            meter: Arc::default(),
        }
    }

    /// Sizes and constants.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The same model with `overlay` over its stored matrices, instead of any it had.
    pub fn with_overlay(&self, overlay: BTreeMap<WeightId, Replacement>) -> Self {
        Self { overlay, ..self.clone() }
    }

    /// The same model with more stored matrices replaced.
    pub fn with_replacements(&self, replacements: Vec<(WeightId, Replacement)>) -> Self {
        let mut model = self.clone();
        model.overlay.extend(replacements);
        model
    }

    /// The same model using `threads` threads inside each pass (1: the caller runs passes side by side).
    pub fn with_threads(&self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self.clone() }
    }

    /// The same model with the output head as a plain tensor, for those who differentiate through it often.
    pub fn with_plain_head(&self) -> Result<Self> {
        let head = self.weights.head.tokens.as_ref().map(|head| head.weight.to_tensor().map(Weight::Tensor));
        Ok(Self { head: head.transpose()?, ..self.clone() })
    }

    /// The same model with the matrices of a layer as plain tensors.
    pub fn with_plain_layer(&self, layer: usize) -> Result<Self> {
        let mut model = self.clone();
        for id in self.config.stored(layer).into_iter().filter(|id| self.variants(*id).is_none()) {
            let weight = Weight::Tensor(self.dense(id).weight.to_tensor()?);
            model.overlay.insert(id, Replacement::Dense(weight));
        }
        Ok(model)
    }

    /// Forward work done so far by this model and all clones of it.
    pub fn work(&self) -> ForwardWork {
        self.meter.read()
    }

    /// Where passes count their work.
    pub fn meter(&self) -> &meter::Meter {
        &self.meter
    }

    /// Threads inside a pass.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Device the weights are on.
    pub fn device(&self) -> &Device {
        &self.weights.device
    }

    /// Element type the model computes in.
    pub fn dtype(&self) -> DType {
        self.weights.dtype
    }

    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The values of an editable matrix as loaded, without the overlay: `[out, in]`, row-major f32.
    ///
    /// # Errors
    /// A matrix that the model does not have.
    pub fn matrix(&self, id: WeightId) -> Result<laser_linalg::Matrix> {
        let mut values = Vec::new();
        for piece in self.pieces(id)? {
            let weight = &self.stored(piece.id).weight;
            let [rows, width] = weight.dims()?;
            let of_piece = weight.to_values()?;
            if piece.rows == (0..rows) && piece.cols == (0..width) {
                values.extend(of_piece);
            } else {
                let row = |row: usize| &of_piece[row * width + piece.cols.start..row * width + piece.cols.end];
                piece.rows.clone().for_each(|r| values.extend_from_slice(row(r)));
            }
        }
        let [rows, cols] = self.config.shape(id);
        laser_linalg::Matrix::new(rows, cols, values).map_err(|source| Error::Linalg { matrix: id.to_string(), source })
    }

    /// The values of a stored matrix that count, the overlay's where it has a dense one.
    pub fn current(&self, id: WeightId) -> Result<laser_linalg::Matrix> {
        let weight = self.dense(id).weight;
        let ([rows, cols], values) = (weight.dims()?, weight.to_values()?);
        laser_linalg::Matrix::new(rows, cols, values).map_err(|source| Error::Linalg { matrix: id.to_string(), source })
    }

    /// The stored matrices an editable one is made of.
    ///
    /// # Errors
    /// A matrix that the model does not have.
    pub fn pieces(&self, id: WeightId) -> Result<Vec<Piece>> {
        self.config.pieces(id).ok_or_else(|| self.config.no_matrix(id))
    }

    /// A stored matrix as loaded.
    fn stored(&self, id: WeightId) -> &Linear {
        &self.weights.layers[id.layer].linears[&(id.part, id.kind)]
    }

    /// The variants in which a stored matrix of the overlay runs.
    pub fn variants(&self, id: WeightId) -> Option<&Variants> {
        match self.overlay.get(&id) {
            Some(Replacement::Variants(variants)) => Some(variants),
            _ => None,
        }
    }

    /// The dense weight and bias of a stored matrix that count: the overlay's where there is one.
    pub fn dense(&self, id: WeightId) -> LinearRef<'_> {
        let base = self.stored(id);
        let weight = match self.overlay.get(&id) {
            Some(Replacement::Dense(weight)) => weight,
            _ => &base.weight,
        };
        LinearRef { weight, bias: base.bias.as_ref() }
    }

    /// Logits of rows of the last block's output: `[rows, d_model]` → `[rows, vocab]`, f32.
    ///
    /// # Errors
    /// A model that predicts no tokens.
    pub fn head(&self, hidden: &Tensor) -> Result<Tensor> {
        let (weights, c) = (&self.weights.head, &self.config.head);
        let Some(tokens) = &weights.tokens else {
            return Err(self.config.no_tokens());
        };
        self.meter.add_head(hidden.dim(0)?);
        let mut x = match &weights.norm {
            Some(norm) => norm.apply(hidden)?, // [rows, d_model]
            None => hidden.clone(),
        };
        if let (Some((linear_, norm)), Some(f)) = (&weights.transform, c.transform) {
            x = linear(&x, &linear_.weight, linear_.bias.as_ref(), None, self.threads)?; // [rows, d_model]
            x = norm.apply(&activate(&x, f)?)?;
        }
        let head = self.head.as_ref().unwrap_or(&tokens.weight);
        let mut logits = linear(&x, head, tokens.bias.as_ref(), None, self.threads)?.to_dtype(DType::F32)?; // [rows, vocab]
        if c.scale != 1.0 {
            logits = (logits * c.scale)?;
        }
        if let Some(cap) = c.softcap {
            logits = ((logits / cap)?.tanh()? * cap)?;
        }
        Ok(logits)
    }
}

/// A linear layer as a pass sees it.
#[derive(Debug, Clone, Copy)]
pub struct LinearRef<'a> {
    /// `[out, in]`.
    pub weight: &'a Weight,
    /// `[out]`.
    pub bias: Option<&'a Tensor>,
}
