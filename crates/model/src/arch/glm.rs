//! GLM-4 in its two forms: Llama with partly rotated heads, rotated rows in pairs, and gate and up in one tensor. The
//! second one has norms of the outputs of attention and MLP as well.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::gpt2::GGUF_FUSED;
use super::llama::{
    ATTENTION, BASE, GGUF_ATTENTION, GGUF_PAIRS, GGUF_POST_NORMS, GGUF_ROLES, HF, ROLES, read_common_keys,
};
use super::tensor_names::{StoredTensor, TensorNames, TensorRole, fused, one};
use crate::config::{ModelConfig, Residual, RopeDefaults, read_rope};
use crate::weight_id::WeightKind::{Down, Gate, Up};

const MLP: &[StoredTensor] =
    &[fused("{model}layers.{}.mlp.gate_up_proj", &[Gate, Up]), one("{model}layers.{}.mlp.down_proj", &[Down])];

const GGUF_MLP: &[StoredTensor] = &[fused("blk.{}.ffn_up", &[Gate, Up]), one("blk.{}.ffn_down", &[Down])];

const NAMES: TensorNames = TensorNames { matrices: &[ATTENTION, MLP], rotary_pairs: true, ..HF };

const SANDWICH_NAMES: TensorNames = TensorNames {
    roles: &[
        &[
            (TensorRole::AttentionPostNorm, "{model}layers.{}.post_self_attn_layernorm"),
            (TensorRole::MlpPostNorm, "{model}layers.{}.post_mlp_layernorm"),
        ],
        ROLES,
    ],
    ..NAMES
};

const GGUF_NAMES: TensorNames = TensorNames { matrices: &[GGUF_FUSED, GGUF_ATTENTION, GGUF_MLP], ..GGUF_PAIRS };

pub(super) static GLM: FamilyDefinition = FamilyDefinition {
    family: Family { name: "GLM-4", model_type: "glm", class: "GlmForCausalLM", tensor_names: &NAMES, ..BASE.family },
    default_sizes: &[("num_key_value_heads", 2), ("head_dim", 128)],
    read_config_json: |keys, c| {
        c.bias.qkv = keys.flag_or("attention_bias", true)?;
        read_common_keys(keys, c)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1.5625e-7)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { partial: Some(0.5), ..RopeDefaults::USUAL })?];
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "chatglm",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF_NAMES,
    }),
    write_config_json: Some(glm_keys),
    ..BASE
};

pub(super) static GLM4: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "GLM-4-0414",
        model_type: "glm4",
        class: "Glm4ForCausalLM",
        tensor_names: &SANDWICH_NAMES,
        ..BASE.family
    },
    set_block: |c| c.residual = Residual::Sandwich,
    gguf: Some(GgufFormat {
        name: "glm4",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &TensorNames { roles: &[GGUF_POST_NORMS, GGUF_ROLES], ..GGUF_NAMES },
    }),
    ..GLM
};

/// The keys of `config.json` of both.
fn glm_keys(c: &ModelConfig) -> std::result::Result<serde_json::Value, String> {
    if c.bias.o || c.bias.mlp {
        return Err("biases of q, k and v only".into());
    }
    Ok(json!({
        "attention_bias": c.bias.qkv,
        "partial_rotary_factor": c.attention.ropes[0].fraction_of(c.d_head),
    }))
}
