//! Ministral and Ministral 3. Ministral: Mistral with windows in some layers. Ministral 3, which is also the text part of
//! Mistral Small 3 and later: Mistral with queries that grow with their positions.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{BASE, GGUF_PAIRS, read_common_keys};
use crate::config::{
    HfKeys, ModelConfig, RopeDefaults, Temperature, number, read_layer_windows, read_rope, read_window,
    rope_parameters, shortest,
};
use crate::error::Result;
use crate::rope::{Rope, RopeScaling, yarn_attention_factor};

pub(super) static MINISTRAL: FamilyDefinition = FamilyDefinition {
    family: Family { name: "Ministral", model_type: "ministral", class: "MinistralForCausalLM", ..BASE.family },
    default_sizes: &[("num_key_value_heads", 8)],
    read_config_json: |keys, c| {
        read_common_keys(keys, c)?;
        read_layer_windows(keys, c, Some(4096), |_| true)
    },
    gguf: None,
    write_config_json: None,
    ..BASE
};

pub(super) static MINISTRAL3: FamilyDefinition = FamilyDefinition {
    family: Family { name: "Ministral 3", model_type: "ministral3", class: "Ministral3ForCausalLM", ..BASE.family },
    default_sizes: &[("num_key_value_heads", 8), ("head_dim", 128)],
    read_config_json: |keys, c| {
        read_common_keys(keys, c)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        read_positions(keys, c)?;
        read_window(keys, c, None)
    },
    gguf: Some(GgufFormat {
        name: "mistral3",
        read_metadata: |keys, c| {
            let scale = keys.number_or("attention.temperature_scale", 0.0)?;
            let rope = &mut c.attention.ropes[0];
            if let RopeScaling::Yarn { factor, original_context, attention_factor, .. } = &mut rope.scaling {
                // llama.cpp divides by YaRN's usual factor to the power of this key.
                let cancelled = keys.number_or("rope.scaling.yarn_log_multiplier", 0.0)?;
                *attention_factor /= yarn_attention_factor(*factor, cancelled);
                c.attention.temperature = temperature(scale, *original_context);
            }
            Ok(())
        },
        write_metadata: |c| {
            let scale = c.attention.temperature.map_or(0.0, |temperature| temperature.scale);
            vec![number("attention.temperature_scale", scale)]
        },
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| {
        let rope = &c.attention.ropes[0];
        let RopeScaling::Yarn { factor, original_context, beta_fast, beta_slow, attention_factor, .. } = rope.scaling
        else {
            return Err("none, and positions scaled by YaRN".into());
        };
        Ok(json!({
            "rope_parameters": {
                "rope_type": "yarn",
                "rope_theta": shortest(rope.theta),
                "factor": shortest(factor),
                "original_max_position_embeddings": original_context,
                "beta_fast": beta_fast,
                "beta_slow": beta_slow,
                "attention_factor": attention_factor,
                "llama_4_scaling_beta": shortest(c.attention.temperature.map_or(0.0, |t| t.scale)),
            },
            "rope_theta": null,
            "rope_scaling": null,
            "sliding_window": c.attention.layers[0].window,
        }))
    }),
    ..BASE
};

/// Reads positions and attention temperature; without a key for them, those of the published models.
fn read_positions(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    let Some(parameters) = rope_parameters(keys)? else {
        let scaling = RopeScaling::Yarn {
            factor: 16.0,
            original_context: 16_384,
            beta_fast: 32.0,
            beta_slow: 1.0,
            attention_factor: 1.0,
            truncate: true,
        };
        c.attention.ropes = vec![Rope { theta: keys.number_or("rope_theta", 1e6)?, dim: c.d_head, scaling }];
        c.attention.temperature = temperature(0.1, 16_384);
        return Ok(());
    };
    c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { theta: 1e6, ..RopeDefaults::USUAL })?];
    let length = parameters.count_or("original_max_position_embeddings", c.max_positions)?;
    c.attention.temperature = temperature(parameters.number_or("llama_4_scaling_beta", 0.0)?, length);
    Ok(())
}

/// The attention temperature that grows with this scale from this length of context on; `None` if it does not grow.
fn temperature(scale: f64, length: usize) -> Option<Temperature> {
    (scale != 0.0).then_some(Temperature { scale, length })
}
