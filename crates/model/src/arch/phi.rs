//! Phi-1, Phi-1.5 and Phi-2: both branches read one norm, heads are partly rotated, everything has a bias. The older
//! files (`phi-msft`) name the tensors otherwise and store q, k and v in one.

use super::gpt2::{ALIASES, GGUF, block, read};
use super::llama::{BASE, HF as LLAMA};
use super::{Alias, Architecture, Gguf, Names, Role, fused, one};
use crate::config::{ModelConfig, QkNorm, Residual, rope};
use crate::rope::{Rope, RopeScaling};
use crate::weight_id::WeightKind::{Down, K, O, Q, Qkv, Up, V};

const NAMES: Names = Names {
    roles: &[&[
        (Role::Embedding, "{model}embed_tokens"),
        (Role::AttentionNorm, "{model}layers.{}.input_layernorm"),
        (Role::QueryNorm, "{model}layers.{}.self_attn.q_layernorm"),
        (Role::KeyNorm, "{model}layers.{}.self_attn.k_layernorm"),
        (Role::FinalNorm, "{model}final_layernorm"),
        (Role::Head, "lm_head"),
        (Role::HeadBias, "lm_head"),
    ]],
    matrices: &[&[
        one("{model}layers.{}.self_attn.q_proj", &[Q]),
        one("{model}layers.{}.self_attn.k_proj", &[K]),
        one("{model}layers.{}.self_attn.v_proj", &[V]),
        one("{model}layers.{}.self_attn.dense", &[O]),
        one("{model}layers.{}.mlp.fc1", &[Up]),
        one("{model}layers.{}.mlp.fc2", &[Down]),
    ]],
    ..LLAMA
};

const OLD_NAMES: Names = Names {
    prefixes: &["transformer."],
    roles: &[&[
        (Role::Embedding, "{model}embd.wte"),
        (Role::AttentionNorm, "{model}h.{}.ln"),
        (Role::FinalNorm, "lm_head.ln"),
        (Role::Head, "lm_head.linear"),
        (Role::HeadBias, "lm_head.linear"),
    ]],
    matrices: &[&[
        fused("{model}h.{}.mixer.Wqkv", &[Q, K, V]),
        one("{model}h.{}.mixer.out_proj", &[O]),
        one("{model}h.{}.mlp.fc1", &[Up]),
        one("{model}h.{}.mlp.fc2", &[Down]),
    ]],
    ignored: &[".mixer.rotary_emb.", ".mixer.inner_attn.", ".mixer.inner_cross_attn."],
    ..LLAMA
};

/// The paper's code was written for these files, and edits their fused q, k and v as one matrix.
const OLD_ALIASES: &[Alias] = &[
    ("fc_in", &[Up]),
    ("fc_out", &[Down]),
    ("out_proj", &[O]),
    ("mlp", &[Up, Down]),
    ("attn", &[Qkv, O]),
    ("all", &[Qkv, O, Up, Down]),
    ("Wqkv", &[Qkv]),
    ("fc1", &[Up]),
    ("fc2", &[Down]),
];

fn parallel(c: &mut ModelConfig) {
    block(c);
    c.residual = Residual::Parallel { one_norm: true };
    (c.head.tied, c.head.bias) = (false, true);
}

pub(super) static PHI: Architecture = Architecture {
    name: "Phi",
    model_type: "phi",
    class: "PhiForCausalLM",
    block: parallel,
    hf: |keys, c| {
        read(keys, c, "gelu_new")?;
        if keys.flag_or("qk_layernorm", false)? {
            c.attention.qk_norm = Some(QkNorm::Head);
        }
        c.attention.ropes = vec![rope(keys, c, 0.5)?];
        Ok(())
    },
    names: &NAMES,
    gguf: Some(Gguf { name: "phi2", read: |_, _| Ok(()), names: &GGUF }),
    to_hf: None,
    aliases: &[ALIASES, &[("dense", &[O]), ("fc1", &[Up]), ("fc2", &[Down])]],
    ..BASE
};

pub(super) static PHI_MSFT: Architecture = Architecture {
    name: "Phi (older files)",
    model_type: "phi-msft",
    class: "PhiForCausalLM",
    mlp_ratio: Some(4),
    block: parallel,
    hf: |keys, c| {
        read(keys, c, "gelu_new")?;
        let dim = keys.count_or("rotary_dim", 32)?.min(c.d_head);
        c.attention.ropes = vec![Rope { theta: 10_000.0, dim, scaling: RopeScaling::Default }];
        Ok(())
    },
    names: &OLD_NAMES,
    gguf: None, // GGUF calls it `phi2`
    to_hf: None,
    aliases: &[OLD_ALIASES],
    ..BASE
};
