//! GPT-2: learned positions, layer norms, biases everywhere, an MLP without a gate, matrices stored `[in, out]`; and
//! what the families of its time have in common with it.

use super::llama::{BASE, GGUF as LLAMA_GGUF, GGUF_ATTENTION, GGUF_MLP, GGUF_ROLES};
use super::{Alias, Architecture, Gguf, Names, Role, Stored, fused, one};
use crate::config::{Activation, Bias, Keys, ModelConfig, NormKind, activation};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, K, O, Q, Qkv, Up, V};

/// GPT-2's names but for the matrices.
pub(super) const ROLES: &[(Role, &str)] = &[
    (Role::Embedding, "{model}wte"),
    (Role::Positions, "{model}wpe"),
    (Role::AttentionNorm, "{model}h.{}.ln_1"),
    (Role::MlpNorm, "{model}h.{}.ln_2"),
    (Role::FinalNorm, "{model}ln_f"),
    (Role::Head, "lm_head"),
    (Role::HeadBias, "lm_head"),
];

pub(super) const HF: Names = Names {
    prefixes: &["transformer.", ""],
    roles: &[ROLES],
    matrices: &[&[
        fused("{model}h.{}.attn.c_attn", &[Q, K, V]),
        one("{model}h.{}.attn.c_proj", &[O]),
        one("{model}h.{}.mlp.c_fc", &[Up]),
        one("{model}h.{}.mlp.c_proj", &[Down]),
    ]],
    transposed: true,
    rotary_pairs: false,
    norm_offset: 0.0,
    // The causal mask, stored as if it were learned.
    ignored: &[".attn.bias", ".attn.masked_bias"],
};

/// q, k and v as GGUF stores them where the family has them in one tensor.
pub(super) const GGUF_FUSED: &[Stored] = &[fused("blk.{}.attn_qkv", &[Q, K, V])];

pub(super) const GGUF: Names = Names {
    roles: &[GGUF_ROLES, &[(Role::Positions, "position_embd"), (Role::EmbeddingNorm, "token_embd_norm")]],
    matrices: &[GGUF_ATTENTION, GGUF_FUSED, GGUF_MLP],
    ..LLAMA_GGUF
};

/// The paper's names where the MLP has no gate (`method.md` §1.3).
pub(super) const ALIASES: &[Alias] = &[
    ("fc_in", &[Up]),
    ("fc_out", &[Down]),
    ("out_proj", &[O]),
    ("mlp", &[Up, Down]),
    ("attn", &[Q, K, V, O]),
    ("all", &[Q, K, V, O, Up, Down]),
];

/// What the families of GPT-2's time begin with: layer norms, an MLP without a gate, biases, a tied head.
pub(super) fn block(c: &mut ModelConfig) {
    c.norm = NormKind::Layer;
    c.norm_eps = 1e-5;
    c.mlp.gated = false;
    c.mlp.activation = Activation::GeluTanh;
    c.bias = Bias { qkv: true, o: true, mlp: true };
    c.head.tied = true;
}

/// What their configurations have in common.
pub(super) fn read(keys: &Keys<'_>, c: &mut ModelConfig, default_activation: &str) -> Result<()> {
    let eps = keys.number_or("layer_norm_eps", c.norm_eps)?;
    c.norm_eps = keys.number_or("layer_norm_epsilon", eps)?;
    c.mlp.activation = activation(keys, default_activation)?;
    c.head.tied = keys.flag_or("tie_word_embeddings", c.head.tied)?;
    keys.only("add_cross_attention", false)
}

/// A table of learned positions instead of rotary ones, from row `offset` on.
pub(super) fn learned_positions(c: &mut ModelConfig, offset: usize) {
    c.without_rope();
    c.embedding.position_offset = Some(offset);
}

pub(super) static GPT2: Architecture = Architecture {
    name: "GPT-2",
    model_type: "gpt2",
    class: "GPT2LMHeadModel",
    mlp_ratio: Some(4),
    block: |c| {
        block(c);
        learned_positions(c, 0);
    },
    hf: |keys, c| {
        read(keys, c, "gelu_new")?;
        if !keys.flag_or("scale_attn_weights", true)? {
            c.attention.scale = 1.0;
        }
        keys.only("scale_attn_by_inverse_layer_idx", false)
    },
    names: &HF,
    gguf: Some(Gguf { name: "gpt2", read: |_, _| Ok(()), names: &GGUF }),
    to_hf: None,
    aliases: &[ALIASES, &[("c_attn", &[Qkv]), ("c_fc", &[Up])]],
    ..BASE
};
