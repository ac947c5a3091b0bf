//! Phi-3, Phi-3.5 and Phi-4: Llama with fused matrices, and in the small Phi-4 partly rotated heads.

use super::llama::{BASE, GGUF, GGUF_ROLES, HF, ROLES, read};
use super::{Architecture, Gguf, Names, fused, one};
use crate::weight_id::WeightKind::{Down, Gate, K, O, Q, Up, V};

const NAMES: Names = Names {
    roles: &[ROLES],
    matrices: &[&[
        fused("{model}layers.{}.self_attn.qkv_proj", &[Q, K, V]),
        one("{model}layers.{}.self_attn.o_proj", &[O]),
        fused("{model}layers.{}.mlp.gate_up_proj", &[Gate, Up]),
        one("{model}layers.{}.mlp.down_proj", &[Down]),
    ]],
    ..HF
};

const GGUF_NAMES: Names = Names {
    roles: &[GGUF_ROLES],
    matrices: &[&[
        fused("blk.{}.attn_qkv", &[Q, K, V]),
        one("blk.{}.attn_output", &[O]),
        fused("blk.{}.ffn_up", &[Gate, Up]),
        one("blk.{}.ffn_down", &[Down]),
    ]],
    // Read by the configuration (LongRoPE), not weights.
    ignored: &["rope_factors_long.weight", "rope_factors_short.weight"],
    ..GGUF
};

pub(super) static PHI3: Architecture = Architecture {
    name: "Phi-3",
    model_type: "phi3",
    class: "Phi3ForCausalLM",
    // `attention_bias` and `mlp_bias` stand in some files and say nothing: the class has no biases.
    hf: |keys, c| {
        read(keys, c, false)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        Ok(())
    },
    names: &NAMES,
    gguf: Some(Gguf { name: "phi3", read: |_, _| Ok(()), names: &GGUF_NAMES }),
    to_hf: None,
    ..BASE
};
