//! Qwen2-MoE and Qwen3-MoE: their dense siblings with experts in some layers, beside which one may see every token.

use super::llama::{ATTENTION, BASE, GGUF, GGUF_ATTENTION, GGUF_EXPERTS, GGUF_MLP, GGUF_ROLES, HF, MLP, ROLES, read};
use super::{Architecture, Gguf, Names, Role, Stored, expert, one};
use crate::config::{Experts, GgufKeys, Keys, ModelConfig, QkNorm};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, Gate, Router, SharedDown, SharedGate, SharedUp, Up};

const EXPERTS: &[Stored] = &[
    one("{model}layers.{}.mlp.gate", &[Router]),
    expert("{model}layers.{}.mlp.experts.{e}.gate_proj", &[Gate]),
    expert("{model}layers.{}.mlp.experts.{e}.up_proj", &[Up]),
    expert("{model}layers.{}.mlp.experts.{e}.down_proj", &[Down]),
    one("{model}layers.{}.mlp.shared_expert.gate_proj", &[SharedGate]),
    one("{model}layers.{}.mlp.shared_expert.up_proj", &[SharedUp]),
    one("{model}layers.{}.mlp.shared_expert.down_proj", &[SharedDown]),
];

const GGUF_SHARED: &[Stored] = &[
    one("blk.{}.ffn_gate_shexp", &[SharedGate]),
    one("blk.{}.ffn_up_shexp", &[SharedUp]),
    one("blk.{}.ffn_down_shexp", &[SharedDown]),
];

const NAMES: Names = Names {
    roles: &[ROLES, &[(Role::SharedWeight, "{model}layers.{}.mlp.shared_expert_gate")]],
    matrices: &[ATTENTION, MLP, EXPERTS],
    ..HF
};

const GGUF_NAMES: Names = Names {
    roles: &[GGUF_ROLES, &[(Role::SharedWeight, "blk.{}.ffn_gate_inp_shexp")]],
    matrices: &[GGUF_ATTENTION, GGUF_MLP, GGUF_EXPERTS, GGUF_SHARED],
    ..GGUF
};

pub(super) static QWEN2_MOE: Architecture = Architecture {
    name: "Qwen2-MoE",
    model_type: "qwen2_moe",
    class: "Qwen2MoeForCausalLM",
    hf: |keys, c| {
        c.bias.qkv = keys.flag_or("qkv_bias", true)?;
        experts(keys, c, 60, keys.count_or("shared_expert_intermediate_size", 5632)?)?;
        read(keys, c, true)
    },
    names: &NAMES,
    gguf: Some(Gguf { name: "qwen2moe", read: |keys, c| gguf_experts(keys, c, false), names: &GGUF_NAMES }),
    to_hf: None,
    ..BASE
};

pub(super) static QWEN3_MOE: Architecture = Architecture {
    name: "Qwen3-MoE",
    model_type: "qwen3_moe",
    class: "Qwen3MoeForCausalLM",
    defaults: &[("num_key_value_heads", 4)],
    block: |c| c.attention.qk_norm = Some(QkNorm::Head),
    hf: |keys, c| {
        let biased = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o) = (biased, biased);
        experts(keys, c, 128, 0)?;
        read(keys, c, true)?;
        // Unlike Qwen3's, its window is one of all layers.
        let window = keys.count_or_none("sliding_window")?;
        let slides = keys.flag_or("use_sliding_window", false)?;
        c.attention.layers.iter_mut().for_each(|layer| layer.window = window.filter(|_| slides));
        Ok(())
    },
    names: &NAMES,
    gguf: Some(Gguf { name: "qwen3moe", read: |keys, c| gguf_experts(keys, c, true), names: &GGUF_NAMES }),
    to_hf: None,
    ..BASE
};

/// Experts in every `decoder_sparse_step`th layer that `mlp_only_layers` does not name.
fn experts(keys: &Keys<'_>, c: &mut ModelConfig, count: usize, d_shared: usize) -> Result<()> {
    c.mlp.experts = Some(Experts {
        count: keys.count_of_or_none(&["num_experts", "num_local_experts"])?.unwrap_or(count),
        per_token: keys.count("num_experts_per_tok")?,
        d_expert: keys.count("moe_intermediate_size")?,
        normalised: keys.flag_or("norm_topk_prob", false)?,
        d_shared,
    });
    let step = keys.count_or("decoder_sparse_step", 1)?;
    let dense = keys.ids_or_none("mlp_only_layers")?;
    let has = |layer: usize| (layer + 1).is_multiple_of(step) && !dense.iter().any(|d| *d as usize == layer);
    c.mlp.expert_layers = (0..c.n_layers).map(has).collect();
    Ok(())
}

/// The experts of a GGUF file, whose tensors say which layers have them. It has no key for `norm_topk_prob`:
/// `normalised` is what llama.cpp takes for the family.
fn gguf_experts(keys: &GgufKeys<'_>, c: &mut ModelConfig, normalised: bool) -> Result<()> {
    c.mlp.expert_layers = (0..c.n_layers).map(|l| keys.has_tensor(&format!("blk.{l}.ffn_gate_inp.weight"))).collect();
    let first = c.mlp.expert_layers.iter().position(|has| *has).unwrap_or(0);
    c.mlp.experts = Some(Experts {
        count: keys.count("expert_count")?,
        per_token: keys.count("expert_used_count")?,
        d_expert: match keys.count_or_none("expert_feed_forward_length")? {
            Some(width) => width,
            None => keys.dim_of(&format!("blk.{first}.ffn_gate_exps.weight"), 1),
        },
        normalised,
        d_shared: keys.dim_of(&format!("blk.{first}.ffn_gate_shexp.weight"), 0),
    });
    Ok(())
}
