//! DeepSeek V2 and V3: latent attention, and experts after the first layers, of which a token uses some in some groups;
//! shared experts without a gate of their own.

use laser_checkpoint::Value;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::{Alias, Family};
use super::glm_moe::{
    CORRECTION, EXPERTS, ExpertDefaults, GGUF_CORRECTION, expert_keys, gguf_experts, leading_dense_layers,
    read_corrected_experts, read_gguf_experts, read_leading_dense_layers,
};
use super::latent::{
    GGUF_LATENT_ATTENTION, GGUF_LATENT_NORMS, LATENT_ATTENTION, LATENT_NORMS, LatentDefaults, gguf_latent, latent_keys,
    read_gguf_latent, read_latent_keys,
};
use super::llama::{BASE, GGUF, GGUF_EXPERTS, GGUF_MLP, GGUF_ROLES, HF, MLP, ROLES};
use super::qwen_moe::GGUF_SHARED;
use super::tensor_names::TensorNames;
use crate::config::{GgufKeys, HfKeys, ModelConfig};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, Gate, KeyValueA, KeyValueB, O, Q, QueryA, QueryB, Up};

/// The names of matrices in the reference code; a model has only one kind of query matrices.
pub(super) const ALIASES: &[Alias] = &[
    ("fc_in", &[Gate]),
    ("fc_up", &[Up]),
    ("fc_out", &[Down]),
    ("out_proj", &[O]),
    ("mlp", &[Gate, Up, Down]),
    ("attn", &[Q, QueryA, QueryB, KeyValueA, KeyValueB, O]),
    ("all", &[Q, QueryA, QueryB, KeyValueA, KeyValueB, O, Gate, Up, Down]),
    ("kv_a_proj_with_mqa", &[KeyValueA]),
];

/// Tensor names in safetensors files. The rotated rows of queries and keys are in pairs.
pub(super) const NAMES: TensorNames = TensorNames {
    roles: &[ROLES, LATENT_NORMS, CORRECTION],
    matrices: &[LATENT_ATTENTION, MLP, EXPERTS],
    rotary_pairs: true,
    ..HF
};

const GGUF_NAMES: TensorNames = TensorNames {
    roles: &[GGUF_ROLES, GGUF_LATENT_NORMS, GGUF_CORRECTION],
    matrices: &[GGUF_LATENT_ATTENTION, GGUF_MLP, GGUF_EXPERTS, GGUF_SHARED],
    rotary_pairs: true,
    ..GGUF
};

pub(super) static DEEPSEEK_V3: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "DeepSeek V3",
        model_type: "deepseek_v3",
        class: "DeepseekV3ForCausalLM",
        tensor_names: &NAMES,
        aliases: &[ALIASES],
    },
    // The width of a head is the sum of two keys, so that this one counts for nothing.
    default_sizes: &[("head_dim", 64)],
    read_config_json: |keys, c| {
        read_router_keys(keys, "sigmoid")?;
        keys.only_text("topk_method", "noaux_tc")?;
        keys.only("rope_interleave", true)?;
        read_corrected_experts(
            keys,
            c,
            ExpertDefaults { count: 256, per_token: 8, d_expert: 2048, scale: 2.5, groups: (8, 4) },
        )?;
        read_leading_dense_layers(keys, c, 3)?;
        read_latent_keys(keys, c, LatentDefaults { query_rank: 1536, d_plain: 128, d_value: 128 })
    },
    gguf: Some(GgufFormat {
        name: "deepseek2",
        read_metadata: |keys, c| {
            read_gguf_experts(keys, c)?;
            read_gguf_shared_keys(keys, c)
        },
        write_metadata: |c| gguf_keys(c, gguf_experts(c)),
        tensor_names: &GGUF_NAMES,
    }),
    write_config_json: Some(|c| {
        let mut keys = expert_keys(c)?;
        keys["first_k_dense_replace"] = leading_dense_layers(c).into();
        merge(&mut keys, latent_keys(c)?);
        Ok(keys)
    }),
    ..BASE
};

/// Reads the keys about routers that the published files have and of which the classes implement one value.
fn read_router_keys(keys: &HfKeys<'_>, scores: &str) -> Result<()> {
    keys.only_text("scoring_func", scores)?;
    match keys.count_or("moe_layer_freq", 1)? {
        1 => Ok(()),
        found => Err(keys.wrong("moe_layer_freq", 1, found)),
    }
}

/// Reads the metadata that both models have.
fn read_gguf_shared_keys(keys: &GgufKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    if let Some(experts) = &mut c.mlp.experts {
        // Converters leave the key out where it is false.
        experts.normalised = keys.flag_or("expert_weights_norm", false)?;
    }
    read_gguf_latent(keys, c)
}

/// The metadata of both models, with those about their experts.
fn gguf_keys(c: &ModelConfig, mut experts: Vec<(String, Value)>) -> Vec<(String, Value)> {
    experts.extend(gguf_latent(c));
    experts
}

/// Adds the keys of one JSON object to another.
fn merge(keys: &mut serde_json::Value, more: serde_json::Value) {
    if let (Some(keys), serde_json::Value::Object(more)) = (keys.as_object_mut(), more) {
        keys.extend(more);
    }
}
