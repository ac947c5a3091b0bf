//! GPT-NeoX, Pythia: partly rotated heads, q, k and v stored head by head, branches side by side in most models.

use super::gpt2::{ALIASES, GGUF, block, read};
use super::llama::{BASE, HF as LLAMA};
use super::{Alias, Architecture, Gguf, Names, Role, fused_by_head, one};
use crate::config::{Activation, Residual, rope_of};
use crate::weight_id::WeightKind::{Down, K, O, Q, Qkv, Up, V};

const NAMES: Names = Names {
    prefixes: &["gpt_neox."],
    roles: &[&[
        (Role::Embedding, "{model}embed_in"),
        (Role::AttentionNorm, "{model}layers.{}.input_layernorm"),
        (Role::MlpNorm, "{model}layers.{}.post_attention_layernorm"),
        (Role::FinalNorm, "{model}final_layer_norm"),
        (Role::Head, "embed_out"),
    ]],
    matrices: &[&[
        fused_by_head("{model}layers.{}.attention.query_key_value", &[Q, K, V]),
        one("{model}layers.{}.attention.dense", &[O]),
        one("{model}layers.{}.mlp.dense_h_to_4h", &[Up]),
        one("{model}layers.{}.mlp.dense_4h_to_h", &[Down]),
    ]],
    // The causal mask and the rotary frequencies, stored as if they were learned.
    ignored: &[".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"],
    ..LLAMA
};

/// Names of Megatron's files, which BLOOM's and Falcon's follow too.
pub(super) const MEGATRON_ALIASES: &[Alias] =
    &[("query_key_value", &[Qkv]), ("dense", &[O]), ("dense_h_to_4h", &[Up]), ("dense_4h_to_h", &[Down])];

pub(super) static GPT_NEOX: Architecture = Architecture {
    name: "GPT-NeoX",
    model_type: "gpt_neox",
    class: "GPTNeoXForCausalLM",
    block: |c| {
        block(c);
        c.residual = Residual::Parallel { one_norm: false };
        c.mlp.activation = Activation::Gelu;
        c.head.tied = false;
    },
    hf: |keys, c| {
        read(keys, c, "gelu")?;
        if !keys.flag_or("use_parallel_residual", true)? {
            c.residual = Residual::PreNorm;
        }
        let biased = keys.flag_or("attention_bias", true)?;
        (c.bias.qkv, c.bias.o) = (biased, biased);
        let parameters = match keys.object_or_none("rope_parameters")? {
            Some(parameters) => Some(parameters),
            None => keys.object_or_none("rope_scaling")?,
        };
        let theta = keys.number_or("rotary_emb_base", keys.number_or("rope_theta", 10_000.0)?)?;
        let partial = keys.number_or("rotary_pct", keys.number_or("partial_rotary_factor", 0.25)?)?;
        c.attention.ropes = vec![rope_of(keys, parameters, c, theta, partial)?];
        Ok(())
    },
    names: &NAMES,
    gguf: Some(Gguf {
        name: "gptneox",
        read: |keys, c| {
            if !keys.flag_or("use_parallel_residual", true)? {
                c.residual = Residual::PreNorm;
            }
            Ok(())
        },
        names: &GGUF,
    }),
    to_hf: None,
    aliases: &[ALIASES, MEGATRON_ALIASES],
    ..BASE
};
