//! Granite: Llama with four factors: on embeddings, attention scores, outputs of attention and MLP, and logits. Granite
//! MoE: the same with experts instead of the MLP.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{ATTENTION, BASE, GGUF_PAIRS, HF};
use super::mixtral::{expert_counts, set_experts};
use super::tensor_names::{StoredTensor, TensorNames, all_experts, one};
use crate::config::{GgufKeys, ModelConfig, number, shortest};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, Gate, Router, Up};

const EXPERTS: &[StoredTensor] = &[
    one("{model}layers.{}.block_sparse_moe.router.layer", &[Router]),
    all_experts("{model}layers.{}.block_sparse_moe.input_linear", &[Gate, Up]),
    all_experts("{model}layers.{}.block_sparse_moe.output_linear", &[Down]),
];

pub(super) static GRANITE: FamilyDefinition = FamilyDefinition {
    family: Family { name: "Granite", model_type: "granite", class: "GraniteForCausalLM", ..BASE.family },
    read_config_json: |keys, c| {
        (BASE.read_config_json)(keys, c)?;
        let factor = |key| keys.number_or(key, 1.0);
        set_factors(
            c,
            [
                factor("embedding_multiplier")?,
                factor("attention_multiplier")?,
                factor("residual_multiplier")?,
                factor("logits_scaling")?,
            ],
        );
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "granite",
        read_metadata: read_gguf_factors,
        write_metadata: gguf_factors,
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| {
        let mut keys = factor_keys(c);
        keys["mlp_bias"] = c.bias.mlp.into();
        Ok(keys)
    }),
    ..BASE
};

pub(super) static GRANITE_MOE: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Granite MoE",
        model_type: "granitemoe",
        class: "GraniteMoeForCausalLM",
        tensor_names: &TensorNames { matrices: &[ATTENTION, EXPERTS], ..HF },
        ..BASE.family
    },
    read_config_json: |keys, c| {
        (GRANITE.read_config_json)(keys, c)?;
        set_experts(c, keys.count_or("num_local_experts", 8)?, keys.count_or("num_experts_per_tok", 2)?, true);
        c.bias.mlp = false; // experts have no biases
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "granitemoe",
        read_metadata: |keys, c| {
            set_experts(c, keys.count("expert_count")?, keys.count("expert_used_count")?, true);
            read_gguf_factors(keys, c)
        },
        write_metadata: |c| [gguf_factors(c), expert_counts(c)].concat(),
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| {
        let experts = c.mlp.experts.ok_or("a number of experts")?;
        let mut keys = factor_keys(c);
        (keys["num_local_experts"], keys["num_experts_per_tok"]) = (experts.count.into(), experts.per_token.into());
        Ok(keys)
    }),
    ..BASE
};

/// Reads the factors from GGUF.
fn read_gguf_factors(keys: &GgufKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    let attention = keys.number_or("attention.scale", c.attention.scale)?;
    let factor = |key| keys.number_or(key, 1.0);
    set_factors(c, [factor("embedding_scale")?, attention, factor("residual_scale")?, factor("logit_scale")?]);
    Ok(())
}

/// The factors in GGUF.
fn gguf_factors(c: &ModelConfig) -> Vec<(String, laser_checkpoint::Value)> {
    vec![
        number("attention.scale", c.attention.scale),
        number("embedding_scale", c.embedding.scale),
        number("residual_scale", c.residual_scale),
        number("logit_scale", 1.0 / c.head.scale),
    ]
}

/// The keys of `config.json` about factors and biases of attention.
fn factor_keys(c: &ModelConfig) -> serde_json::Value {
    json!({
        "attention_multiplier": shortest(c.attention.scale),
        "embedding_multiplier": shortest(c.embedding.scale),
        "residual_multiplier": shortest(c.residual_scale),
        "logits_scaling": shortest(1.0 / c.head.scale),
        "attention_bias": c.bias.qkv,
    })
}

/// Sets the four factors; the last one is a divisor of the logits.
fn set_factors(c: &mut ModelConfig, [embedding, attention, residual, logits]: [f64; 4]) {
    c.embedding.scale = embedding;
    c.attention.scale = attention;
    c.residual_scale = residual;
    c.head.scale = 1.0 / logits;
}
