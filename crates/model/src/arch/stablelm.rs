//! StableLM: Llama with layer norms, partly rotated heads, and branches side by side in some models.

use super::llama::{BASE, GGUF, HF, ROLES, read};
use super::{Architecture, Gguf, Names, Role};
use crate::config::{NormKind, QkNorm, Residual, rope};

const NAMES: Names = Names {
    roles: &[
        &[
            (Role::QueryNorm, "{model}layers.{}.self_attn.q_layernorm.norms.{h}"),
            (Role::KeyNorm, "{model}layers.{}.self_attn.k_layernorm.norms.{h}"),
        ],
        ROLES,
    ],
    ..HF
};

pub(super) static STABLELM: Architecture = Architecture {
    name: "StableLM",
    model_type: "stablelm",
    class: "StableLmForCausalLM",
    block: |c| c.norm = NormKind::Layer,
    hf: |keys, c| {
        read(keys, c, false)?;
        c.norm_eps = keys.number_or("layer_norm_eps", 1e-5)?;
        c.attention.ropes = vec![rope(keys, c, 0.25)?];
        c.bias.qkv = keys.flag_or("use_qkv_bias", false)?;
        if keys.flag_or("use_parallel_residual", false)? {
            c.residual = Residual::Parallel { one_norm: true };
        }
        if keys.flag_or("qk_layernorm", false)? {
            c.attention.qk_norm = Some(QkNorm::EachHead);
        }
        Ok(())
    },
    names: &NAMES,
    gguf: Some(Gguf {
        name: "stablelm",
        read: |keys, c| {
            if keys.flag_or("use_parallel_residual", false)? {
                c.residual = Residual::Parallel { one_norm: true };
            }
            if keys.has_tensor("blk.0.attn_q_norm.weight") {
                c.attention.qk_norm = Some(QkNorm::EachHead);
            }
            Ok(())
        },
        names: &GGUF,
    }),
    to_hf: None,
    ..BASE
};
