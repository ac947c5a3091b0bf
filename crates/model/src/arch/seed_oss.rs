//! Seed-OSS: Llama with biases of queries, keys and values, and a width of heads of its own.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{BASE, GGUF, GGUF_ROLES, read_common_keys};
use super::tensor_names::{TensorNames, TensorRole};

/// GGUF names the norm of the MLP's input as a norm after attention.
const GGUF_NAMES: TensorNames =
    TensorNames { roles: &[GGUF_ROLES, &[(TensorRole::MlpNorm, "blk.{}.post_attention_norm")]], ..GGUF };

pub(super) static SEED_OSS: FamilyDefinition = FamilyDefinition {
    family: Family { name: "Seed-OSS", model_type: "seed_oss", class: "SeedOssForCausalLM", ..BASE.family },
    default_sizes: &[("num_key_value_heads", 8), ("head_dim", 128)],
    read_config_json: |keys, c| {
        c.bias.qkv = keys.flag_or("attention_bias", true)?;
        c.bias.o = keys.flag_or("attention_out_bias", false)?;
        c.bias.mlp = keys.flag_or("mlp_bias", false)?;
        read_common_keys(keys, c)
    },
    gguf: Some(GgufFormat {
        name: "seed_oss",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF_NAMES,
    }),
    write_config_json: Some(|c| {
        Ok(json!({"attention_bias": c.bias.qkv, "attention_out_bias": c.bias.o, "mlp_bias": c.bias.mlp}))
    }),
    ..BASE
};
