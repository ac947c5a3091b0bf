//! Phi-3, Phi-3.5 and Phi-4: Llama with fused matrices, and partly rotated heads in the small Phi-4.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::llama::{BASE, GGUF, GGUF_ROLES, HF, ROLES, read_common_keys};
use super::tensor_names::{TensorNames, fused, one};
use crate::config::{RopeDefaults, read_rope, read_window};
use crate::rope::RopeScaling;
use crate::weight_id::WeightKind::{Down, Gate, K, O, Q, Up, V};

const NAMES: TensorNames = TensorNames {
    roles: &[ROLES],
    matrices: &[&[
        fused("{model}layers.{}.self_attn.qkv_proj", &[Q, K, V]),
        one("{model}layers.{}.self_attn.o_proj", &[O]),
        fused("{model}layers.{}.mlp.gate_up_proj", &[Gate, Up]),
        one("{model}layers.{}.mlp.down_proj", &[Down]),
    ]],
    ..HF
};

const GGUF_NAMES: TensorNames = TensorNames {
    roles: &[GGUF_ROLES],
    matrices: &[&[
        fused("blk.{}.attn_qkv", &[Q, K, V]),
        one("blk.{}.attn_output", &[O]),
        fused("blk.{}.ffn_up", &[Gate, Up]),
        one("blk.{}.ffn_down", &[Down]),
    ]],
    // Part of the configuration (LongRoPE), not weights.
    ignored: &["rope_factors_long.weight", "rope_factors_short.weight"],
    ..GGUF
};

pub(super) static PHI3: FamilyDefinition = FamilyDefinition {
    family: Family { name: "Phi-3", model_type: "phi3", class: "Phi3ForCausalLM", tensor_names: &NAMES, ..BASE.family },
    // `attention_bias` and `mlp_bias` occur in some files without effect: transformers' class has no biases.
    read_config_json: |keys, c| {
        read_common_keys(keys, c)?;
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults { partial: Some(1.0), ..RopeDefaults::USUAL })?];
        read_window(keys, c, None)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "phi3",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF_NAMES,
    }),
    write_config_json: Some(|c| {
        let rope = &c.attention.ropes[0];
        let original = match rope.scaling {
            RopeScaling::LongRope { original_context, .. } => original_context,
            _ => c.max_positions,
        };
        Ok(json!({
            "sliding_window": c.attention.layers[0].window,
            "partial_rotary_factor": rope.fraction_of(c.d_head),
            "original_max_position_embeddings": original,
            "head_dim": null,
        }))
    }),
    ..BASE
};
