//! Mixtral: Mistral with experts instead of the MLP in every layer.

use laser_checkpoint::Value;
use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{ATTENTION, BASE, GGUF_PAIRS, HF, read_common_keys};
use super::tensor_names::{StoredTensor, TensorNames, expert, one};
use crate::config::{Experts, ModelConfig, RopeDefaults, count, read_rope, read_window};
use crate::weight_id::WeightKind::{Down, Gate, Router, Up};

/// Names of the matrices of experts.
pub(super) const EXPERTS: &[StoredTensor] = &[
    one("{model}layers.{}.block_sparse_moe.gate", &[Router]),
    expert("{model}layers.{}.block_sparse_moe.experts.{e}.w1", &[Gate]),
    expert("{model}layers.{}.block_sparse_moe.experts.{e}.w3", &[Up]),
    expert("{model}layers.{}.block_sparse_moe.experts.{e}.w2", &[Down]),
];

pub(super) static MIXTRAL: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Mixtral",
        model_type: "mixtral",
        class: "MixtralForCausalLM",
        tensor_names: &TensorNames { matrices: &[ATTENTION, EXPERTS], ..HF },
        ..BASE.family
    },
    default_sizes: &[("num_key_value_heads", 8)],
    read_config_json: |keys, c| {
        set_experts(c, keys.count_or("num_local_experts", 8)?, keys.count_or("num_experts_per_tok", 2)?, true);
        read_common_keys(keys, c)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { theta: 1e6, ..RopeDefaults::USUAL })?];
        read_window(keys, c, None)
    },
    gguf: Some(GgufFormat {
        name: "llama", // as Llama; `registry.rs` tells them apart
        read_metadata: |keys, c| {
            set_experts(c, keys.count("expert_count")?, keys.count("expert_used_count")?, true);
            Ok(())
        },
        write_metadata: |c| expert_counts(c),
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| {
        let experts = c.mlp.experts.ok_or("a number of experts")?;
        Ok(json!({
            "num_local_experts": experts.count,
            "num_experts_per_tok": experts.per_token,
            "sliding_window": c.attention.layers[0].window,
        }))
    }),
    ..BASE
};

/// The numbers of experts of a layer and of a token, in GGUF.
pub(super) fn expert_counts(c: &ModelConfig) -> Vec<(String, Value)> {
    let experts = c.mlp.experts.into_iter();
    experts.flat_map(|e| [count("expert_count", e.count), count("expert_used_count", e.per_token)]).collect()
}

/// Sets experts in all layers. An expert is as wide as the MLP of the configuration. `normalised`: as in [`Experts`].
pub(super) fn set_experts(c: &mut ModelConfig, count: usize, per_token: usize, normalised: bool) {
    c.mlp.experts = Some(Experts { normalised, ..Experts::new(count, per_token, c.d_mlp) });
    c.mlp.expert_layers = vec![true; c.n_layers];
}
