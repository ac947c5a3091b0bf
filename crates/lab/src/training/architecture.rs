//! The architectures that the lab trains, as configurations in the form of `config.json`.

use laser::model::ModelConfig;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Result};

/// Sizes of a model to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSizes {
    /// Width of the residual stream.
    pub d_model: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Width of the MLP.
    pub d_mlp: usize,
    /// Longest sequence, in tokens; in time steps for a Decision Transformer.
    pub context: usize,
}

/// The kind of a model to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// GPT-2's block with this activation (`relu`, `gelu_new`), a head tied to the embedding.
    Gpt2 {
        /// Whether the activation is ReLU, whose zeros make the MLP's matrices easy to read; else GPT-2's own GELU.
        relu: bool,
    },
    /// Llama's block, a head tied to the embedding.
    Llama,
    /// A Decision Transformer over states and actions of these widths.
    DecisionTransformer {
        /// Numbers in a state.
        state: usize,
        /// Number of actions.
        actions: usize,
    },
}

impl Architecture {
    /// The content of `config.json` for a model of these sizes with a vocabulary of `vocab` tokens, whose texts begin with
    /// the token `bos` and end with `eos`.
    pub fn config_json(self, sizes: ModelSizes, vocab: usize, bos: Option<u32>, eos: Option<u32>) -> Value {
        let ModelSizes { d_model, layers, heads, d_mlp, context } = sizes;
        match self {
            Self::Gpt2 { relu } => json!({
                "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2",
                "activation_function": if relu { "relu" } else { "gelu_new" },
                "n_embd": d_model, "n_layer": layers, "n_head": heads, "n_inner": d_mlp,
                "n_positions": context, "n_ctx": context, "vocab_size": vocab, "layer_norm_epsilon": 1e-5,
                "bos_token_id": bos, "eos_token_id": eos, "tie_word_embeddings": true, "torch_dtype": "float32",
                "attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0,
            }),
            Self::Llama => json!({
                "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
                "hidden_size": d_model, "num_hidden_layers": layers, "num_attention_heads": heads,
                "num_key_value_heads": heads, "intermediate_size": d_mlp, "max_position_embeddings": context,
                "vocab_size": vocab, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
                "bos_token_id": bos, "eos_token_id": eos, "tie_word_embeddings": true, "torch_dtype": "float32",
            }),
            Self::DecisionTransformer { state, actions } => json!({
                "architectures": ["DecisionTransformerModel"], "model_type": "decision_transformer",
                "activation_function": "relu", "state_dim": state, "act_dim": actions, "hidden_size": d_model,
                "n_layer": layers, "n_head": heads, "n_inner": d_mlp, "n_positions": 1024, "n_ctx": 1024,
                "max_ep_len": context, "action_tanh": false, "vocab_size": 1, "layer_norm_epsilon": 1e-5,
                "attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "torch_dtype": "float32",
            }),
        }
    }
}

/// The configuration that `config_json` describes.
///
/// # Errors
/// Sizes that do not fit together, such as a width that the heads do not divide.
pub fn read_config(config_json: &Value) -> Result<ModelConfig> {
    let text = config_json.to_string();
    ModelConfig::from_hf("config.json", &text).map_err(Error::from)
}
