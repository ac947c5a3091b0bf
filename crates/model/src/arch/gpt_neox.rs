//! GPT-NeoX and Pythia: partly rotated heads, q, k and v in one tensor, grouped by head; attention and MLP in parallel
//! in most models.

use laser_checkpoint::Value;
use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::{Alias, Family};
use super::gpt2::{ALIASES, GGUF, read_common_keys, set_common_block};
use super::llama::{BASE, HF as LLAMA};
use super::tensor_names::{TensorNames, TensorRole, fused_by_head, one};
use crate::config::{Activation, Residual, RopeDefaults, read_rope_from, rope_parameters, shortest};
use crate::weight_id::WeightKind::{Down, K, O, Q, Qkv, Up, V};

const NAMES: TensorNames = TensorNames {
    prefixes: &["gpt_neox."],
    roles: &[&[
        (TensorRole::Embedding, "{model}embed_in"),
        (TensorRole::AttentionNorm, "{model}layers.{}.input_layernorm"),
        (TensorRole::MlpNorm, "{model}layers.{}.post_attention_layernorm"),
        (TensorRole::FinalNorm, "{model}final_layer_norm"),
        (TensorRole::Head, "embed_out"),
    ]],
    matrices: &[&[
        fused_by_head("{model}layers.{}.attention.query_key_value", &[Q, K, V]),
        one("{model}layers.{}.attention.dense", &[O]),
        one("{model}layers.{}.mlp.dense_h_to_4h", &[Up]),
        one("{model}layers.{}.mlp.dense_4h_to_h", &[Down]),
    ]],
    // The causal mask and the rotary frequencies, which old files store like weights.
    ignored: &[".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"],
    ..LLAMA
};

/// Names of matrices in Megatron's files, which BLOOM and Falcon use too.
pub(super) const MEGATRON_ALIASES: &[Alias] =
    &[("query_key_value", &[Qkv]), ("dense", &[O]), ("dense_h_to_4h", &[Up]), ("dense_4h_to_h", &[Down])];

pub(super) static GPT_NEOX: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "GPT-NeoX",
        model_type: "gpt_neox",
        class: "GPTNeoXForCausalLM",
        tensor_names: &NAMES,
        aliases: &[ALIASES, MEGATRON_ALIASES],
    },
    equal_heads: true,
    set_block: |c| {
        set_common_block(c);
        c.residual = Residual::Parallel { one_norm: false };
        c.mlp.activation = Activation::Gelu;
        c.head.tied = false;
    },
    read_config_json: |keys, c| {
        read_common_keys(keys, c, "hidden_act", "gelu")?;
        if !keys.flag_or("use_parallel_residual", true)? {
            c.residual = Residual::PreNorm;
        }
        let biased = keys.flag_or("attention_bias", true)?;
        (c.bias.qkv, c.bias.o) = (biased, biased);
        let theta = keys.number_or("rotary_emb_base", keys.number_or("rope_theta", 10_000.0)?)?;
        let partial = keys.number_or("rotary_pct", keys.number_or("partial_rotary_factor", 0.25)?)?;
        let defaults = RopeDefaults { theta, partial: Some(partial) };
        c.attention.ropes = vec![read_rope_from(keys, rope_parameters(keys)?, c, defaults)?];
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "gptneox",
        read_metadata: |keys, c| {
            if !keys.flag_or("use_parallel_residual", true)? {
                c.residual = Residual::PreNorm;
            }
            Ok(())
        },
        write_metadata: |c| {
            let parallel = c.residual != Residual::PreNorm;
            vec![("use_parallel_residual".to_owned(), Value::Bool(parallel))]
        },
        tensor_names: &GGUF,
    }),
    write_config_json: Some(|c| {
        let rope = &c.attention.ropes[0];
        Ok(json!({
            "hidden_act": "gelu",
            "layer_norm_eps": shortest(c.norm_eps),
            "rotary_pct": rope.fraction_of(c.d_head),
            "rotary_emb_base": shortest(rope.theta),
            "use_parallel_residual": c.residual != Residual::PreNorm,
            "attention_bias": c.bias.qkv,
            "num_key_value_heads": null,
            "head_dim": null,
            "rms_norm_eps": null,
            "rope_theta": null,
        }))
    }),
    ..BASE
};
