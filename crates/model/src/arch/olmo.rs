//! OLMo, OLMoE and OLMo 3. OLMo: Llama with layer norms without parameters, and bounds of queries, keys and values.
//! OLMoE: Llama with experts, and norms of queries and keys over all heads together. OLMo 3: OLMo 2 with windows in three
//! of four layers.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{ATTENTION, BASE, GGUF, GGUF_ATTENTION, GGUF_EXPERTS, GGUF_PAIRS, GGUF_POST, HF, read_common_keys};
use super::mixtral::{expert_counts, set_experts};
use super::olmo2::OLMO2;
use super::tensor_names::{StoredTensor, TensorNames, expert, one};
use crate::config::{
    HfKeys, ModelConfig, NormKind, NormParameters, QkNorm, RopeDefaults, head_is_tied, layer_types, number,
    read_activation, read_layer_windows, read_rope, read_rope_from, read_window_pattern, rope_parameters, shortest,
    window_pattern,
};
use crate::error::Result;
use crate::rope::{Rope, RopeScaling};
use crate::weight_id::WeightKind::{Down, Gate, Router, Up};

const EXPERTS: &[StoredTensor] = &[
    one("{model}layers.{}.mlp.gate", &[Router]),
    expert("{model}layers.{}.mlp.experts.{e}.gate_proj", &[Gate]),
    expert("{model}layers.{}.mlp.experts.{e}.up_proj", &[Up]),
    expert("{model}layers.{}.mlp.experts.{e}.down_proj", &[Down]),
];

pub(super) static OLMO: FamilyDefinition = FamilyDefinition {
    family: Family { name: "OLMo", model_type: "olmo", class: "OlmoForCausalLM", ..BASE.family },
    set_block: |c| {
        c.norm = NormKind::Layer;
        c.norm_parameters = NormParameters::Nothing;
    },
    read_config_json: |keys, c| {
        read_clamp_and_biases(keys, c)?;
        c.mlp.activation = read_activation(keys, "hidden_act", "silu")?;
        c.head.tied = head_is_tied(keys, false)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults::USUAL)?];
        c.norm_eps = 1e-5; // not a key: the class has this value
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "olmo",
        read_metadata: |keys, c| {
            c.attention.clamp = keys.number_or_none("attention.clamp_kqv")?.filter(|bound| *bound > 0.0);
            Ok(())
        },
        write_metadata: |c| c.attention.clamp.map(|bound| number("attention.clamp_kqv", bound)).into_iter().collect(),
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| {
        Ok(json!({
            "attention_bias": c.bias.qkv,
            "clip_qkv": c.attention.clamp.map(shortest),
            "head_dim": null,
            "rms_norm_eps": null,
        }))
    }),
    ..BASE
};

pub(super) static OLMOE: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "OLMoE",
        model_type: "olmoe",
        class: "OlmoeForCausalLM",
        tensor_names: &TensorNames { matrices: &[ATTENTION, EXPERTS], ..HF },
        ..BASE.family
    },
    set_block: |c| c.attention.qk_norm = Some(QkNorm::All),
    read_config_json: |keys, c| {
        read_clamp_and_biases(keys, c)?;
        let count = keys.count_of_or_none(&["num_experts", "num_local_experts"])?.unwrap_or(64);
        let normalised = keys.flag_or("norm_topk_prob", false)?;
        set_experts(c, count, keys.count_or("num_experts_per_tok", 8)?, normalised);
        read_common_keys(keys, c)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "olmoe",
        read_metadata: |keys, c| {
            // llama.cpp does not scale the probabilities to a sum of 1.
            set_experts(c, keys.count("expert_count")?, keys.count("expert_used_count")?, false);
            Ok(())
        },
        write_metadata: expert_counts,
        tensor_names: &TensorNames { matrices: &[GGUF_ATTENTION, GGUF_EXPERTS], ..GGUF },
    }),
    write_config_json: Some(|c| {
        let experts = c.mlp.experts.ok_or("a number of experts")?;
        Ok(json!({
            "num_experts": experts.count,
            "num_experts_per_tok": experts.per_token,
            "norm_topk_prob": experts.normalised,
            "attention_bias": c.bias.qkv,
            "head_dim": null,
        }))
    }),
    ..BASE
};

pub(super) static OLMO3: FamilyDefinition = FamilyDefinition {
    family: Family { name: "OLMo 3", model_type: "olmo3", class: "Olmo3ForCausalLM", ..OLMO2.family },
    read_config_json: |keys, c| {
        (OLMO2.read_config_json)(keys, c)?;
        read_layer_windows(keys, c, Some(4096), |layer| !(layer + 1).is_multiple_of(4))?;
        // Positions are scaled in the layers without a window only. Newer files have parameters for each kind of layer.
        let theta = keys.number_or("rope_theta", 500_000.0)?;
        let both = keys.object_or_none("rope_parameters")?;
        let of = |kind: &str| both.as_ref().map_or(Ok(None), |both| both.object_or_none(kind));
        let (full, sliding) = match (of("full_attention")?, of("sliding_attention")?) {
            (None, None) => (rope_parameters(keys)?, None),
            both => both,
        };
        let rope = |parameters, theta| read_rope_from(keys, parameters, c, RopeDefaults { theta, partial: None });
        let full = rope(full, theta)?;
        let sliding = match sliding {
            Some(sliding) => rope(Some(sliding), theta)?,
            None => Rope { scaling: RopeScaling::Default, ..full.clone() },
        };
        set_ropes(c, full, sliding);
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "olmo2", // as OLMo 2; `registry.rs` tells them apart
        read_metadata: |keys, c| {
            read_window_pattern(keys, c, 4)?;
            let full = c.attention.ropes[0].clone();
            let theta = keys.number_or("rope.freq_base_swa", full.theta)?;
            let sliding = Rope { theta, scaling: RopeScaling::Default, ..full.clone() };
            set_ropes(c, full, sliding);
            Ok(())
        },
        write_metadata: |c| vec![window_pattern(c)],
        tensor_names: &GGUF_POST,
    }),
    write_config_json: Some(|c| {
        Ok(json!({
            "attention_bias": c.bias.qkv,
            "layer_types": layer_types(c),
            "sliding_window": c.attention.layers.iter().find_map(|layer| layer.window),
            "head_dim": null,
        }))
    }),
    ..OLMO2
};

/// Reads the bound of queries, keys and values, and the biases of attention.
fn read_clamp_and_biases(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    let biased = keys.flag_or("attention_bias", false)?;
    (c.bias.qkv, c.bias.o) = (biased, biased);
    c.attention.clamp = keys.number_or_none("clip_qkv")?;
    Ok(())
}

/// Sets the positions of layers without and with a window.
fn set_ropes(c: &mut ModelConfig, full: Rope, sliding: Rope) {
    c.attention.ropes = vec![full, sliding];
    c.attention.layers.iter_mut().for_each(|layer| layer.rope = Some(usize::from(layer.window.is_some())));
}
