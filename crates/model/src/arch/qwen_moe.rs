//! Qwen2-MoE and Qwen3-MoE: Qwen2 and Qwen3 with experts in some layers. Qwen2-MoE also has a shared expert for every
//! token.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{
    ATTENTION, BASE, GGUF, GGUF_ATTENTION, GGUF_EXPERTS, GGUF_MLP, GGUF_ROLES, HF, MLP, ROLES, read_common_keys,
};
use super::mixtral::expert_counts;
use super::tensor_names::{StoredTensor, TensorNames, TensorRole, expert, one};
use crate::config::{Experts, GgufKeys, HfKeys, ModelConfig, QkNorm, count, read_opt_in_windows};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, Gate, Router, SharedDown, SharedGate, SharedUp, Up};

const EXPERTS: &[StoredTensor] = &[
    one("{model}layers.{}.mlp.gate", &[Router]),
    expert("{model}layers.{}.mlp.experts.{e}.gate_proj", &[Gate]),
    expert("{model}layers.{}.mlp.experts.{e}.up_proj", &[Up]),
    expert("{model}layers.{}.mlp.experts.{e}.down_proj", &[Down]),
    one("{model}layers.{}.mlp.shared_expert.gate_proj", &[SharedGate]),
    one("{model}layers.{}.mlp.shared_expert.up_proj", &[SharedUp]),
    one("{model}layers.{}.mlp.shared_expert.down_proj", &[SharedDown]),
];

/// GGUF names of the matrices of the shared expert.
pub(super) const GGUF_SHARED: &[StoredTensor] = &[
    one("blk.{}.ffn_gate_shexp", &[SharedGate]),
    one("blk.{}.ffn_up_shexp", &[SharedUp]),
    one("blk.{}.ffn_down_shexp", &[SharedDown]),
];

const NAMES: TensorNames = TensorNames {
    roles: &[ROLES, &[(TensorRole::SharedExpertGate, "{model}layers.{}.mlp.shared_expert_gate")]],
    matrices: &[ATTENTION, MLP, EXPERTS],
    ..HF
};

const GGUF_NAMES: TensorNames = TensorNames {
    roles: &[GGUF_ROLES, &[(TensorRole::SharedExpertGate, "blk.{}.ffn_gate_inp_shexp")]],
    matrices: &[GGUF_ATTENTION, GGUF_MLP, GGUF_EXPERTS, GGUF_SHARED],
    ..GGUF
};

pub(super) static QWEN2_MOE: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Qwen2-MoE",
        model_type: "qwen2_moe",
        class: "Qwen2MoeForCausalLM",
        tensor_names: &NAMES,
        ..BASE.family
    },
    read_config_json: |keys, c| {
        c.bias.qkv = keys.flag_or("qkv_bias", true)?;
        read_experts(keys, c, 60, keys.count_or("shared_expert_intermediate_size", 5632)?)?;
        read_common_keys(keys, c)?;
        read_opt_in_windows(keys, c)
    },
    gguf: Some(GgufFormat {
        name: "qwen2moe",
        read_metadata: |keys, c| read_gguf_experts(keys, c, false),
        write_metadata: write_gguf_experts,
        tensor_names: &GGUF_NAMES,
    }),
    write_config_json: Some(|c| {
        let mut keys = expert_keys(c)?;
        (keys["qkv_bias"], keys["use_sliding_window"]) = (c.bias.qkv.into(), false.into());
        Ok(keys)
    }),
    ..BASE
};

pub(super) static QWEN3_MOE: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Qwen3-MoE",
        model_type: "qwen3_moe",
        class: "Qwen3MoeForCausalLM",
        tensor_names: &NAMES,
        ..BASE.family
    },
    default_sizes: &[("num_key_value_heads", 4)],
    set_block: |c| c.attention.qk_norm = Some(QkNorm::Head),
    read_config_json: |keys, c| {
        let biased = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o) = (biased, biased);
        read_experts(keys, c, 128, 0)?;
        read_common_keys(keys, c)?;
        // Unlike in Qwen3, a window applies to all layers.
        let window = keys.count_or_none("sliding_window")?;
        let slides = keys.flag_or("use_sliding_window", false)?;
        c.attention.layers.iter_mut().for_each(|layer| layer.window = window.filter(|_| slides));
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "qwen3moe",
        read_metadata: |keys, c| read_gguf_experts(keys, c, true),
        write_metadata: write_gguf_experts,
        tensor_names: &GGUF_NAMES,
    }),
    write_config_json: Some(|c| {
        let mut keys = expert_keys(c)?;
        keys["attention_bias"] = c.bias.qkv.into();
        (keys["use_sliding_window"], keys["sliding_window"]) =
            (c.attention.layers[0].window.is_some().into(), c.attention.layers[0].window.into());
        Ok(keys)
    }),
    ..BASE
};

/// Reads the experts: in every layer whose number, counted from 1, is divisible by `decoder_sparse_step`, except for
/// those in `mlp_only_layers`. `count` is the default number of experts, `d_shared` the width of the shared expert.
fn read_experts(keys: &HfKeys<'_>, c: &mut ModelConfig, count: usize, d_shared: usize) -> Result<()> {
    let count = keys.count_of_or_none(&["num_experts", "num_local_experts"])?.unwrap_or(count);
    let (per_token, d_expert) = (keys.count("num_experts_per_tok")?, keys.count("moe_intermediate_size")?);
    let normalised = keys.flag_or("norm_topk_prob", false)?;
    c.mlp.experts = Some(Experts { normalised, d_shared, ..Experts::new(count, per_token, d_expert) });
    let step = keys.count_or("decoder_sparse_step", 1)?;
    let dense = keys.ids_or_none("mlp_only_layers")?;
    let has = |layer: usize| (layer + 1).is_multiple_of(step) && !dense.iter().any(|d| *d as usize == layer);
    c.mlp.expert_layers = (0..c.n_layers).map(has).collect();
    Ok(())
}

/// Reads the experts from a GGUF file; its tensors tell which layers have experts. GGUF has no key for
/// `norm_topk_prob`: `normalised` is the value that llama.cpp uses for the family.
fn read_gguf_experts(keys: &GgufKeys<'_>, c: &mut ModelConfig, normalised: bool) -> Result<()> {
    c.mlp.experts = Some(Experts { normalised, ..read_gguf_expert_sizes(keys, c)? });
    Ok(())
}

/// Reads which layers have experts from a GGUF file, and gives their numbers and widths.
pub(super) fn read_gguf_expert_sizes(keys: &GgufKeys<'_>, c: &mut ModelConfig) -> Result<Experts> {
    c.mlp.expert_layers = (0..c.n_layers).map(|l| keys.has_tensor(&format!("blk.{l}.ffn_gate_inp.weight"))).collect();
    let first = c.mlp.expert_layers.iter().position(|has| *has).unwrap_or(0);
    let d_expert = match keys.count_or_none("expert_feed_forward_length")? {
        Some(width) => width,
        None => keys.dim_of(&format!("blk.{first}.ffn_gate_exps.weight"), 1).unwrap_or(0),
    };
    let d_shared = keys.dim_of(&format!("blk.{first}.ffn_gate_shexp.weight"), 0).unwrap_or(0);
    Ok(Experts { d_shared, ..Experts::new(keys.count("expert_count")?, keys.count("expert_used_count")?, d_expert) })
}

/// Writes the experts to GGUF.
pub(super) fn write_gguf_experts(c: &ModelConfig) -> Vec<(String, laser_checkpoint::Value)> {
    let mut keys = expert_counts(c);
    if let Some(experts) = c.mlp.experts {
        keys.push(count("expert_feed_forward_length", experts.d_expert));
        if experts.d_shared > 0 {
            keys.push(count("expert_shared_feed_forward_length", experts.d_shared));
        }
    }
    keys
}

/// The keys of `config.json` about experts.
fn expert_keys(c: &ModelConfig) -> std::result::Result<serde_json::Value, String> {
    let experts = c.mlp.experts.ok_or("a number of experts")?;
    let dense: Vec<usize> = (0..c.n_layers).filter(|layer| !c.has_experts(*layer)).collect();
    let mut keys = json!({
        "num_experts": experts.count,
        "num_experts_per_tok": experts.per_token,
        "moe_intermediate_size": experts.d_expert,
        "norm_topk_prob": experts.normalised,
        "decoder_sparse_step": 1,
        "mlp_only_layers": dense,
    });
    if experts.d_shared > 0 {
        keys["shared_expert_intermediate_size"] = experts.d_shared.into();
    }
    Ok(keys)
}
