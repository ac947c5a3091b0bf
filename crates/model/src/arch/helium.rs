//! Helium: Llama with rotated rows in pairs.

use super::definition::FamilyDefinition;
use super::family::Family;
use super::llama::{BASE, HF, read_common_keys};
use super::tensor_names::TensorNames;
use crate::config::{RopeDefaults, read_rope};

pub(super) static HELIUM: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Helium",
        model_type: "helium",
        class: "HeliumForCausalLM",
        tensor_names: &TensorNames { rotary_pairs: true, ..HF },
        ..BASE.family
    },
    default_sizes: &[("num_key_value_heads", 20), ("head_dim", 128)],
    read_config_json: |keys, c| {
        c.bias.qkv = keys.flag_or("attention_bias", false)?;
        c.bias.mlp = keys.flag_or("mlp_bias", false)?;
        read_common_keys(keys, c)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-8)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { theta: 100_000.0, ..RopeDefaults::USUAL })?];
        Ok(())
    },
    gguf: None,
    write_config_json: None,
    ..BASE
};
