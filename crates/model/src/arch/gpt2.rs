//! GPT-2: learned positions, layer norms, biases everywhere, an MLP without a gate, matrices stored `[in, out]`; also
//! the parts that other families of its time share with it.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::{Alias, Family};
use super::llama::{BASE, GGUF as LLAMA_GGUF, GGUF_ATTENTION, GGUF_MLP, GGUF_ROLES};
use super::tensor_names::{StoredTensor, TensorNames, TensorRole, fused, one};
use crate::config::{Activation, Bias, HfKeys, ModelConfig, head_is_tied, read_activation, shortest};
use crate::error::Result;
use crate::weight_id::WeightKind::{Down, K, O, Q, Qkv, Up, V};

/// GPT-2's names of everything but the matrices of blocks.
pub(super) const ROLES: &[(TensorRole, &str)] = &[
    (TensorRole::Embedding, "{model}wte"),
    (TensorRole::Positions, "{model}wpe"),
    (TensorRole::AttentionNorm, "{model}h.{}.ln_1"),
    (TensorRole::MlpNorm, "{model}h.{}.ln_2"),
    (TensorRole::FinalNorm, "{model}ln_f"),
    (TensorRole::Head, "lm_head"),
    (TensorRole::HeadBias, "lm_head"),
];

pub(super) const HF: TensorNames = TensorNames {
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
    xielu: None,
    norm_offset: 0.0,
    // The causal mask, which old files store like a weight.
    ignored: &[".attn.bias", ".attn.masked_bias"],
};

/// q, k and v in GGUF, for families that store them in one tensor.
pub(super) const GGUF_FUSED: &[StoredTensor] = &[fused("blk.{}.attn_qkv", &[Q, K, V])];

pub(super) const GGUF: TensorNames = TensorNames {
    roles: &[GGUF_ROLES, &[(TensorRole::Positions, "position_embd"), (TensorRole::EmbeddingNorm, "token_embd_norm")]],
    matrices: &[GGUF_ATTENTION, GGUF_FUSED, GGUF_MLP],
    ..LLAMA_GGUF
};

/// The paper's names of matrices for an MLP without a gate (`docs/method.md`, "Matrices").
pub(super) const ALIASES: &[Alias] = &[
    ("fc_in", &[Up]),
    ("fc_out", &[Down]),
    ("out_proj", &[O]),
    ("mlp", &[Up, Down]),
    ("attn", &[Q, K, V, O]),
    ("all", &[Q, K, V, O, Up, Down]),
];

/// Sets what the families of GPT-2's time share: layer norms, an MLP without a gate, biases, a tied head.
pub(super) fn set_common_block(c: &mut ModelConfig) {
    c.set_layer_norms();
    c.norm_eps = 1e-5;
    c.mlp.gated = false;
    c.mlp.activation = Activation::GeluTanh;
    c.bias = Bias { qkv: true, o: true, mlp: true, router: false };
    c.head.tied = true;
}

/// Reads the keys that the families of GPT-2's time share. The activation is under the key `activation`, with a default
/// for configurations without one.
pub(super) fn read_common_keys(
    keys: &HfKeys<'_>,
    c: &mut ModelConfig,
    activation: &str,
    default_activation: &str,
) -> Result<()> {
    let eps = keys.number_or("layer_norm_eps", c.norm_eps)?;
    c.norm_eps = keys.number_or("layer_norm_epsilon", eps)?;
    c.mlp.activation = read_activation(keys, activation, default_activation)?;
    c.head.tied = head_is_tied(keys, c.head.tied)?;
    keys.only("add_cross_attention", false)
}

/// Sets learned positions instead of rotary ones; position 0 uses row `offset` of their table.
pub(super) fn learned_positions(c: &mut ModelConfig, offset: usize) {
    c.without_rope();
    c.embedding.position_offset = Some(offset);
}

pub(super) static GPT2: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "GPT-2",
        model_type: "gpt2",
        class: "GPT2LMHeadModel",
        tensor_names: &HF,
        aliases: &[ALIASES, &[("c_attn", &[Qkv]), ("c_fc", &[Up])]],
    },
    mlp_ratio: Some(4),
    equal_heads: true,
    set_block: |c| {
        set_common_block(c);
        learned_positions(c, 0);
    },
    read_config_json: |keys, c| {
        read_common_keys(keys, c, "activation_function", "gelu_new")?;
        if !keys.flag_or("scale_attn_weights", true)? {
            c.attention.scale = 1.0;
        }
        keys.only("scale_attn_by_inverse_layer_idx", false)
    },
    gguf: Some(GgufFormat {
        name: "gpt2",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF,
    }),
    write_config_json: Some(|c| {
        Ok(json!({
            "n_embd": c.d_model,
            "n_layer": c.n_layers,
            "n_head": c.n_heads,
            "n_inner": c.d_mlp,
            "n_positions": c.max_positions,
            "activation_function": "gelu_new",
            "layer_norm_epsilon": shortest(c.norm_eps),
            "hidden_size": null,
            "num_hidden_layers": null,
            "num_attention_heads": null,
            "num_key_value_heads": null,
            "intermediate_size": null,
            "max_position_embeddings": null,
            "head_dim": null,
            "hidden_act": null,
            "rms_norm_eps": null,
        }))
    }),
    ..BASE
};
