//! The Decision Transformer: GPT-2's blocks over the returns, states and actions of an episode in the place of tokens.
//!
//! Every token takes the first of the learned positions; what tells the steps apart is a table of time steps.

use super::gpt2::{ALIASES, HF as GPT2, ROLES};
use super::{Architecture, Names, Role};
use crate::config::{Keys, ModelConfig, TrajectorySizes, activation};
use crate::error::Result;
use crate::weight_id::WeightKind::Qkv;
use laser_kernels::norm::NormKind;

const HF: Names = Names {
    prefixes: &["encoder."],
    roles: &[
        ROLES,
        &[
            (Role::TimeSteps, "embed_timestep"),
            (Role::ReturnInput, "embed_return"),
            (Role::StateInput, "embed_state"),
            (Role::ActionInput, "embed_action"),
            (Role::EmbeddingNorm, "embed_ln"),
            (Role::ReturnOutput, "predict_return"),
            (Role::StateOutput, "predict_state"),
            (Role::ActionOutput, "predict_action.0"),
        ],
    ],
    // A token embedding that nothing reads, and the causal mask of older files.
    ignored: &["encoder.wte.weight", ".attn.bias", ".attn.masked_bias"],
    ..GPT2
};

pub(super) static DECISION_TRANSFORMER: Architecture = Architecture {
    name: "Decision Transformer",
    model_type: "decision_transformer",
    class: "DecisionTransformerModel",
    defaults: &[("n_positions", 1024), ("state_dim", 17), ("act_dim", 4), ("max_ep_len", 4096)],
    mlp_ratio: Some(4),
    block: |c| {
        c.vocab_size = 0; // files say 1: the embedding that nothing reads
        c.norm = NormKind::Layer;
        c.embedding.normed = true;
        c.embedding.norm_eps = Some(1e-5); // no key: the class leaves it at PyTorch's default
        c.embedding.position_offset = Some(0);
        c.mlp.gated = false;
        (c.bias.qkv, c.bias.o, c.bias.mlp) = (true, true, true);
        c.without_rope();
    },
    hf: read,
    names: &HF,
    gguf: None,
    to_hf: None,
    // The reference code edits `c_attn` whole and calls it `k_proj`, which here is the keys' part of it.
    aliases: &[ALIASES, &[("c_attn", &[Qkv])]],
};

fn read(keys: &Keys<'_>, c: &mut ModelConfig) -> Result<()> {
    c.norm_eps = keys.number_or("layer_norm_epsilon", 1e-5)?;
    c.mlp.activation = activation(keys, "relu")?;
    if !keys.flag_or("scale_attn_weights", true)? {
        c.attention.scale = 1.0;
    }
    for key in ["scale_attn_by_inverse_layer_idx", "add_cross_attention"] {
        if keys.flag_or(key, false)? {
            return Err(keys.wrong(key, "false", "true"));
        }
    }
    c.embedding.trajectory = Some(TrajectorySizes {
        state: keys.count("state_dim")?,
        action: keys.count("act_dim")?,
        time_steps: keys.count("max_ep_len")?,
        bounded_actions: keys.flag_or("action_tanh", true)?,
    });
    Ok(())
}
