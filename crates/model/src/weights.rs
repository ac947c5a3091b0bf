//! The weights of a model as loaded: read-only, shared by all edited copies of the model.
//!
//! Low level: the forward pass reads them; [`Model::matrix`](crate::Model::matrix) gives the values of one matrix.

mod builder;
pub(crate) mod linear;
pub(crate) mod trajectory;

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use laser_kernels::convolution::ConvolutionKernel;
use laser_kernels::norm::Norm;
use laser_kernels::weight::Weight;

pub(crate) use builder::WeightBuilder;
pub use linear::{Linear, LinearRef};
pub use trajectory::{ReturnStateAction, TrajectoryWeights};

use crate::weight_id::{MatrixPart, WeightKind};

/// All weights of a model as loaded, never changed.
#[derive(Debug)]
pub struct Weights {
    /// Device of all tensors.
    pub device: Device,
    /// Element type in which the model computes.
    pub dtype: DType,
    /// Weights before the blocks.
    pub embedding: EmbeddingWeights,
    /// Weights of a Decision Transformer in place of token embedding and output head; `None` for other models.
    pub trajectory: Option<TrajectoryWeights>,
    /// Weights of the blocks, one entry for each layer.
    pub layers: Vec<BlockWeights>,
    /// Weights after the blocks.
    pub head: HeadWeights,
}

impl Weights {
    /// Number of bytes of all matrices in memory; a head that is tied to the embedding shares its memory.
    pub fn matrix_bytes(&self, is_head_tied: bool) -> usize {
        let embeddings = self.embedding.tokens.iter().chain(&self.embedding.positions);
        let head = self.head.tokens.iter().filter(|_| !is_head_tied).map(|head| &head.weight);
        let of_block = |block: &BlockWeights| -> usize {
            let gate = block.shared_expert_gate.as_ref().map_or(0, Weight::bytes);
            gate + block.linears.values().map(|linear| linear.weight.bytes()).sum::<usize>()
        };
        embeddings.chain(head).map(Weight::bytes).sum::<usize>() + self.layers.iter().map(of_block).sum::<usize>()
    }
}

/// Weights before the blocks.
#[derive(Debug)]
pub struct EmbeddingWeights {
    /// Token embedding, `[vocab, d_model]`; `None` for a model that reads no tokens.
    pub tokens: Option<Weight>,
    /// Learned positions, `[offset + positions, d_model]`.
    pub positions: Option<Weight>,
    /// Vector added to every token (BERT's first segment embedding), `[d_model]`.
    pub constant: Option<Tensor>,
    /// Norm of the sum.
    pub norm: Option<Norm>,
}

/// Weights of one block. Norms that the family does not have are `None`.
#[derive(Debug)]
pub struct BlockWeights {
    /// Norm of the input of attention.
    pub attention_norm: Option<Norm>,
    /// Norm of the output of attention, or of the residual stream after it.
    pub attention_post_norm: Option<Norm>,
    /// Norm of the input of the MLP.
    pub mlp_norm: Option<Norm>,
    /// Norm of the output of the MLP, or of the residual stream after it.
    pub mlp_post_norm: Option<Norm>,
    /// Norm of the queries.
    pub query_norm: Option<QueryKeyNorm>,
    /// Norm of the keys.
    pub key_norm: Option<QueryKeyNorm>,
    /// Norm of the vector of which latent attention makes the queries.
    pub query_latent_norm: Option<Norm>,
    /// Norm of the vector of which latent attention makes keys and values.
    pub key_value_latent_norm: Option<Norm>,
    /// Attention sinks, one score for each query head; on the host, because kernels read them as plain numbers.
    pub sinks: Option<Vec<f32>>,
    /// Kernel of the short convolution.
    pub convolution: Option<ConvolutionKernel>,
    /// Gate vector of the shared expert (`shared_expert_gate`), `[1, d_model]`.
    pub shared_expert_gate: Option<Weight>,
    /// Corrections of the scores of experts for the choice, `[experts]`.
    pub expert_correction: Option<Tensor>,
    /// The stored matrices.
    pub linears: BTreeMap<(MatrixPart, WeightKind), Linear>,
}

/// Norm of queries or keys.
#[derive(Debug)]
pub struct QueryKeyNorm {
    /// Norm of one head or of all heads together.
    pub norm: Norm,
    /// Weights of each head, `[heads·d_head]`, if heads have weights of their own; those of `norm` are 1 then.
    pub scale: Option<Tensor>,
}

/// Weights after the blocks.
#[derive(Debug)]
pub struct HeadWeights {
    /// Norm of the output of the last block.
    pub norm: Option<Norm>,
    /// Square matrix and norm before the output head (BERT).
    pub transform: Option<(Linear, Norm)>,
    /// Output head, `[vocab, d_model]`, which shares memory with the token embedding if it is tied; `None` for a model
    /// that reads no tokens.
    pub tokens: Option<Linear>,
}
