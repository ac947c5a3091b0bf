//! Llama 2 and 3 with SmolLM, Mistral, and Qwen2: pre-norm blocks with RMS norms, rotary positions, grouped-query
//! attention and a SiLU-gated MLP. They differ in biases and windows only. Most other families start from this one
//! ([`BASE`]).

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::{Alias, Family};
use super::tensor_names::{StoredTensor, TensorNames, TensorRole, all_experts, one};
use crate::config::{
    Bias, HfKeys, ModelConfig, RopeDefaults, head_is_tied, layer_types, read_activation, read_opt_in_windows,
    read_rope, read_window,
};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, Gate, K, O, Q, Qkv, Router, Up, V};

/// Llama's names of everything but the matrices of blocks.
pub(super) const ROLES: &[(TensorRole, &str)] = &[
    (TensorRole::Embedding, "{model}embed_tokens"),
    (TensorRole::AttentionNorm, "{model}layers.{}.input_layernorm"),
    (TensorRole::MlpNorm, "{model}layers.{}.post_attention_layernorm"),
    (TensorRole::QueryNorm, "{model}layers.{}.self_attn.q_norm"),
    (TensorRole::KeyNorm, "{model}layers.{}.self_attn.k_norm"),
    (TensorRole::FinalNorm, "{model}norm"),
    (TensorRole::Head, "lm_head"),
];

/// Norms of the outputs of attention and MLP, for families that have them.
pub(super) const POST_NORMS: &[(TensorRole, &str)] = &[
    (TensorRole::AttentionPostNorm, "{model}layers.{}.post_attention_layernorm"),
    (TensorRole::MlpPostNorm, "{model}layers.{}.post_feedforward_layernorm"),
];

/// Llama's matrices of attention.
pub(super) const ATTENTION: &[StoredTensor] = &[
    one("{model}layers.{}.self_attn.q_proj", &[Q]),
    one("{model}layers.{}.self_attn.k_proj", &[K]),
    one("{model}layers.{}.self_attn.v_proj", &[V]),
    one("{model}layers.{}.self_attn.o_proj", &[O]),
];

/// Llama's matrices of the MLP.
pub(super) const MLP: &[StoredTensor] = &[
    one("{model}layers.{}.mlp.gate_proj", &[Gate]),
    one("{model}layers.{}.mlp.up_proj", &[Up]),
    one("{model}layers.{}.mlp.down_proj", &[Down]),
];

/// Llama's tensor names in safetensors files.
pub(super) const HF: TensorNames = TensorNames {
    prefixes: &["model."],
    roles: &[ROLES],
    matrices: &[ATTENTION, MLP],
    transposed: false,
    rotary_pairs: false,
    xielu: None,
    norm_offset: 0.0,
    // Old Llama checkpoints store the rotary frequencies; the configuration determines them.
    ignored: &[".rotary_emb.inv_freq"],
};

/// GGUF names of everything but the matrices of blocks, for all families.
pub(super) const GGUF_ROLES: &[(TensorRole, &str)] = &[
    (TensorRole::Embedding, "token_embd"),
    (TensorRole::AttentionNorm, "blk.{}.attn_norm"),
    (TensorRole::MlpNorm, "blk.{}.ffn_norm"),
    (TensorRole::QueryNorm, "blk.{}.attn_q_norm"),
    (TensorRole::KeyNorm, "blk.{}.attn_k_norm"),
    (TensorRole::FinalNorm, "output_norm"),
    (TensorRole::Head, "output"),
    (TensorRole::HeadBias, "output"),
];

/// GGUF names of norms of the outputs of attention and MLP.
pub(super) const GGUF_POST_NORMS: &[(TensorRole, &str)] =
    &[(TensorRole::AttentionPostNorm, "blk.{}.post_attention_norm"), (TensorRole::MlpPostNorm, "blk.{}.post_ffw_norm")];

/// GGUF names of the matrices of attention.
pub(super) const GGUF_ATTENTION: &[StoredTensor] = &[
    one("blk.{}.attn_q", &[Q]),
    one("blk.{}.attn_k", &[K]),
    one("blk.{}.attn_v", &[V]),
    one("blk.{}.attn_output", &[O]),
];

/// GGUF names of the matrices of the MLP.
pub(super) const GGUF_MLP: &[StoredTensor] =
    &[one("blk.{}.ffn_gate", &[Gate]), one("blk.{}.ffn_up", &[Up]), one("blk.{}.ffn_down", &[Down])];

/// GGUF names of the matrices of experts.
pub(super) const GGUF_EXPERTS: &[StoredTensor] = &[
    one("blk.{}.ffn_gate_inp", &[Router]),
    all_experts("blk.{}.ffn_gate_exps", &[Gate]),
    all_experts("blk.{}.ffn_up_exps", &[Up]),
    all_experts("blk.{}.ffn_down_exps", &[Down]),
];

/// Tensor names in GGUF files whose q and k have their rows in the order of Hugging Face.
pub(super) const GGUF: TensorNames = TensorNames {
    prefixes: &[""],
    roles: &[GGUF_ROLES],
    matrices: &[GGUF_ATTENTION, GGUF_MLP, GGUF_EXPERTS],
    transposed: false,
    rotary_pairs: false,
    xielu: None,
    norm_offset: 0.0,
    // Part of the configuration (Llama 3's rotary scaling), not a weight.
    ignored: &["rope_freqs.weight"],
};

/// Tensor names in GGUF files with norms of the outputs of attention and MLP.
pub(super) const GGUF_POST: TensorNames = TensorNames { roles: &[GGUF_POST_NORMS, GGUF_ROLES], ..GGUF };

/// Tensor names in GGUF files whose q and k have their rotated rows in pairs.
pub(super) const GGUF_PAIRS: TensorNames = TensorNames { rotary_pairs: true, ..GGUF };

/// The names of matrices in the reference code, whose `fc_in` is the gate alone (`docs/method.md`, "Matrices").
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

/// Llama, from which other families take everything that they do not set themselves.
pub(super) const BASE: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Llama",
        model_type: "llama",
        class: "LlamaForCausalLM",
        tensor_names: &HF,
        aliases: &[ALIASES],
    },
    default_sizes: &[],
    mlp_ratio: None,
    equal_heads: false,
    set_block: |_| (),
    read_config_json: |keys, c| {
        let attention_bias = keys.flag_or("attention_bias", false)?;
        (c.bias.qkv, c.bias.o, c.bias.mlp) = (attention_bias, attention_bias, keys.flag_or("mlp_bias", false)?);
        read_common_keys(keys, c)
    },
    gguf: Some(GgufFormat {
        name: "llama",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF_PAIRS,
    }),
    write_config_json: Some(|c| {
        let Some(window) = c.attention.layers[0].window else {
            return match c.bias.qkv == c.bias.o {
                true => Ok(json!({"attention_bias": c.bias.qkv, "mlp_bias": c.bias.mlp})),
                false => Err("attention_bias: the same for q, k, v and o".into()),
            };
        };
        // A `llama` file with a window is a Mistral; of the two Hugging Face classes, only Mistral's has a window.
        if c.bias != Bias::default() {
            return Err("biases: none beside a window".into());
        }
        Ok(json!({"model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": window}))
    }),
};

/// Reads the keys that Llama-like families share. Llama itself has no windows: a family that has them reads their keys
/// besides.
pub(super) fn read_common_keys(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    c.norm_eps = keys.number_or("rms_norm_eps", 1e-6)?;
    c.mlp.activation = read_activation(keys, "hidden_act", "silu")?;
    c.head.tied = head_is_tied(keys, false)?;
    c.attention.ropes = vec![read_rope(keys, c, RopeDefaults::USUAL)?];
    Ok(())
}

pub(super) static LLAMA: FamilyDefinition = BASE;

pub(super) static MISTRAL: FamilyDefinition = FamilyDefinition {
    family: Family { name: "Mistral", model_type: "mistral", class: "MistralForCausalLM", ..BASE.family },
    read_config_json: |keys, c| {
        read_common_keys(keys, c)?;
        read_window(keys, c, Some(4096))
    },
    gguf: None, // GGUF files of Mistral are read as `llama`
    ..BASE
};

pub(super) static QWEN2: FamilyDefinition = FamilyDefinition {
    family: Family { name: "Qwen2", model_type: "qwen2", class: "Qwen2ForCausalLM", ..BASE.family },
    read_config_json: |keys, c| {
        c.bias.qkv = true;
        read_common_keys(keys, c)?;
        read_opt_in_windows(keys, c)
    },
    gguf: Some(GgufFormat {
        name: "qwen2",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF,
    }),
    write_config_json: Some(|c| {
        if c.bias != (Bias { qkv: true, ..Bias::default() }) {
            return Err("biases of q, k and v only".into());
        }
        let window = c.attention.layers[0].window;
        let mut keys = json!({"use_sliding_window": window.is_some(), "sliding_window": window});
        if window.is_some() {
            keys["layer_types"] = layer_types(c);
        }
        Ok(keys)
    }),
    ..BASE
};
