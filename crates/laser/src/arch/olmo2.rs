//! OLMo 2: Llama with norms of what each branch gives instead of what it takes, and of all queries and keys at once.

use super::llama::{ATTENTION, BASE, GGUF, GGUF_ATTENTION, GGUF_MLP, HF, MLP, read};
use super::{Architecture, Gguf, Names, Role};
use crate::model::config::{QkNorm, Residual};

const NAMES: Names = Names {
    roles: &[&[
        (Role::Embedding, "{model}embed_tokens"),
        (Role::AttentionPostNorm, "{model}layers.{}.post_attention_layernorm"),
        (Role::MlpPostNorm, "{model}layers.{}.post_feedforward_layernorm"),
        (Role::QueryNorm, "{model}layers.{}.self_attn.q_norm"),
        (Role::KeyNorm, "{model}layers.{}.self_attn.k_norm"),
        (Role::FinalNorm, "{model}norm"),
        (Role::Head, "lm_head"),
    ]],
    matrices: &[ATTENTION, MLP],
    ..HF
};

const GGUF_NAMES: Names = Names {
    roles: &[&[
        (Role::Embedding, "token_embd"),
        (Role::AttentionPostNorm, "blk.{}.post_attention_norm"),
        (Role::MlpPostNorm, "blk.{}.post_ffw_norm"),
        (Role::QueryNorm, "blk.{}.attn_q_norm"),
        (Role::KeyNorm, "blk.{}.attn_k_norm"),
        (Role::FinalNorm, "output_norm"),
        (Role::Head, "output"),
    ]],
    matrices: &[GGUF_ATTENTION, GGUF_MLP],
    ..GGUF
};

pub(super) static OLMO2: Architecture = Architecture {
    name: "OLMo 2",
    model_type: "olmo2",
    class: "Olmo2ForCausalLM",
    block: |c| {
        c.residual = Residual::BranchNorm;
        c.attention.qk_norm = Some(QkNorm::All);
    },
    hf: |keys, c| {
        let biased = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o) = (biased, biased);
        read(keys, c, false)?;
        c.norm_eps = keys.number_or("rms_norm_eps", 1e-5)?;
        Ok(())
    },
    names: &NAMES,
    gguf: Some(Gguf { name: "olmo2", read: |_, _| Ok(()), names: &GGUF_NAMES }),
    to_hf: None,
    ..BASE
};
