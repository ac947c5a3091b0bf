//! Cohere's Command R and R7B: attention and MLP in parallel with one layer norm without bias, rotated rows in pairs, a
//! factor on the logits. The second one (`cohere2`) has windows in three of four layers, and positions in those only.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{BASE, GGUF_PAIRS, HF};
use super::tensor_names::TensorNames;
use crate::config::{
    HfKeys, ModelConfig, NormKind, NormParameters, QkNorm, Residual, RopeDefaults, head_is_tied, layer_types, number,
    read_activation, read_layer_windows, read_rope, read_window_pattern, shortest, window_pattern,
};
use crate::error::Result;

/// Number of layers from one without a window to the next.
const PERIOD: usize = 4;

pub(super) static COHERE: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Command R",
        model_type: "cohere",
        class: "CohereForCausalLM",
        tensor_names: &TensorNames { rotary_pairs: true, ..HF },
        ..BASE.family
    },
    set_block: |c| {
        c.norm = NormKind::Layer;
        c.norm_parameters = NormParameters::Weight;
        c.residual = Residual::Parallel { one_norm: true };
    },
    read_config_json: |keys, c| {
        read_cohere_keys(keys, c, 500_000.0)?;
        if keys.flag_or("use_qk_norm", false)? {
            c.attention.qk_norm = Some(QkNorm::EachHead);
        }
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "command-r",
        read_metadata: |keys, c| {
            c.head.scale = keys.number_or("logit_scale", 0.0625)?;
            if keys.has_tensor("blk.0.attn_q_norm.weight") {
                c.attention.qk_norm = Some(QkNorm::EachHead);
            }
            Ok(())
        },
        write_metadata: |c| vec![number("logit_scale", c.head.scale)],
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| {
        let mut keys = cohere_keys(c);
        keys["use_qk_norm"] = c.attention.qk_norm.is_some().into();
        Ok(keys)
    }),
    ..BASE
};

pub(super) static COHERE2: FamilyDefinition = FamilyDefinition {
    family: Family { name: "Command R7B", model_type: "cohere2", class: "Cohere2ForCausalLM", ..COHERE.family },
    read_config_json: |keys, c| {
        read_cohere_keys(keys, c, 10_000.0)?;
        // Keys of the published files, with the only values that the class implements.
        keys.only("use_gated_activation", true)?;
        keys.only_text("position_embedding_type", "rope_gptj")?;
        let period = keys.count_or("sliding_window_pattern", PERIOD)?;
        read_layer_windows(keys, c, Some(4096), |layer| !(layer + 1).is_multiple_of(period))?;
        c.rotate_only_windows();
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "cohere2",
        read_metadata: |keys, c| {
            c.head.scale = keys.number_or("logit_scale", 0.0625)?;
            read_window_pattern(keys, c, PERIOD)?;
            c.rotate_only_windows();
            Ok(())
        },
        write_metadata: |c| vec![number("logit_scale", c.head.scale), window_pattern(c)],
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| {
        let mut keys = cohere_keys(c);
        keys["layer_types"] = layer_types(c);
        keys["sliding_window"] = c.attention.layers.iter().find_map(|layer| layer.window).into();
        Ok(keys)
    }),
    ..COHERE
};

/// Reads the keys that both share. `theta` is the base of the positions of files without one.
fn read_cohere_keys(keys: &HfKeys<'_>, c: &mut ModelConfig, theta: f64) -> Result<()> {
    let biased = keys.flag_or("attention_bias", false)?;
    (c.bias.qkv, c.bias.o) = (biased, biased);
    c.norm_eps = keys.number_or("layer_norm_eps", 1e-5)?;
    c.mlp.activation = read_activation(keys, "hidden_act", "silu")?;
    c.head.tied = head_is_tied(keys, true)?;
    c.head.scale = keys.number_or("logit_scale", 0.0625)?;
    c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { theta, ..RopeDefaults::USUAL })?];
    Ok(())
}

/// The keys of `config.json` that both share.
fn cohere_keys(c: &ModelConfig) -> serde_json::Value {
    json!({
        "attention_bias": c.bias.qkv,
        "layer_norm_eps": shortest(c.norm_eps),
        "logit_scale": shortest(c.head.scale),
        "head_dim": null,
        "rms_norm_eps": null,
    })
}
