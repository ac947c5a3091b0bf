//! The configuration of a model: sizes, and the options of the one generic block.
//!
//! `arch/` fills it in from `config.json` or GGUF metadata. The forward pass reads the configuration only and does not
//! depend on the family.

mod check;
mod difference;
mod experts;
mod fit;
mod gguf;
mod gguf_keys;
mod gguf_metadata;
mod gguf_windows;
mod gguf_xielu;
mod hf;
mod hf_keys;
mod hf_rope;
mod hf_windows;
mod latent;
mod matrices;
mod mixers;
mod numbers;
mod quantization;
mod shortest;
mod sizes;
mod temperature;
mod tied_head;
mod unread_keys;

pub use experts::{ExpertGroups, ExpertScores, Experts};
pub(crate) use gguf_keys::GgufKeys;
pub(crate) use gguf_metadata::{count, number};
pub(crate) use gguf_windows::{read_window_pattern, window_pattern};
pub(crate) use gguf_xielu::{gguf_xielu, read_gguf_xielu};
pub(crate) use hf::read_activation;
pub(crate) use hf_keys::{HfKeys, ReadKeys};
pub(crate) use hf_rope::{RopeDefaults, read_rope, read_rope_from, rope_parameters};
pub(crate) use hf_windows::{
    check_unread_layer_types, layer_types, read_layer_types, read_layer_windows, read_opt_in_windows, read_window,
};
pub use laser_kernels::activation::{Activation, GateBounds, Xielu};
pub use laser_kernels::norm::NormKind;
pub use latent::LatentAttention;
pub use matrices::Piece;
pub use mixers::{Mixer, ShortConvolution};
pub(crate) use quantization::{Quantization, find_quantised};
pub use shortest::shortest;
pub(crate) use sizes::Sizes;
pub use temperature::Temperature;
pub(crate) use tied_head::head_is_tied;
pub(crate) use unread_keys::unread_keys_note;

use crate::arch::family::Family;
use crate::error::{Error, Result};
use crate::model_kind::ModelKind;
use crate::rope::{Rope, RopeScaling};

/// Sizes and options of a model.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// Family of the model.
    pub family: &'static Family,
    /// Vocabulary size in tokens; 0 for a model that reads no tokens.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Number of blocks.
    pub n_layers: usize,
    /// Number of query heads.
    pub n_heads: usize,
    /// Number of key/value heads; less than `n_heads` with grouped-query attention.
    pub n_kv_heads: usize,
    /// Width of the queries and keys of an attention head.
    pub d_head: usize,
    /// Width of the MLP.
    pub d_mlp: usize,
    /// Longest sequence that the model was trained for, in tokens.
    pub max_positions: usize,
    /// Kind of all norms.
    pub norm: NormKind,
    /// Parameters of all norms.
    pub norm_parameters: NormParameters,
    /// ε of the norms.
    pub norm_eps: f64,
    /// How tokens become the input of the first block.
    pub embedding: Embedding,
    /// How attention and MLP are added to the residual stream.
    pub residual: Residual,
    /// Mixer of each layer; empty if all layers have attention.
    pub mixers: Vec<Mixer>,
    /// Factor on the outputs of attention and MLP before they are added (Granite).
    pub residual_scale: f64,
    /// Options of attention.
    pub attention: Attention,
    /// Options of the MLP.
    pub mlp: Mlp,
    /// Projections that have a bias.
    pub bias: Bias,
    /// How the output of the last block becomes logits.
    pub head: Head,
    /// Tokens that end a text according to `config.json`; empty for GGUF files.
    pub eos: Vec<u32>,
    /// Number of stored layers after the last block that only predict further tokens, and are not read.
    pub further_layers: usize,
    /// Remarks for the user about keys whose values are not used, one sentence each.
    pub notes: Vec<String>,
}

/// Parameters of a norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormParameters {
    /// None (OLMo).
    Nothing,
    /// A weight, `[width]`.
    Weight,
    /// A weight and a bias, `[width]` each.
    WeightAndBias,
}

/// How tokens become the input of the first block.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// Factor on the token embeddings.
    pub scale: f64,
    /// Row of the table of learned positions that position 0 uses (OPT: 2); `None` without such a table.
    pub position_offset: Option<usize>,
    /// Number of segment embeddings, of which the first is added to all tokens (BERT); 0 without.
    pub token_types: usize,
    /// Whether a norm follows. For trajectories, it comes before the positions are added.
    pub normed: bool,
    /// ε of that norm, if it differs from `norm_eps`.
    pub norm_eps: Option<f64>,
    /// Sizes of the inputs of a Decision Transformer; `None` for a model that reads tokens.
    pub trajectory: Option<TrajectorySizes>,
}

/// Sizes of the inputs of a Decision Transformer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrajectorySizes {
    /// Numbers in a state.
    pub state: usize,
    /// Numbers in an action.
    pub action: usize,
    /// Rows of the table of time steps.
    pub time_steps: usize,
    /// Whether predicted actions go through tanh.
    pub bounded_actions: bool,
}

/// How the branches of a block, attention and MLP, are added to the residual stream `x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residual {
    /// `x += f(norm(x))`, first attention, then MLP.
    PreNorm,
    /// `x = norm(x) + f(norm(x))`, first attention, then MLP (an option of BLOOM).
    FromNorm,
    /// `x += attention(norm(x)) + mlp(norm'(x))`, both from the same `x`.
    Parallel {
        /// Whether attention and MLP share one norm.
        one_norm: bool,
    },
    /// `x = norm(x + f(x))` (BERT).
    PostNorm,
    /// `x += norm(f(x))` (OLMo 2).
    BranchNorm,
    /// `x += norm'(f(norm(x)))` (Gemma 2).
    Sandwich,
}

/// Options of attention.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Factor on the products of queries and keys.
    pub scale: f64,
    /// Soft cap `c` of the scores `s`: `c·tanh(s/c)`.
    pub softcap: Option<f64>,
    /// ALiBi: change of a score for each token between query and key, one value for each query head.
    pub slopes: Option<Vec<f32>>,
    /// Whether ALiBi is Falcon's: slope times key position, both rounded to bf16, is added before the scale is applied.
    pub coarse_slopes: bool,
    /// Whether a token attends only to itself and to earlier tokens.
    pub causal: bool,
    /// True if the first block has a norm of the input of attention, as all others; where the embedding has one, that of
    /// the first block may be missing (ModernBERT).
    pub normed_in_first: bool,
    /// Norms of queries and keys.
    pub qk_norm: Option<QkNorm>,
    /// True if queries and keys are rotated before their norm, instead of after it (HunYuan).
    pub rotated_before_norm: bool,
    /// Bound of the absolute values of queries, keys and values, after the norm and before the rotation (OLMo's
    /// `clip_qkv`).
    pub clamp: Option<f64>,
    /// Growth of the queries with their positions.
    pub temperature: Option<Temperature>,
    /// Latent keys and values (DeepSeek V2); `None` for keys and values made of the block's input.
    pub latent: Option<LatentAttention>,
    /// True if each query head has a sink: a learned score that takes part in the softmax, without a value (gpt-oss).
    pub sinks: bool,
    /// Kinds of rotary positions; layers refer to them by index.
    pub ropes: Vec<Rope>,
    /// Options that differ between layers, one entry for each layer.
    pub layers: Vec<LayerAttention>,
}

/// Values that a norm of queries or keys normalises together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QkNorm {
    /// Each head separately, all heads with the same weights `[d_head]`.
    Head,
    /// Each head separately, with weights of its own, `[heads, d_head]`, and no bias (StableLM).
    EachHead,
    /// All heads together, weights `[heads·d_head]`.
    All,
}

/// Options of attention in one layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerAttention {
    /// Sliding window: a query attends to a key if |query position − key position| < window. `None` without a window.
    pub window: Option<usize>,
    /// Index of the layer's rotary positions in [`Attention::ropes`]; `None` without rotary positions.
    pub rope: Option<usize>,
}

/// Options of the MLP.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    /// Activation `f` in `down(f(gate(x))·up(x))` or `down(f(up(x)))`.
    pub activation: Activation,
    /// Parameters of xIELU, one entry for each layer, which is the activation then (Apertus); empty for others. They belong
    /// to the configuration, because GGUF files have them among the metadata.
    pub xielu: Vec<Xielu>,
    /// Whether there is a gate.
    pub gated: bool,
    /// Bounds of the outputs of gate and up projection, and a number added to the latter; `None` without bounds.
    pub bounds: Option<GateBounds>,
    /// Experts of the layers that have experts.
    pub experts: Option<Experts>,
    /// Whether each layer has experts instead of one MLP; empty if none has.
    pub expert_layers: Vec<bool>,
}

/// Projections that have a bias.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bias {
    /// Queries, keys and values.
    pub qkv: bool,
    /// Output of attention.
    pub o: bool,
    /// Matrices of the MLP, or of all experts.
    pub mlp: bool,
    /// Router.
    pub router: bool,
}

/// How the output of the last block becomes logits: norm, transform, matrix, bias, scale, soft cap, in this order.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Whether a norm comes first.
    pub normed: bool,
    /// Activation after a square matrix, and before a norm (BERT); `None` without such a matrix.
    pub transform: Option<Activation>,
    /// True if that matrix has a bias.
    pub transform_bias: bool,
    /// Whether the matrix of the head is the token embedding (a tied head).
    pub tied: bool,
    /// Whether it has a bias.
    pub bias: bool,
    /// Factor on the logits.
    pub scale: f64,
    /// Soft cap `c` of the logits `l`: `c·tanh(l/c)`.
    pub softcap: Option<f64>,
}

impl ModelConfig {
    /// A configuration of these sizes whose options are Llama's. The family then changes what differs.
    pub(crate) fn like_llama(family: &'static Family, sizes: Sizes) -> Self {
        let Sizes { vocab_size, d_model, n_layers, n_heads, n_kv_heads, d_head, d_mlp, max_positions } = sizes;
        let rope = Rope { theta: 10_000.0, dim: d_head, scaling: RopeScaling::Default };
        Self {
            family,
            vocab_size,
            d_model,
            n_layers,
            n_heads,
            n_kv_heads,
            d_head,
            d_mlp,
            max_positions,
            norm: NormKind::Rms,
            norm_parameters: NormParameters::Weight,
            norm_eps: 1e-6,
            embedding: Embedding {
                scale: 1.0,
                position_offset: None,
                token_types: 0,
                normed: false,
                norm_eps: None,
                trajectory: None,
            },
            residual: Residual::PreNorm,
            mixers: Vec::new(),
            residual_scale: 1.0,
            attention: Attention {
                scale: 1.0 / (d_head as f64).sqrt(),
                softcap: None,
                slopes: None,
                coarse_slopes: false,
                causal: true,
                normed_in_first: true,
                qk_norm: None,
                rotated_before_norm: false,
                clamp: None,
                temperature: None,
                latent: None,
                sinks: false,
                ropes: vec![rope],
                layers: vec![LayerAttention { window: None, rope: Some(0) }; n_layers],
            },
            mlp: Mlp {
                activation: Activation::Silu,
                xielu: Vec::new(),
                gated: true,
                bounds: None,
                experts: None,
                expert_layers: Vec::new(),
            },
            bias: Bias::default(),
            head: Head {
                normed: true,
                transform: None,
                transform_bias: true,
                tied: false,
                bias: false,
                scale: 1.0,
                softcap: None,
            },
            eos: Vec::new(),
            further_layers: 0,
            notes: Vec::new(),
        }
    }

    /// Sets layer norms with a weight and a bias.
    pub(crate) fn set_layer_norms(&mut self) {
        self.norm = NormKind::Layer;
        self.norm_parameters = NormParameters::WeightAndBias;
    }

    /// Removes rotary positions from the layers without a window.
    pub(crate) fn rotate_only_windows(&mut self) {
        self.attention.layers.iter_mut().filter(|layer| layer.window.is_none()).for_each(|layer| layer.rope = None);
    }

    /// Removes rotary positions from all layers, for models with learned positions, ALiBi or no positions.
    pub(crate) fn without_rope(&mut self) {
        self.attention.ropes.clear();
        self.attention.layers.iter_mut().for_each(|layer| layer.rope = None);
    }

    /// The error that the model reads trajectories instead of tokens.
    pub(crate) fn no_tokens(&self) -> Error {
        let name = self.family.name;
        Error::setting("model", format!("expected one that reads tokens, found a {name}, which reads trajectories"))
    }

    /// Whether the model continues texts or fills masks in them.
    pub fn kind(&self) -> ModelKind {
        if self.attention.causal { ModelKind::Causal } else { ModelKind::Masked }
    }

    /// Rejects a model that reads no tokens.
    ///
    /// # Errors
    /// A Decision Transformer.
    pub fn check_reads_texts(&self) -> Result<()> {
        if self.embedding.trajectory.is_some() { Err(self.no_tokens()) } else { Ok(()) }
    }

    /// Rejects a model that cannot continue a text: one that reads no tokens, or whose tokens attend to later ones.
    ///
    /// # Errors
    /// A Decision Transformer or a masked language model.
    pub fn check_continues_texts(&self) -> Result<()> {
        self.check_reads_texts()?;
        if !self.attention.causal {
            let name = self.family.name;
            let problem = format!("expected one that continues texts, found a {name}, which fills masks in them");
            return Err(Error::setting("model", problem));
        }
        Ok(())
    }

    /// Sequence length, in tokens, above which rotary frequencies change; a pass must not mix such sequences with
    /// shorter ones. `None` if the frequencies never change.
    pub fn length_dependent_beyond(&self) -> Option<usize> {
        self.attention.ropes.iter().filter_map(Rope::length_dependent_beyond).min()
    }

    /// Activation of the MLP in a layer.
    pub(crate) fn activation(&self, layer: usize) -> Activation {
        self.mlp.xielu.get(layer).map_or(self.mlp.activation, |parameters| Activation::Xielu(*parameters))
    }

    /// Whether a layer has experts.
    pub(crate) fn has_experts(&self, layer: usize) -> bool {
        self.mlp.expert_layers.get(layer).copied().unwrap_or(false)
    }

    /// Whether attention and MLP read the same input (see [`Residual::Parallel`]).
    pub fn is_parallel(&self) -> bool {
        matches!(self.residual, Residual::Parallel { .. })
    }
}
