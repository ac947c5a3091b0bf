//! Nemotron: layer norms that store w − 1, partly rotated heads, and an MLP without a gate whose activation is the square
//! of ReLU.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::gpt2::ALIASES;
use super::llama::{BASE, GGUF, HF};
use super::tensor_names::TensorNames;
use crate::config::{Activation, RopeDefaults, head_is_tied, read_activation, read_rope, shortest};

pub(super) static NEMOTRON: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Nemotron",
        model_type: "nemotron",
        class: "NemotronForCausalLM",
        tensor_names: &TensorNames { norm_offset: 1.0, ..HF },
        aliases: &[ALIASES],
    },
    set_block: |c| {
        c.set_layer_norms();
        c.mlp.gated = false;
        c.mlp.activation = Activation::ReluSquared;
    },
    read_config_json: |keys, c| {
        let biased = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o, c.bias.mlp) = (biased, biased, keys.flag_or("mlp_bias", false)?);
        c.norm_eps = keys.number_or("norm_eps", 1e-5)?;
        c.mlp.activation = read_activation(keys, "hidden_act", "relu2")?;
        c.head.tied = head_is_tied(keys, false)?;
        // Older files name the rotated part of a head otherwise.
        let partial = keys.number_or("rope_percent", keys.number_or("rope_percentage", 0.5)?)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { partial: Some(partial), ..RopeDefaults::USUAL })?];
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "nemotron",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF,
    }),
    write_config_json: Some(|c| {
        Ok(json!({
            "attention_bias": c.bias.qkv,
            "mlp_bias": c.bias.mlp,
            "norm_eps": shortest(c.norm_eps),
            "hidden_act": "relu2",
            "partial_rotary_factor": c.attention.ropes[0].fraction_of(c.d_head),
            "rms_norm_eps": null,
        }))
    }),
    ..BASE
};
