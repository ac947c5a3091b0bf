//! GLM-4.5 to 4.7: Llama with partly rotated heads, and experts after the first layers, which a sigmoid router with
//! corrections chooses; a shared expert without a gate of its own.

use laser_checkpoint::Value;
use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::read_common_keys;
use super::llama::{ATTENTION, BASE, GGUF, GGUF_ATTENTION, GGUF_EXPERTS, GGUF_MLP, GGUF_ROLES, HF, MLP, ROLES};
use super::qwen_moe::{GGUF_SHARED, read_gguf_expert_sizes, write_gguf_experts};
use super::tensor_names::{StoredTensor, TensorNames, TensorRole, expert, one};
use crate::config::{
    ExpertGroups, ExpertScores, Experts, GgufKeys, HfKeys, ModelConfig, QkNorm, RopeDefaults, count, number, read_rope,
    shortest,
};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, Gate, Router, SharedDown, SharedGate, SharedUp, Up};

/// Names of the matrices of experts and of the shared expert.
pub(super) const EXPERTS: &[StoredTensor] = &[
    one("{model}layers.{}.mlp.gate", &[Router]),
    expert("{model}layers.{}.mlp.experts.{e}.gate_proj", &[Gate]),
    expert("{model}layers.{}.mlp.experts.{e}.up_proj", &[Up]),
    expert("{model}layers.{}.mlp.experts.{e}.down_proj", &[Down]),
    one("{model}layers.{}.mlp.shared_experts.gate_proj", &[SharedGate]),
    one("{model}layers.{}.mlp.shared_experts.up_proj", &[SharedUp]),
    one("{model}layers.{}.mlp.shared_experts.down_proj", &[SharedDown]),
];

/// GGUF name of the corrections of experts.
pub(super) const GGUF_CORRECTION: &[(TensorRole, &str)] = &[(TensorRole::ExpertCorrection, "blk.{}.exp_probs_b")];

/// GGUF names of the matrices of a model with experts and a shared expert.
pub(super) const GGUF_MATRICES: &[&[StoredTensor]] = &[GGUF_ATTENTION, GGUF_MLP, GGUF_EXPERTS, GGUF_SHARED];

/// Name of the corrections of experts.
pub(super) const CORRECTION: &[(TensorRole, &str)] =
    &[(TensorRole::ExpertCorrection, "{model}layers.{}.mlp.gate.e_score_correction_bias$")];

/// Number of experts whose scores make the score of a group.
const SUMMED: usize = 2;

/// Numbers of the functions of routers in GGUF.
const SOFTMAX: u32 = 1;
const SIGMOID: u32 = 2;

pub(super) static GLM4_MOE: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "GLM-4.5",
        model_type: "glm4_moe",
        class: "Glm4MoeForCausalLM",
        tensor_names: &TensorNames { roles: &[ROLES, CORRECTION], matrices: &[ATTENTION, MLP, EXPERTS], ..HF },
        ..BASE.family
    },
    default_sizes: &[("num_key_value_heads", 8), ("head_dim", 128)],
    read_config_json: |keys, c| {
        c.bias.qkv = keys.flag_or("attention_bias", false)?;
        if keys.flag_or("use_qk_norm", false)? {
            c.attention.qk_norm = Some(QkNorm::Head);
        }
        read_corrected_experts(keys, c, DEFAULTS)?;
        read_leading_dense_layers(keys, c, 1)?;
        read_common_keys(keys, c)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { partial: Some(0.5), ..RopeDefaults::USUAL })?];
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "glm4moe",
        read_metadata: |keys, c| {
            if keys.has_tensor("blk.0.attn_q_norm.weight") {
                c.attention.qk_norm = Some(QkNorm::Head);
            }
            read_gguf_experts(keys, c)
        },
        write_metadata: gguf_experts,
        tensor_names: &TensorNames {
            // GGUF names the norm of the MLP's input as a norm after attention.
            roles: &[GGUF_ROLES, &[(TensorRole::MlpNorm, "blk.{}.post_attention_norm")], GGUF_CORRECTION],
            matrices: GGUF_MATRICES,
            ..GGUF
        },
    }),
    write_config_json: Some(|c| {
        let mut keys = expert_keys(c)?;
        keys["attention_bias"] = c.bias.qkv.into();
        keys["use_qk_norm"] = c.attention.qk_norm.is_some().into();
        keys["partial_rotary_factor"] = c.attention.ropes[0].fraction_of(c.d_head).into();
        keys["first_k_dense_replace"] = leading_dense_layers(c).into();
        Ok(keys)
    }),
    ..BASE
};

/// Sizes of experts that a family's class takes for keys that a file leaves out.
#[derive(Clone, Copy)]
pub(super) struct ExpertDefaults {
    pub(super) count: usize,
    pub(super) per_token: usize,
    pub(super) d_expert: usize,
    pub(super) scale: f64,
    /// Number of groups, and of groups that a token uses.
    pub(super) groups: (usize, usize),
}

const DEFAULTS: ExpertDefaults =
    ExpertDefaults { count: 128, per_token: 8, d_expert: 1408, scale: 1.0, groups: (1, 1) };

/// Reads experts that a sigmoid router with corrections chooses.
pub(super) fn read_corrected_experts(keys: &HfKeys<'_>, c: &mut ModelConfig, defaults: ExpertDefaults) -> Result<()> {
    let groups = (keys.count_or("n_group", defaults.groups.0)?, keys.count_or("topk_group", defaults.groups.1)?);
    let d_expert = keys.count_or("moe_intermediate_size", defaults.d_expert)?;
    let count = keys.count_or("n_routed_experts", defaults.count)?;
    let per_token = keys.count_or("num_experts_per_tok", defaults.per_token)?;
    c.mlp.experts = Some(Experts {
        normalised: keys.flag_or("norm_topk_prob", true)?,
        scale: keys.number_or("routed_scaling_factor", defaults.scale)?,
        d_shared: d_expert.saturating_mul(keys.size_or("n_shared_experts", 1)?),
        groups: ExpertGroups::new(groups.0, groups.1, SUMMED),
        ..corrected_experts(count, per_token, d_expert)
    });
    Ok(())
}

/// Reads the number of layers before the first one with experts.
pub(super) fn read_leading_dense_layers(keys: &HfKeys<'_>, c: &mut ModelConfig, default: usize) -> Result<()> {
    let dense = keys.size_or("first_k_dense_replace", default)?;
    c.mlp.expert_layers = (0..c.n_layers).map(|layer| layer >= dense).collect();
    Ok(())
}

/// The keys of `config.json` about experts, without those that say which layers have some.
pub(super) fn expert_keys(c: &ModelConfig) -> std::result::Result<serde_json::Value, String> {
    let experts = c.mlp.experts.ok_or("a number of experts")?;
    let groups = experts.groups.map_or((1, 1), |groups| (groups.count, groups.per_token));
    Ok(json!({
        "n_routed_experts": experts.count,
        "num_experts_per_tok": experts.per_token,
        "moe_intermediate_size": experts.d_expert,
        "n_shared_experts": experts.d_shared / experts.d_expert,
        "norm_topk_prob": experts.normalised,
        "routed_scaling_factor": shortest(experts.scale),
        "n_group": groups.0,
        "topk_group": groups.1,
    }))
}

/// Experts that a sigmoid router with corrections chooses.
pub(super) fn corrected_experts(count: usize, per_token: usize, d_expert: usize) -> Experts {
    Experts {
        scores: ExpertScores::Sigmoid,
        corrected: true,
        gated_shared: false,
        ..Experts::new(count, per_token, d_expert)
    }
}

/// Reads the experts from GGUF.
pub(super) fn read_gguf_experts(keys: &GgufKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    let sizes = read_gguf_expert_sizes(keys, c)?;
    c.mlp.experts = Some(Experts {
        d_shared: sizes.d_shared,
        normalised: keys.flag_or("expert_weights_norm", true)?,
        scale: keys.number_or("expert_weights_scale", 1.0)?,
        groups: read_gguf_groups(keys, SUMMED)?,
        ..corrected_experts(sizes.count, sizes.per_token, sizes.d_expert)
    });
    Ok(())
}

/// Reads the groups of experts from GGUF; the `summed` largest scores make the score of a group.
pub(super) fn read_gguf_groups(keys: &GgufKeys<'_>, summed: usize) -> Result<Option<ExpertGroups>> {
    let groups = keys.count_or_none("expert_group_count")?.filter(|count| *count > 0).unwrap_or(1);
    let used = keys.count_or_none("expert_group_used_count")?.filter(|count| *count > 0).unwrap_or(groups);
    Ok(ExpertGroups::new(groups, used, summed))
}

/// The experts in GGUF.
pub(super) fn gguf_experts(c: &ModelConfig) -> Vec<(String, Value)> {
    let mut keys = write_gguf_experts(c);
    if let Some(experts) = c.mlp.experts {
        let function = match experts.scores {
            ExpertScores::Softmax => SOFTMAX,
            ExpertScores::Sigmoid => SIGMOID,
        };
        keys.extend([
            count("expert_shared_count", experts.d_shared / experts.d_expert.max(1)),
            count("leading_dense_block_count", leading_dense_layers(c)),
            ("expert_gating_func".to_owned(), Value::U32(function)),
            number("expert_weights_scale", experts.scale),
            ("expert_weights_norm".to_owned(), Value::Bool(experts.normalised)),
        ]);
        if let Some(groups) = experts.groups {
            keys.extend([
                count("expert_group_count", groups.count),
                count("expert_group_used_count", groups.per_token),
            ]);
        }
    }
    keys
}

/// Number of layers before the first one with experts.
pub(super) fn leading_dense_layers(c: &ModelConfig) -> usize {
    c.mlp.expert_layers.iter().take_while(|has| !**has).count()
}
