//! ERNIE 4.5: Llama with rotated rows in pairs, a tied head, and a width of heads of its own. ERNIE 4.5 MoE: the same with
//! experts in some layers, which a router with corrections chooses.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::glm_moe::{EXPERTS, GGUF_CORRECTION, GGUF_MATRICES};
use super::llama::{ATTENTION, BASE, GGUF_PAIRS, GGUF_ROLES, HF, MLP, ROLES, read_common_keys};
use super::qwen_moe::{read_gguf_expert_sizes, write_gguf_experts};
use super::tensor_names::{TensorNames, TensorRole};
use crate::config::{Bias, Experts, HfKeys, ModelConfig, RopeDefaults, count, head_is_tied, read_rope};
use crate::error::Result;

pub(super) static ERNIE4_5: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "ERNIE 4.5",
        model_type: "ernie4_5",
        class: "Ernie4_5ForCausalLM",
        tensor_names: &TensorNames { rotary_pairs: true, ..HF },
        ..BASE.family
    },
    default_sizes: &[("num_key_value_heads", 2), ("head_dim", 128)],
    read_config_json: |keys, c| {
        let biased = keys.flag_or("use_bias", false)?;
        c.bias = Bias { qkv: biased, o: biased, mlp: biased, router: false };
        read_shared_keys(keys, c)
    },
    gguf: Some(GgufFormat {
        name: "ernie4_5",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| match c.bias {
        Bias { qkv, o, mlp, .. } if qkv == o && o == mlp => Ok(json!({"use_bias": qkv})),
        _ => Err("the same for all matrices".into()),
    }),
    ..BASE
};

pub(super) static ERNIE4_5_MOE: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "ERNIE 4.5 MoE",
        model_type: "ernie4_5_moe",
        class: "Ernie4_5_MoeForCausalLM",
        tensor_names: &TensorNames {
            roles: &[
                ROLES,
                &[(TensorRole::ExpertCorrection, "{model}layers.{}.mlp.moe_statics.e_score_correction_bias$")],
            ],
            matrices: &[ATTENTION, MLP, EXPERTS],
            rotary_pairs: true,
            ..HF
        },
        ..BASE.family
    },
    default_sizes: &[("num_key_value_heads", 4)],
    read_config_json: |keys, c| {
        keys.only("use_bias", false)?;
        read_experts(keys, c)?;
        read_shared_keys(keys, c)
    },
    gguf: Some(GgufFormat {
        name: "ernie4_5-moe",
        read_metadata: |keys, c| {
            let sizes = read_gguf_expert_sizes(keys, c)?;
            c.mlp.experts = Some(Experts { d_shared: sizes.d_shared, ..corrected(sizes) });
            Ok(())
        },
        write_metadata: |c| {
            let first = c.mlp.expert_layers.iter().position(|has| *has).unwrap_or(c.n_layers);
            let mut keys = write_gguf_experts(c);
            keys.extend([count("leading_dense_block_count", first), count("interleave_moe_layer_step", 1)]);
            keys
        },
        tensor_names: &TensorNames { roles: &[GGUF_ROLES, GGUF_CORRECTION], matrices: GGUF_MATRICES, ..GGUF_PAIRS },
    }),
    // The corrections have another shape in the files of the class.
    write_config_json: None,
    ..BASE
};

/// Reads the keys that both models have.
fn read_shared_keys(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    read_common_keys(keys, c)?;
    c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
    c.head.tied = head_is_tied(keys, true)?;
    c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { theta: 500_000.0, ..RopeDefaults::USUAL })?];
    Ok(())
}

/// Reads the experts: from layer `moe_layer_start_index` to `moe_layer_end_index`, in layers whose number, counted from 1,
/// `moe_layer_interval` divides.
fn read_experts(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    let (experts, per_token) = (keys.count_or("moe_num_experts", 64)?, keys.count_or("moe_k", 6)?);
    let sizes = Experts::new(experts, per_token, keys.count_or("moe_intermediate_size", 1536)?);
    let d_shared = sizes.d_expert.saturating_mul(keys.size_or("moe_num_shared_experts", 2)?);
    c.mlp.experts = Some(Experts { d_shared, ..corrected(sizes) });
    keys.number_or("moe_norm_min", 1e-12)?; // least sum of probabilities, which no sum of softmax probabilities reaches
    let (first, interval) = (keys.size_or("moe_layer_start_index", 1)?, keys.count_or("moe_layer_interval", 1)?);
    let last = match keys.integers_or_none("moe_layer_end_index")?.first() {
        Some(last) => usize::try_from(*last).unwrap_or(usize::MAX), // -1 for the last layer
        None => usize::MAX,
    };
    let has = |layer: usize| (first..=last).contains(&layer) && (layer + 1).is_multiple_of(interval);
    c.mlp.expert_layers = (0..c.n_layers).map(has).collect();
    Ok(())
}

/// Experts of these sizes that a softmax router with corrections chooses.
fn corrected(sizes: Experts) -> Experts {
    Experts { normalised: true, corrected: true, gated_shared: false, ..sizes }
}
