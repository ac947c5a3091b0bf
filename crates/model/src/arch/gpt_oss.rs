//! gpt-oss: Llama with attention sinks, windows in every other layer, YaRN, biases, and experts in every layer whose gates
//! are bounded.

use laser_kernels::activation::{Activation, GateBounds};
use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{ATTENTION, BASE, GGUF, GGUF_ATTENTION, GGUF_EXPERTS, GGUF_ROLES, HF, ROLES};
use super::qwen_moe::{read_gguf_expert_sizes, write_gguf_experts};
use super::tensor_names::{StoredTensor, TWO_PART, TensorNames, TensorRole, all_experts, all_experts_transposed, one};
use crate::config::{
    Experts, HfKeys, ModelConfig, RopeDefaults, head_is_tied, layer_types, read_layer_windows, read_rope,
    read_window_pattern, rope_parameters, shortest,
};
use crate::error::Result;
use crate::rope::{RopeScaling, yarn_attention_factor};
use crate::weight_id::WeightKind::{Down, Gate, Router, Up};

const ROUTER: &[StoredTensor] = &[one("{model}layers.{}.mlp.router", &[Router])];

/// Names of the matrices of experts in the published files, which hold them in blocks of MXFP4, `[out, in]`, whose exponents
/// are another tensor.
const BLOCKS: &[StoredTensor] = &[
    all_experts("{model}layers.{}.mlp.experts.gate_up_proj", &[Gate, Up]).alternating().with_endings(TWO_PART, "_bias"),
    all_experts("{model}layers.{}.mlp.experts.down_proj", &[Down]).with_endings(TWO_PART, "_bias"),
];

/// Names of the matrices of experts in files with ordinary numbers.
const EXPERTS: &[StoredTensor] = &[
    all_experts_transposed("{model}layers.{}.mlp.experts.gate_up_proj", &[Gate, Up])
        .alternating()
        .with_endings("", "_bias"),
    all_experts_transposed("{model}layers.{}.mlp.experts.down_proj", &[Down]).with_endings("", "_bias"),
];

/// Bounds of the gates of every published model; the class has the number 1 in its code.
const BOUNDS: GateBounds = GateBounds { limit: 7.0, up_offset: 1.0 };

/// Factor in the sigmoid of [`Activation::GeluQuick`], which every published model has.
const ALPHA: f64 = 1.702;

/// Base of the rotary frequencies.
const THETA: f64 = 150_000.0;

pub(super) static GPT_OSS: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "gpt-oss",
        model_type: "gpt_oss",
        class: "GptOssForCausalLM",
        tensor_names: &TensorNames {
            roles: &[ROLES, &[(TensorRole::AttentionSinks, "{model}layers.{}.self_attn.sinks$")]],
            matrices: &[ATTENTION, ROUTER, BLOCKS, EXPERTS],
            ..HF
        },
        ..BASE.family
    },
    default_sizes: &[("num_key_value_heads", 8), ("head_dim", 64)],
    set_block: |c| {
        c.attention.sinks = true;
        c.mlp.activation = Activation::GeluQuick;
        c.mlp.bounds = Some(BOUNDS);
        c.mlp.expert_layers = vec![true; c.n_layers];
        (c.bias.mlp, c.bias.router) = (true, true);
    },
    read_config_json: |keys, c| {
        // The class reads no activation: published files have that of the function without its factor.
        keys.only_text("hidden_act", "silu")?;
        let biased = keys.flag_or("attention_bias", true)?;
        (c.bias.qkv, c.bias.o) = (biased, biased);
        let (count, per_token) = (keys.count_or("num_local_experts", 128)?, keys.count_or("num_experts_per_tok", 4)?);
        c.mlp.experts = Some(experts(Experts::new(count, per_token, c.d_mlp)));
        read_bounds(keys, c)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        c.head.tied = head_is_tied(keys, false)?;
        read_layer_windows(keys, c, Some(128), |layer| layer.is_multiple_of(2))?;
        let mut rope = read_rope(keys, c, RopeDefaults { theta: THETA, ..RopeDefaults::USUAL })?;
        if rope_parameters(keys)?.is_none() {
            rope.scaling = published_scaling();
        }
        c.attention.ropes = vec![rope];
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "gpt-oss",
        read_metadata: |keys, c| {
            let sizes = read_gguf_expert_sizes(keys, c)?;
            c.mlp.experts = Some(experts(sizes));
            (c.bias.mlp, c.bias.router) = (true, true);
            // GGUF has no key for it, and every published model is without the rounding. llama.cpp rounds.
            for rope in &mut c.attention.ropes {
                if let RopeScaling::Yarn { truncate, .. } = &mut rope.scaling {
                    *truncate = false;
                }
            }
            read_window_pattern(keys, c, 2)
        },
        write_metadata: write_gguf_experts, // llama.cpp knows which layers have the window
        tensor_names: &TensorNames {
            roles: &[
                GGUF_ROLES,
                // GGUF names the norm of the MLP's input as a norm after attention.
                &[
                    (TensorRole::MlpNorm, "blk.{}.post_attention_norm"),
                    (TensorRole::AttentionSinks, "blk.{}.attn_sinks"),
                ],
            ],
            matrices: &[GGUF_ATTENTION, GGUF_EXPERTS],
            ..GGUF
        },
    }),
    write_config_json: Some(|c| {
        let experts = c.mlp.experts.ok_or("a number of experts")?;
        if c.bias.qkv != c.bias.o {
            return Err("attention_bias: the same for q, k, v and o".into());
        }
        Ok(json!({
            "attention_bias": c.bias.qkv,
            "intermediate_size": experts.d_expert,
            "num_local_experts": experts.count,
            "num_experts_per_tok": experts.per_token,
            "sliding_window": c.attention.layers.iter().find_map(|layer| layer.window),
            "layer_types": layer_types(c),
            "swiglu_limit": c.mlp.bounds.map(|bounds| shortest(f64::from(bounds.limit))),
            "hidden_act": "silu",
            "mlp_bias": null,
        }))
    }),
    ..BASE
};

/// Experts of these sizes, weighted by the softmax over the chosen ones alone.
fn experts(sizes: Experts) -> Experts {
    Experts { normalised: true, ..sizes }
}

/// Reads the bounds of the gates.
fn read_bounds(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    let alpha = keys.number_or("swiglu_alpha", ALPHA)?;
    if alpha != ALPHA {
        return Err(keys.wrong("swiglu_alpha", ALPHA, alpha));
    }
    let limit = keys.number_or("swiglu_limit", f64::from(BOUNDS.limit))? as f32;
    c.mlp.bounds = Some(GateBounds { limit, ..BOUNDS });
    Ok(())
}

/// Scaling of the rotary positions in every published model, which the class has for files without one.
fn published_scaling() -> RopeScaling {
    RopeScaling::Yarn {
        factor: 32.0,
        original_context: 4096,
        beta_fast: 32.0,
        beta_slow: 1.0,
        attention_factor: yarn_attention_factor(32.0, 1.0),
        truncate: false,
    }
}
