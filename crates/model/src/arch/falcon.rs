//! Falcon: one key/value head (7B) or groups of heads (40B), branches side by side; the RW models instead have ALiBi,
//! biases, and one branch after the other.

use half::bf16;

use super::bloom::{MATRICES, slopes};
use super::gpt_neox::MEGATRON_ALIASES;
use super::gpt2::{ALIASES, GGUF, GGUF_FUSED, block, read};
use super::llama::{BASE, GGUF_ATTENTION, GGUF_MLP, GGUF_ROLES, HF as LLAMA};
use super::{Architecture, Gguf, Names, Role};
use crate::config::{Activation, Bias, Residual, rope};

const NAMES: Names = Names {
    prefixes: &["transformer."],
    roles: &[&[
        (Role::Embedding, "{model}word_embeddings"),
        (Role::AttentionNorm, "{model}h.{}.ln_attn"),
        (Role::AttentionNorm, "{model}h.{}.input_layernorm"),
        (Role::MlpNorm, "{model}h.{}.ln_mlp"),
        (Role::MlpNorm, "{model}h.{}.post_attention_layernorm"),
        (Role::FinalNorm, "{model}ln_f"),
        (Role::Head, "lm_head"),
    ]],
    matrices: &[MATRICES],
    ..LLAMA
};

/// Of two norms, GGUF calls the MLP's what is attention's where there is one.
const GGUF_NORMS: &[(Role, &str)] = &[(Role::AttentionNorm, "blk.{}.attn_norm_2"), (Role::MlpNorm, "blk.{}.attn_norm")];

pub(super) static FALCON: Architecture = Architecture {
    name: "Falcon",
    model_type: "falcon",
    class: "FalconForCausalLM",
    mlp_ratio: Some(4),
    block: |c| {
        block(c);
        c.residual = Residual::Parallel { one_norm: true };
        c.mlp.activation = Activation::Gelu;
        c.bias = Bias::default();
    },
    hf: |keys, c| {
        read(keys, c, "gelu")?;
        let new = keys.flag_or("new_decoder_architecture", false)?;
        if !new {
            c.n_kv_heads = if keys.flag_or("multi_query", true)? { 1 } else { c.n_heads };
        }
        let parallel = keys.flag_or("parallel_attn", true)?;
        if new && !parallel {
            return Err(keys.wrong("parallel_attn", "true beside new_decoder_architecture", false));
        }
        let norms = keys.count_or("num_ln_in_parallel_attn", if new { 2 } else { 1 })?;
        if norms > 2 || (norms == 2 && !new) {
            return Err(keys.wrong("num_ln_in_parallel_attn", "1, or 2 beside new_decoder_architecture", norms));
        }
        c.residual = match parallel {
            true => Residual::Parallel { one_norm: norms == 1 },
            false => Residual::PreNorm,
        };
        let biased = keys.flag_or("bias", false)?;
        c.bias = Bias { qkv: biased, o: biased, mlp: biased };
        c.attention.ropes = vec![rope(keys, c, 1.0)?];
        if keys.flag_or("alibi", false)? {
            c.without_rope();
            c.attention.slopes = Some(slopes(c.n_heads).into_iter().map(|s| bf16::from_f32(s).to_f32()).collect());
            c.attention.coarse_slopes = true;
        }
        Ok(())
    },
    names: &NAMES,
    gguf: Some(Gguf {
        name: "falcon",
        read: |keys, c| {
            c.residual = Residual::Parallel { one_norm: !keys.has_tensor("blk.0.attn_norm_2.weight") };
            Ok(())
        },
        names: &Names { roles: &[GGUF_NORMS, GGUF_ROLES], matrices: &[GGUF_ATTENTION, GGUF_FUSED, GGUF_MLP], ..GGUF },
    }),
    to_hf: None,
    aliases: &[ALIASES, MEGATRON_ALIASES],
    ..BASE
};
