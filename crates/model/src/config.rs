//! What a model is made of, as the one generic block reads it: sizes, and which of each choice it takes.
//!
//! A family fills this in from `config.json` or GGUF metadata (`arch/`); nothing after that asks which family it is.

mod gguf;
mod hf;
mod keys;
mod matrices;

pub use gguf::GgufKeys;
pub use hf::{activation, layer_types, rope, rope_of, windows};
pub use keys::Keys;
pub use laser_kernels::activation::Activation;
pub use laser_kernels::norm::NormKind;
pub use matrices::Piece;

use super::rope::{Rope, RopeScaling};
use crate::ModelKind;
use crate::arch::Architecture;
use crate::error::{Error, Result};

/// Sizes and constants of a model.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// The family.
    pub architecture: &'static Architecture,
    /// Vocabulary size; 0 for a model that reads no tokens.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Number of blocks.
    pub n_layers: usize,
    /// Query heads.
    pub n_heads: usize,
    /// Key and value heads (grouped-query attention when fewer than `n_heads`).
    pub n_kv_heads: usize,
    /// Width of a head.
    pub d_head: usize,
    /// Width of the MLP.
    pub d_mlp: usize,
    /// Longest sequence the model was made for, in tokens.
    pub max_positions: usize,
    /// Kind of all its norms.
    pub norm: NormKind,
    /// ε of the norms.
    pub norm_eps: f64,
    /// What becomes of the tokens before the first block.
    pub embedding: Embedding,
    /// What the branches of a block add up to.
    pub residual: Residual,
    /// Factor on what each branch adds (Granite).
    pub residual_scale: f64,
    /// Attention.
    pub attention: Attention,
    /// The MLP.
    pub mlp: Mlp,
    /// Which projections carry a bias.
    pub bias: Bias,
    /// What makes logits of the last block's output.
    pub head: Head,
    /// Tokens that end a generation, as the configuration names them.
    pub eos: Vec<u32>,
}

/// What becomes of the tokens before the first block.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// Factor on the token embeddings.
    pub scale: f64,
    /// Rows of the table of learned positions that are skipped (OPT: 2); `None` without such a table.
    pub position_offset: Option<usize>,
    /// Kinds of text segments, the first of which is added to all tokens (BERT).
    pub token_types: usize,
    /// Whether a norm follows; of a trajectory it comes before the positions.
    pub normed: bool,
    /// ε of that norm, where it is not that of the others.
    pub norm_eps: Option<f64>,
    /// The other inputs of a model of trajectories.
    pub trajectory: Option<TrajectorySizes>,
}

/// Sizes of a Decision Transformer's inputs.
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

/// What the branches of a block, attention and MLP, add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residual {
    /// `x += f(norm(x))`, one after the other.
    PreNorm,
    /// `x = norm(x) + f(norm(x))`, one after the other (an option of BLOOM).
    FromNorm,
    /// `x += attention(norm(x)) + mlp(norm'(x))`, side by side.
    Parallel {
        /// Both read the same norm.
        one_norm: bool,
    },
    /// `x = norm(x + f(x))` (BERT).
    PostNorm,
    /// `x += norm(f(x))` (OLMo 2).
    BranchNorm,
    /// `x += norm'(f(norm(x)))` (Gemma 2).
    Sandwich,
}

/// Attention of all layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Factor on the products of queries and keys.
    pub scale: f64,
    /// Scores go through `c·tanh(s/c)`.
    pub softcap: Option<f64>,
    /// A score's change for each token between query and key, one a query head (ALiBi).
    pub slopes: Option<Vec<f32>>,
    /// Falcon's form of ALiBi: slope times key position, each rounded to bf16, comes before the scale.
    pub coarse_slopes: bool,
    /// Whether a token sees only what comes before it.
    pub causal: bool,
    /// Norms of queries and keys.
    pub qk_norm: Option<QkNorm>,
    /// The kinds of rotary positions that layers have.
    pub ropes: Vec<Rope>,
    /// What differs from layer to layer.
    pub layers: Vec<LayerAttention>,
}

/// What the norms of queries and keys go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QkNorm {
    /// Each head, all with the same weights `[d_head]`.
    Head,
    /// Each head, with weights of its own and never a bias, `[heads, d_head]` (StableLM).
    EachHead,
    /// All heads at once, weights `[heads·d_head]`.
    All,
}

/// Attention of one layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerAttention {
    /// A key is seen when `query − key < window`; `None`: every key before the query.
    pub window: Option<usize>,
    /// Which rotary positions; `None`: none.
    pub rope: Option<usize>,
}

/// The MLP of all layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    /// `f` in `down(f(gate(x))·up(x))` or `down(f(up(x)))`.
    pub activation: Activation,
    /// Whether there is a gate.
    pub gated: bool,
    /// The experts, where layers have them.
    pub experts: Option<Experts>,
    /// Whether a layer has experts instead of one MLP; empty: none has.
    pub expert_layers: Vec<bool>,
}

/// Experts: `Σ_e p_e·mlp_e(x)` over the most likely of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Experts {
    /// How many there are.
    pub count: usize,
    /// How many a token goes through.
    pub per_token: usize,
    /// Width of one.
    pub d_expert: usize,
    /// Whether the chosen ones' probabilities are scaled to a sum of 1.
    pub normalised: bool,
    /// Width of the expert that sees every token, weighted by the sigmoid of a gate of its own; 0 without.
    pub d_shared: usize,
}

/// Which projections carry a bias.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bias {
    /// q, k and v.
    pub qkv: bool,
    /// The attention output.
    pub o: bool,
    /// The matrices of the MLP.
    pub mlp: bool,
}

/// What makes logits of the last block's output.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Whether a norm comes first.
    pub normed: bool,
    /// A square matrix with bias, this activation and a norm come next (BERT).
    pub transform: Option<Activation>,
    /// Whether the matrix is the token embedding.
    pub tied: bool,
    /// Whether it has a bias.
    pub bias: bool,
    /// Factor on the logits.
    pub scale: f64,
    /// Logits go through `c·tanh(l/c)`.
    pub softcap: Option<f64>,
}

/// The sizes every family has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) vocab_size: usize,
    pub(crate) d_model: usize,
    pub(crate) n_layers: usize,
    pub(crate) n_heads: usize,
    pub(crate) n_kv_heads: usize,
    pub(crate) d_head: usize,
    pub(crate) d_mlp: usize,
    pub(crate) max_positions: usize,
}

impl ModelConfig {
    /// A model of these sizes that is otherwise like Llama, for a family to change.
    fn plain(architecture: &'static Architecture, sizes: Sizes) -> Self {
        let Sizes { vocab_size, d_model, n_layers, n_heads, n_kv_heads, d_head, d_mlp, max_positions } = sizes;
        let rope = Rope { theta: 10_000.0, dim: d_head, scaling: RopeScaling::Default };
        Self {
            architecture,
            vocab_size,
            d_model,
            n_layers,
            n_heads,
            n_kv_heads,
            d_head,
            d_mlp,
            max_positions,
            norm: NormKind::Rms,
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
            residual_scale: 1.0,
            attention: Attention {
                scale: 1.0 / (d_head as f64).sqrt(),
                softcap: None,
                slopes: None,
                coarse_slopes: false,
                causal: true,
                qk_norm: None,
                ropes: vec![rope],
                layers: vec![LayerAttention { window: None, rope: Some(0) }; n_layers],
            },
            mlp: Mlp { activation: Activation::Silu, gated: true, experts: None, expert_layers: Vec::new() },
            bias: Bias::default(),
            head: Head { normed: true, transform: None, tied: false, bias: false, scale: 1.0, softcap: None },
            eos: Vec::new(),
        }
    }

    /// Queries without positions: learned ones, ALiBi, or none.
    pub(crate) fn without_rope(&mut self) {
        self.attention.ropes.clear();
        self.attention.layers.iter_mut().for_each(|layer| layer.rope = None);
    }

    /// The error that the model reads no tokens.
    pub(crate) fn no_tokens(&self) -> Error {
        let name = self.architecture.name;
        Error::setting("model", format!("expected one that reads tokens, found a {name}, which reads trajectories"))
    }

    /// What the model does with a text.
    pub fn kind(&self) -> ModelKind {
        if self.attention.causal { ModelKind::Causal } else { ModelKind::Masked }
    }

    /// Refuses a model without tokens.
    pub fn check_reads_texts(&self) -> Result<()> {
        if self.embedding.trajectory.is_some() { Err(self.no_tokens()) } else { Ok(()) }
    }

    /// Refuses a model that texts cannot be continued with: one without tokens, or one whose tokens see what follows.
    pub fn check_continues_texts(&self) -> Result<()> {
        self.check_reads_texts()?;
        if !self.attention.causal {
            let name = self.architecture.name;
            let problem = format!("expected one that continues texts, found a {name}, which fills masks in them");
            return Err(Error::setting("model", problem));
        }
        Ok(())
    }

    /// The sequence length beyond which rotary frequencies change; such sequences share no pass with shorter ones.
    pub fn length_dependent_beyond(&self) -> Option<usize> {
        self.attention.ropes.iter().filter_map(Rope::length_dependent_beyond).min()
    }

    /// Whether the layer has experts.
    pub(crate) fn has_experts(&self, layer: usize) -> bool {
        self.mlp.expert_layers.get(layer).copied().unwrap_or(false)
    }

    /// Sizes that contradict each other, or would ask for more memory than any file justifies.
    fn check(self, file: &str) -> Result<Self> {
        let wrong = |key: &str, expected: &str, found: String| {
            Err(Error::Config { file: file.into(), key: key.into(), expected: expected.into(), found })
        };
        if self.n_kv_heads == 0 || !self.n_heads.is_multiple_of(self.n_kv_heads) {
            let found = format!("{} over {} heads", self.n_kv_heads, self.n_heads);
            return wrong("num_key_value_heads", "a divisor of the number of heads", found);
        }
        if self.d_head == 0 {
            return wrong("head_dim", "a positive width", "0".into());
        }
        for rope in &self.attention.ropes {
            if rope.dim == 0 || rope.dim > self.d_head || !rope.dim.is_multiple_of(2) {
                let found = format!("{} rotated of {}", rope.dim, self.d_head);
                return wrong("head_dim", "an even number of rotated dimensions, at most the head's", found);
            }
            let divisors = match &rope.scaling {
                RopeScaling::Divisors(d) => vec![d],
                RopeScaling::LongRope { short, long, .. } => vec![short, long],
                _ => vec![],
            };
            for d in divisors {
                if d.len() != rope.dim / 2 || d.iter().any(|v| !v.is_finite() || *v <= 0.0) {
                    let found = format!("{} values", d.len());
                    return wrong("rope_scaling", "one positive divisor for each pair of rotated dimensions", found);
                }
            }
        }
        if let Some(experts) = &self.mlp.experts {
            if experts.per_token == 0 || experts.per_token > experts.count {
                let found = format!("{} of {}", experts.per_token, experts.count);
                return wrong("num_experts_per_tok", "from 1 to the number of experts", found);
            }
            if experts.count > 4096 {
                return wrong("num_experts", "at most 4096", experts.count.to_string());
            }
        }
        if self.embedding.trajectory.is_none() && self.vocab_size == 0 {
            return wrong("vocab_size", "a positive number of tokens", "0".into());
        }
        Ok(self)
    }
}

/// Refuses a number of layers or heads before anything is allocated by it.
fn check_count(file: &str, key: &str, found: usize) -> Result<()> {
    if found == 0 || found > 4096 {
        return Err(Error::Config {
            file: file.into(),
            key: key.into(),
            expected: "1 to 4096".into(),
            found: found.to_string(),
        });
    }
    Ok(())
}
