//! Phi-1, Phi-1.5 and Phi-2: attention and MLP in parallel with one norm, partly rotated heads, biases everywhere.
//! Older files (`phi-msft`) have other tensor names and store q, k and v in one tensor.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::{Alias, Family};
use super::gpt2::{ALIASES, GGUF, read_common_keys, set_common_block};
use super::llama::{BASE, HF as LLAMA};
use super::tensor_names::{TensorNames, TensorRole, fused, one};
use crate::config::{ModelConfig, QkNorm, Residual, RopeDefaults, read_rope, shortest};
use crate::rope::{Rope, RopeScaling};
use crate::weight_id::WeightKind::{Down, K, O, Q, Qkv, Up, V};

const NAMES: TensorNames = TensorNames {
    roles: &[&[
        (TensorRole::Embedding, "{model}embed_tokens"),
        (TensorRole::AttentionNorm, "{model}layers.{}.input_layernorm"),
        (TensorRole::QueryNorm, "{model}layers.{}.self_attn.q_layernorm"),
        (TensorRole::KeyNorm, "{model}layers.{}.self_attn.k_layernorm"),
        (TensorRole::FinalNorm, "{model}final_layernorm"),
        (TensorRole::Head, "lm_head"),
        (TensorRole::HeadBias, "lm_head"),
    ]],
    matrices: &[&[
        one("{model}layers.{}.self_attn.q_proj", &[Q]),
        one("{model}layers.{}.self_attn.k_proj", &[K]),
        one("{model}layers.{}.self_attn.v_proj", &[V]),
        one("{model}layers.{}.self_attn.dense", &[O]),
        one("{model}layers.{}.mlp.fc1", &[Up]),
        one("{model}layers.{}.mlp.fc2", &[Down]),
    ]],
    ..LLAMA
};

const OLD_NAMES: TensorNames = TensorNames {
    prefixes: &["transformer."],
    roles: &[&[
        (TensorRole::Embedding, "{model}embd.wte"),
        (TensorRole::AttentionNorm, "{model}h.{}.ln"),
        (TensorRole::FinalNorm, "lm_head.ln"),
        (TensorRole::Head, "lm_head.linear"),
        (TensorRole::HeadBias, "lm_head.linear"),
    ]],
    matrices: &[&[
        fused("{model}h.{}.mixer.Wqkv", &[Q, K, V]),
        one("{model}h.{}.mixer.out_proj", &[O]),
        one("{model}h.{}.mlp.fc1", &[Up]),
        one("{model}h.{}.mlp.fc2", &[Down]),
    ]],
    ignored: &[".mixer.rotary_emb.", ".mixer.inner_attn.", ".mixer.inner_cross_attn."],
    ..LLAMA
};

/// Aliases for the older files. The paper's code was written for them and edits their fused q, k and v as one matrix.
const OLD_ALIASES: &[Alias] = &[
    ("fc_in", &[Up]),
    ("fc_out", &[Down]),
    ("out_proj", &[O]),
    ("mlp", &[Up, Down]),
    ("attn", &[Qkv, O]),
    ("all", &[Qkv, O, Up, Down]),
    ("Wqkv", &[Qkv]),
    ("fc1", &[Up]),
    ("fc2", &[Down]),
];

/// The form of block of all Phi models before Phi-3.
fn set_phi_block(c: &mut ModelConfig) {
    set_common_block(c);
    c.residual = Residual::Parallel { one_norm: true };
    (c.head.tied, c.head.bias) = (false, true);
}

pub(super) static PHI: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Phi",
        model_type: "phi",
        class: "PhiForCausalLM",
        tensor_names: &NAMES,
        aliases: &[ALIASES, &[("dense", &[O]), ("fc1", &[Up]), ("fc2", &[Down])]],
    },
    set_block: set_phi_block,
    read_config_json: |keys, c| {
        read_common_keys(keys, c, "hidden_act", "gelu_new")?;
        if keys.flag_or("qk_layernorm", false)? {
            c.attention.qk_norm = Some(QkNorm::Head);
        }
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { partial: Some(0.5), ..RopeDefaults::USUAL })?];
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "phi2",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF,
    }),
    write_config_json: Some(|c| {
        Ok(json!({
            "hidden_act": "gelu_new",
            "layer_norm_eps": shortest(c.norm_eps),
            "partial_rotary_factor": c.attention.ropes[0].fraction_of(c.d_head),
            "qk_layernorm": false,
            "head_dim": null,
            "rms_norm_eps": null,
        }))
    }),
    ..BASE
};

pub(super) static PHI_MSFT: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Phi (older files)",
        model_type: "phi-msft",
        class: "PhiForCausalLM",
        tensor_names: &OLD_NAMES,
        aliases: &[OLD_ALIASES],
    },
    mlp_ratio: Some(4),
    set_block: set_phi_block,
    read_config_json: |keys, c| {
        read_common_keys(keys, c, "activation_function", "gelu_new")?;
        let dim = keys.count_or("rotary_dim", 32)?.min(c.d_head);
        c.attention.ropes = vec![Rope { theta: 10_000.0, dim, scaling: RopeScaling::Default }];
        Ok(())
    },
    gguf: None, // in GGUF, these models are `phi2`
    write_config_json: None,
    ..BASE
};
