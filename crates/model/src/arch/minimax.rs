//! MiniMax-M2: Llama with partly rotated heads, norms of queries and keys over all heads together, and experts in every
//! layer, which a sigmoid router with corrections chooses.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::glm_moe::{GGUF_CORRECTION, GGUF_MATRICES, corrected_experts, gguf_experts, read_gguf_experts};
use super::llama::{ATTENTION, BASE, GGUF, GGUF_ROLES, HF, ROLES, read_common_keys};
use super::mixtral::EXPERTS;
use super::tensor_names::{TensorNames, TensorRole};
use crate::config::{Experts, QkNorm, RopeDefaults, read_rope};

pub(super) static MINIMAX_M2: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "MiniMax-M2",
        model_type: "minimax_m2",
        class: "MiniMaxM2ForCausalLM",
        tensor_names: &TensorNames {
            roles: &[
                ROLES,
                &[(TensorRole::ExpertCorrection, "{model}layers.{}.block_sparse_moe.e_score_correction_bias$")],
            ],
            matrices: &[ATTENTION, EXPERTS],
            ..HF
        },
        ..BASE.family
    },
    default_sizes: &[("num_key_value_heads", 8), ("head_dim", 128)],
    set_block: |c| c.attention.qk_norm = Some(QkNorm::All),
    read_config_json: |keys, c| {
        // Keys of the published files, with the only values that the class implements.
        ["use_qk_norm", "use_routing_bias"].into_iter().try_for_each(|key| keys.only(key, true))?;
        keys.only_text("qk_norm_type", "per_layer")?;
        keys.only_text("scoring_func", "sigmoid")?;
        let (count, per_token) = (keys.count_or("num_local_experts", 256)?, keys.count_or("num_experts_per_tok", 8)?);
        c.mlp.experts = Some(Experts { normalised: true, ..corrected_experts(count, per_token, c.d_mlp) });
        c.mlp.expert_layers = vec![true; c.n_layers];
        read_common_keys(keys, c)?;
        let partial = keys.count_or("rotary_dim", c.d_head)? as f64 / c.d_head as f64;
        let defaults = RopeDefaults { theta: 5e6, partial: Some(partial) };
        c.attention.ropes = vec![read_rope(keys, c, defaults)?];
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "minimax-m2",
        read_metadata: read_gguf_experts,
        write_metadata: gguf_experts,
        tensor_names: &TensorNames { roles: &[GGUF_ROLES, GGUF_CORRECTION], matrices: GGUF_MATRICES, ..GGUF },
    }),
    write_config_json: Some(|c| {
        let experts = c.mlp.experts.ok_or("a number of experts")?;
        Ok(json!({
            "num_local_experts": experts.count,
            "num_experts_per_tok": experts.per_token,
            "rotary_dim": c.attention.ropes[0].dim,
            "partial_rotary_factor": c.attention.ropes[0].fraction_of(c.d_head),
        }))
    }),
    ..BASE
};
