//! The Decision Transformer (arXiv 2106.01345): GPT-2's blocks over the returns, states and actions of an episode
//! instead of tokens.
//!
//! Every row uses the first of the learned positions; an embedding of the time step distinguishes the steps.

use super::definition::FamilyDefinition;
use super::family::Family;
use super::gpt2::{ALIASES, HF as GPT2, ROLES};
use super::tensor_names::{TensorNames, TensorRole};
use crate::config::{HfKeys, ModelConfig, TrajectorySizes, read_activation};
use crate::error::Result;
use crate::weight_id::WeightKind::Qkv;

const HF: TensorNames = TensorNames {
    prefixes: &["encoder."],
    roles: &[
        ROLES,
        &[
            (TensorRole::TimeSteps, "embed_timestep"),
            (TensorRole::ReturnInput, "embed_return"),
            (TensorRole::StateInput, "embed_state"),
            (TensorRole::ActionInput, "embed_action"),
            (TensorRole::EmbeddingNorm, "embed_ln"),
            (TensorRole::ReturnOutput, "predict_return"),
            (TensorRole::StateOutput, "predict_state"),
            (TensorRole::ActionOutput, "predict_action.0"),
        ],
    ],
    // A token embedding that is never used, and the causal mask of older files.
    ignored: &["wte.weight", ".attn.bias", ".attn.masked_bias"],
    ..GPT2
};

pub(super) static DECISION_TRANSFORMER: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Decision Transformer",
        model_type: "decision_transformer",
        class: "DecisionTransformerModel",
        tensor_names: &HF,
        // The reference code of LASER edits all of `c_attn` and calls it `k_proj`; here, `k_proj` is its keys only.
        aliases: &[ALIASES, &[("c_attn", &[Qkv])]],
    },
    default_sizes: &[("n_positions", 1024), ("state_dim", 17), ("act_dim", 4), ("max_ep_len", 4096)],
    mlp_ratio: Some(4),
    equal_heads: true,
    set_block: |c| {
        c.vocab_size = 0; // the value in files, 1, belongs to the unused token embedding
        c.set_layer_norms();
        c.embedding.normed = true;
        c.embedding.norm_eps = Some(1e-5); // PyTorch's default; there is no key for it
        c.embedding.position_offset = Some(0);
        c.mlp.gated = false;
        (c.bias.qkv, c.bias.o, c.bias.mlp) = (true, true, true);
        c.without_rope();
    },
    read_config_json: read_trajectory_keys,
    gguf: None,
    write_config_json: None,
};

fn read_trajectory_keys(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    c.norm_eps = keys.number_or("layer_norm_epsilon", 1e-5)?;
    c.mlp.activation = read_activation(keys, "activation_function", "relu")?;
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
