//! The Llama family: Llama 2 and 3, SmolLM, Mistral, Qwen2. Pre-norm blocks with RMS norms, half-split rotary
//! positions, grouped-query attention and a SiLU-gated MLP; they differ in biases and windows only.

use serde_json::json;

use super::{Alias, Architecture, Gguf, Names, Role, Stored, all_experts, one};
use crate::config::{Bias, Keys, ModelConfig, activation, rope, windows};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, Gate, K, O, Q, Qkv, Router, Up, V};

pub(super) const ROLES: &[(Role, &str)] = &[
    (Role::Embedding, "{model}embed_tokens"),
    (Role::AttentionNorm, "{model}layers.{}.input_layernorm"),
    (Role::MlpNorm, "{model}layers.{}.post_attention_layernorm"),
    (Role::QueryNorm, "{model}layers.{}.self_attn.q_norm"),
    (Role::KeyNorm, "{model}layers.{}.self_attn.k_norm"),
    (Role::FinalNorm, "{model}norm"),
    (Role::Head, "lm_head"),
];

/// Norms of what the branches give, where a family has them.
pub(super) const POST_NORMS: &[(Role, &str)] = &[
    (Role::AttentionPostNorm, "{model}layers.{}.post_attention_layernorm"),
    (Role::MlpPostNorm, "{model}layers.{}.post_feedforward_layernorm"),
];

pub(super) const ATTENTION: &[Stored] = &[
    one("{model}layers.{}.self_attn.q_proj", &[Q]),
    one("{model}layers.{}.self_attn.k_proj", &[K]),
    one("{model}layers.{}.self_attn.v_proj", &[V]),
    one("{model}layers.{}.self_attn.o_proj", &[O]),
];

pub(super) const MLP: &[Stored] = &[
    one("{model}layers.{}.mlp.gate_proj", &[Gate]),
    one("{model}layers.{}.mlp.up_proj", &[Up]),
    one("{model}layers.{}.mlp.down_proj", &[Down]),
];

pub(super) const HF: Names = Names {
    prefixes: &["model."],
    roles: &[ROLES],
    matrices: &[ATTENTION, MLP],
    transposed: false,
    rotary_pairs: false,
    norm_offset: 0.0,
    // Old Llama checkpoints store the rotary frequencies, which follow from the configuration.
    ignored: &[".rotary_emb.inv_freq"],
};

pub(super) const GGUF_ROLES: &[(Role, &str)] = &[
    (Role::Embedding, "token_embd"),
    (Role::AttentionNorm, "blk.{}.attn_norm"),
    (Role::MlpNorm, "blk.{}.ffn_norm"),
    (Role::QueryNorm, "blk.{}.attn_q_norm"),
    (Role::KeyNorm, "blk.{}.attn_k_norm"),
    (Role::FinalNorm, "output_norm"),
    (Role::Head, "output"),
    (Role::HeadBias, "output"),
];

pub(super) const GGUF_POST_NORMS: &[(Role, &str)] =
    &[(Role::AttentionPostNorm, "blk.{}.post_attention_norm"), (Role::MlpPostNorm, "blk.{}.post_ffw_norm")];

pub(super) const GGUF_ATTENTION: &[Stored] = &[
    one("blk.{}.attn_q", &[Q]),
    one("blk.{}.attn_k", &[K]),
    one("blk.{}.attn_v", &[V]),
    one("blk.{}.attn_output", &[O]),
];

pub(super) const GGUF_MLP: &[Stored] =
    &[one("blk.{}.ffn_gate", &[Gate]), one("blk.{}.ffn_up", &[Up]), one("blk.{}.ffn_down", &[Down])];

/// The experts' matrices, of which Mixtral says that it is a Llama too.
pub(super) const GGUF_EXPERTS: &[Stored] = &[
    one("blk.{}.ffn_gate_inp", &[Router]),
    all_experts("blk.{}.ffn_gate_exps", &[Gate]),
    all_experts("blk.{}.ffn_up_exps", &[Up]),
    all_experts("blk.{}.ffn_down_exps", &[Down]),
];

/// GGUF names of models whose q and k keep the order of Hugging Face.
pub(super) const GGUF: Names = Names {
    prefixes: &[""],
    roles: &[GGUF_ROLES],
    matrices: &[GGUF_ATTENTION, GGUF_MLP, GGUF_EXPERTS],
    transposed: false,
    rotary_pairs: false,
    norm_offset: 0.0,
    // Read by the configuration (Llama 3's rotary scaling), not a weight.
    ignored: &["rope_freqs.weight"],
};

/// GGUF names of models whose q and k llama.cpp stores in rotary pairs.
pub(super) const GGUF_PAIRS: Names = Names { rotary_pairs: true, ..GGUF };

/// The reference code's names (`method.md` §1.3): its `fc_in` is the gate alone.
pub(super) const ALIASES: &[Alias] = &[
    ("fc_in", &[Gate]),
    ("fc_up", &[Up]),
    ("fc_out", &[Down]),
    ("out_proj", &[O]),
    ("mlp", &[Gate, Up, Down]),
    ("attn", &[Q, K, V, O]),
    ("all", &[Q, K, V, O, Gate, Up, Down]),
    ("qkv_proj", &[Qkv]),
];

/// What the families that differ from Llama in little else begin with.
pub(super) const BASE: Architecture = Architecture {
    name: "Llama",
    model_type: "llama",
    class: "LlamaForCausalLM",
    defaults: &[],
    mlp_ratio: None,
    block: |_| (),
    hf: |keys, c| {
        let attention_bias = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o, c.bias.mlp) = (attention_bias, attention_bias, keys.flag_or("mlp_bias", false)?);
        read(keys, c, false)
    },
    names: &HF,
    gguf: Some(Gguf { name: "llama", read: super::mixtral::gguf, names: &GGUF_PAIRS }),
    to_hf: Some(|c| {
        let Some(window) = c.attention.layers[0].window else {
            return match c.bias.qkv == c.bias.o {
                true => Ok(json!({"attention_bias": c.bias.qkv, "mlp_bias": c.bias.mlp})),
                false => Err("attention_bias: the same for q, k, v and o".into()),
            };
        };
        // GGUF calls Mistral `llama`; among the Hugging Face classes, only Mistral's has a window.
        if c.bias != Bias::default() {
            return Err("biases: none beside a window".into());
        }
        Ok(json!({"model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": window}))
    }),
    aliases: &[ALIASES],
};

/// What the configurations of the family have in common.
pub(super) fn read(keys: &Keys<'_>, c: &mut ModelConfig, window_is_opt_in: bool) -> Result<()> {
    c.norm_eps = keys.number_or("rms_norm_eps", 1e-6)?;
    c.mlp.activation = activation(keys, "silu")?;
    c.head.tied = keys.flag_or("tie_word_embeddings", false)?;
    c.attention.ropes = vec![rope(keys, c, 1.0)?];
    windows(keys, c, window_is_opt_in)
}

pub(super) static LLAMA: Architecture = BASE;

pub(super) static MISTRAL: Architecture = Architecture {
    name: "Mistral",
    model_type: "mistral",
    class: "MistralForCausalLM",
    hf: |keys, c| read(keys, c, false),
    gguf: None, // GGUF calls it `llama`
    ..BASE
};

pub(super) static QWEN2: Architecture = Architecture {
    name: "Qwen2",
    model_type: "qwen2",
    class: "Qwen2ForCausalLM",
    hf: |keys, c| {
        c.bias.qkv = true;
        read(keys, c, true)
    },
    gguf: Some(Gguf { name: "qwen2", read: |_, _| Ok(()), names: &GGUF }),
    to_hf: Some(|c| {
        if c.bias != (Bias { qkv: true, ..Bias::default() }) {
            return Err("biases of q, k and v only".into());
        }
        let window = c.attention.layers[0].window;
        let kinds = c.attention.layers.iter().map(|l| match l.window {
            Some(_) => "sliding_attention",
            None => "full_attention",
        });
        let mut keys = json!({"use_sliding_window": window.is_some(), "sliding_window": window});
        if window.is_some() {
            keys["layer_types"] = kinds.collect();
        }
        Ok(keys)
    }),
    ..BASE
};
