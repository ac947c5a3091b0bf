//! Arcee: Llama with an MLP without a gate whose activation is the square of ReLU.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::gpt2::ALIASES;
use super::llama::{BASE, GGUF_PAIRS};
use crate::config::{Activation, read_activation};

pub(super) static ARCEE: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Arcee",
        model_type: "arcee",
        class: "ArceeForCausalLM",
        aliases: &[ALIASES],
        ..BASE.family
    },
    set_block: |c| {
        c.mlp.gated = false;
        c.mlp.activation = Activation::ReluSquared;
    },
    read_config_json: |keys, c| {
        (BASE.read_config_json)(keys, c)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        c.mlp.activation = read_activation(keys, "hidden_act", "relu2")?;
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "arcee",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| {
        Ok(json!({"hidden_act": "relu2", "attention_bias": c.bias.qkv, "mlp_bias": c.bias.mlp}))
    }),
    ..BASE
};
