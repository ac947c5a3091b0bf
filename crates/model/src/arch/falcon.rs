//! Falcon: one key/value head (7B) or several (40B), attention and MLP in parallel; the RW models instead have ALiBi,
//! biases, and the MLP after attention.

use half::bf16;
use laser_checkpoint::Value;
use serde_json::json;

use super::bloom::{MATRICES, slopes};
use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::gpt_neox::MEGATRON_ALIASES;
use super::gpt2::{ALIASES, GGUF, GGUF_FUSED, read_common_keys, set_common_block};
use super::llama::{BASE, GGUF_ATTENTION, GGUF_MLP, GGUF_ROLES, HF as LLAMA};
use super::tensor_names::{TensorNames, TensorRole};
use crate::config::{Activation, Bias, Residual, RopeDefaults, read_rope, shortest};

const NAMES: TensorNames = TensorNames {
    prefixes: &["transformer."],
    roles: &[&[
        (TensorRole::Embedding, "{model}word_embeddings"),
        (TensorRole::AttentionNorm, "{model}h.{}.ln_attn"),
        (TensorRole::AttentionNorm, "{model}h.{}.input_layernorm"),
        (TensorRole::MlpNorm, "{model}h.{}.ln_mlp"),
        (TensorRole::MlpNorm, "{model}h.{}.post_attention_layernorm"),
        (TensorRole::FinalNorm, "{model}ln_f"),
        (TensorRole::Head, "lm_head"),
    ]],
    matrices: &[MATRICES],
    ..LLAMA
};

/// Names of the norms in GGUF: `attn_norm` is the MLP's norm in models with two norms, and attention's in models with
/// one.
const GGUF_NORMS: &[(TensorRole, &str)] =
    &[(TensorRole::AttentionNorm, "blk.{}.attn_norm_2"), (TensorRole::MlpNorm, "blk.{}.attn_norm")];

pub(super) static FALCON: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "Falcon",
        model_type: "falcon",
        class: "FalconForCausalLM",
        tensor_names: &NAMES,
        aliases: &[ALIASES, MEGATRON_ALIASES],
    },
    mlp_ratio: Some(4),
    set_block: |c| {
        set_common_block(c);
        c.residual = Residual::Parallel { one_norm: true };
        c.mlp.activation = Activation::Gelu;
        c.bias = Bias::default();
    },
    read_config_json: |keys, c| {
        read_common_keys(keys, c, "activation", "gelu")?;
        let new = keys.flag_or("new_decoder_architecture", false)?; // Falcon 40B and later
        let multi_query = keys.flag_or("multi_query", true)?;
        if !new {
            c.n_kv_heads = if multi_query { 1 } else { c.n_heads };
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
        c.bias = Bias { qkv: biased, o: biased, mlp: biased, router: false };
        c.attention.ropes = vec![read_rope(keys, c, RopeDefaults::USUAL)?];
        if keys.flag_or("alibi", false)? {
            c.without_rope();
            c.attention.slopes = Some(slopes(c.n_heads).into_iter().map(|s| bf16::from_f32(s).to_f32()).collect());
            c.attention.coarse_slopes = true;
        }
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "falcon",
        read_metadata: |keys, c| {
            c.residual = Residual::Parallel { one_norm: !keys.has_tensor("blk.0.attn_norm_2.weight") };
            Ok(())
        },
        // The order of a fused matrix's rows, which llama.cpp's converter names.
        write_metadata: |_| vec![("tensor_data_layout".to_owned(), Value::String("jploski".to_owned()))],
        tensor_names: &TensorNames {
            roles: &[GGUF_NORMS, GGUF_ROLES],
            matrices: &[GGUF_ATTENTION, GGUF_FUSED, GGUF_MLP],
            ..GGUF
        },
    }),
    write_config_json: Some(|c| {
        let two_norms = c.residual == (Residual::Parallel { one_norm: false });
        let new = two_norms || (c.n_kv_heads != 1 && c.n_kv_heads != c.n_heads);
        Ok(json!({
            "num_kv_heads": c.n_kv_heads,
            "multi_query": c.n_kv_heads == 1 && !new,
            "new_decoder_architecture": new,
            "num_ln_in_parallel_attn": if two_norms { 2 } else { 1 },
            "parallel_attn": true,
            "alibi": false,
            "bias": c.bias.mlp,
            "activation": "gelu",
            "ffn_hidden_size": c.d_mlp,
            "layer_norm_epsilon": shortest(c.norm_eps),
            "intermediate_size": null,
            "num_key_value_heads": null,
            "head_dim": null,
            "hidden_act": null,
            "rms_norm_eps": null,
        }))
    }),
    ..BASE
};
