//! DeepSeek V2 and V3: latent attention, and experts after the first layers, of which a token uses some in some groups;
//! shared experts without a gate of their own.

use laser_checkpoint::Value;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::{Alias, Family};
use super::glm_moe::{
    CORRECTION, EXPERTS, ExpertDefaults, GGUF_CORRECTION, expert_keys, gguf_experts, leading_dense_layers,
    read_corrected_experts, read_gguf_experts, read_gguf_groups, read_leading_dense_layers,
};
use super::latent::{
    GGUF_LATENT_ATTENTION, GGUF_LATENT_NORMS, LATENT_ATTENTION, LATENT_NORMS, LatentDefaults, add_latent_keys,
    gguf_latent, read_gguf_latent, read_latent_keys,
};
use super::llama::{BASE, GGUF, GGUF_EXPERTS, GGUF_MLP, GGUF_ROLES, HF, MLP, ROLES};
use super::qwen_moe::{GGUF_SHARED, read_gguf_expert_sizes};
use super::tensor_names::TensorNames;
use crate::config::{ExpertGroups, Experts, GgufKeys, HfKeys, ModelConfig};
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
        add_latent_keys(&mut keys, c)?;
        Ok(keys)
    }),
    ..BASE
};

pub(super) static DEEPSEEK_V2: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "DeepSeek V2",
        model_type: "deepseek_v2",
        class: "DeepseekV2ForCausalLM",
        tensor_names: &NAMES,
        aliases: &[ALIASES],
    },
    default_sizes: &[("head_dim", 64)],
    read_config_json: |keys, c| {
        read_router_keys(keys, "softmax")?;
        keys.only("norm_topk_prob", false)?;
        keys.only("mlp_bias", false)?;
        read_softmax_experts(keys, c)?;
        read_leading_dense_layers(keys, c, 0)?;
        read_latent_keys(keys, c, LatentDefaults { query_rank: 1536, d_plain: 128, d_value: 128 })
    },
    gguf: Some(GgufFormat {
        name: "deepseek2",
        read_metadata: |keys, c| {
            let sizes = read_gguf_expert_sizes(keys, c)?;
            c.mlp.experts = Some(Experts {
                scale: keys.number_or("expert_weights_scale", 1.0)?,
                groups: read_gguf_groups(keys, SUMMED)?,
                gated_shared: false,
                ..sizes
            });
            read_gguf_shared_keys(keys, c)
        },
        write_metadata: |c| gguf_keys(c, gguf_experts(c)),
        tensor_names: &GGUF_NAMES,
    }),
    write_config_json: Some(|c| {
        let mut keys = expert_keys(c)?;
        if c.mlp.experts.is_some_and(|experts| experts.normalised) {
            return Err("weights of experts that do not sum to one".into());
        }
        let grouped = c.mlp.experts.is_some_and(|experts| experts.groups.is_some());
        keys["topk_method"] = if grouped { GROUPED } else { "greedy" }.into();
        keys["first_k_dense_replace"] = leading_dense_layers(c).into();
        add_latent_keys(&mut keys, c)?;
        Ok(keys)
    }),
    ..BASE
};

/// Value of `topk_method` for experts in groups.
const GROUPED: &str = "group_limited_greedy";

/// Number of experts whose scores make the score of a group in DeepSeek V2.
const SUMMED: usize = 1;

/// Reads experts that a softmax router chooses.
fn read_softmax_experts(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    let d_expert = keys.count_or("moe_intermediate_size", 1407)?;
    let groups = match keys.string_or("topk_method", "greedy")?.as_str() {
        "greedy" => None,
        GROUPED => ExpertGroups::new(keys.count("n_group")?, keys.count("topk_group")?, SUMMED),
        other => return Err(keys.wrong("topk_method", format!("greedy or {GROUPED}"), other)),
    };
    c.mlp.experts = Some(Experts {
        scale: keys.number_or("routed_scaling_factor", 1.0)?,
        d_shared: d_expert.saturating_mul(keys.size_or("n_shared_experts", 2)?),
        gated_shared: false,
        groups,
        ..Experts::new(keys.count_or("n_routed_experts", 64)?, keys.count("num_experts_per_tok")?, d_expert)
    });
    Ok(())
}

/// True if the GGUF file is a DeepSeek V2, whose routers have a softmax, as those without the key do.
///
/// # Errors
/// A value that is no count.
pub(super) fn is_gguf_v2(keys: &GgufKeys<'_>) -> Result<bool> {
    Ok(keys.count_or_none("expert_gating_func")?.is_none_or(|function| function < 2))
}

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
