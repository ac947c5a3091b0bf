//! Latent attention in files: the names of its matrices and norms, and the keys about it in `config.json` and in GGUF,
//! for the families that have it.

use laser_checkpoint::Value;
use serde_json::json;

use super::llama::read_common_keys;
use super::tensor_names::{HeadStorage, StoredTensor, TensorRole, by_head, fused_by_head, one};
use crate::config::{GgufKeys, HfKeys, LatentAttention, ModelConfig, count, number, rope_parameters};
use crate::error::Result;
use crate::rope::{RopeScaling, yarn_attention_factor};
use crate::weight_id::WeightKind::{KeyB, KeyValueA, O, Q, QueryA, QueryB, ValueB};

/// ε of the norms of the two vectors. The classes have no key for it and do not take that of the other norms.
const NORM_EPS: f64 = 1e-6;

/// Names of the norms of the two vectors.
pub(super) const LATENT_NORMS: &[(TensorRole, &str)] = &[
    (TensorRole::QueryLatentNorm, "{model}layers.{}.self_attn.q_a_layernorm"),
    (TensorRole::KeyValueLatentNorm, "{model}layers.{}.self_attn.kv_a_layernorm"),
];

/// Matrices of latent attention.
pub(super) const LATENT_ATTENTION: &[StoredTensor] = &[
    one("{model}layers.{}.self_attn.q_proj", &[Q]),
    one("{model}layers.{}.self_attn.q_a_proj", &[QueryA]),
    one("{model}layers.{}.self_attn.q_b_proj", &[QueryB]),
    one("{model}layers.{}.self_attn.kv_a_proj_with_mqa", &[KeyValueA]),
    fused_by_head("{model}layers.{}.self_attn.kv_b_proj", &[KeyB, ValueB]),
    one("{model}layers.{}.self_attn.o_proj", &[O]),
];

/// GGUF names of the norms of the two vectors.
pub(super) const GGUF_LATENT_NORMS: &[(TensorRole, &str)] =
    &[(TensorRole::QueryLatentNorm, "blk.{}.attn_q_a_norm"), (TensorRole::KeyValueLatentNorm, "blk.{}.attn_kv_a_norm")];

/// GGUF names of the matrices of latent attention.
pub(super) const GGUF_LATENT_ATTENTION: &[StoredTensor] = &[
    one("blk.{}.attn_q", &[Q]),
    one("blk.{}.attn_q_a", &[QueryA]),
    one("blk.{}.attn_q_b", &[QueryB]),
    one("blk.{}.attn_kv_a_mqa", &[KeyValueA]),
    // Newer converters write the first two, older ones the third.
    by_head("blk.{}.attn_k_b", &[KeyB], HeadStorage::Transposed),
    by_head("blk.{}.attn_v_b", &[ValueB], HeadStorage::Rows),
    fused_by_head("blk.{}.attn_kv_b", &[KeyB, ValueB]),
    one("blk.{}.attn_output", &[O]),
];

/// Widths that a family's class takes for keys that a file leaves out.
pub(super) struct LatentDefaults {
    pub(super) query_rank: usize,
    pub(super) d_plain: usize,
    pub(super) d_value: usize,
}

/// Reads the keys about latent attention, and those that Llama-like families share.
pub(super) fn read_latent_keys(keys: &HfKeys<'_>, c: &mut ModelConfig, defaults: LatentDefaults) -> Result<()> {
    if c.n_kv_heads != c.n_heads {
        return Err(keys.wrong("num_key_value_heads", format!("{}, as many as heads", c.n_heads), c.n_kv_heads));
    }
    let biased = keys.flag_or("attention_bias", false)?;
    (c.bias.qkv, c.bias.o) = (biased, biased);
    let latent = LatentAttention {
        // Without the key, the class takes its default; with null, queries have one matrix.
        query_rank: match keys.is_null("q_lora_rank") {
            true => None,
            false => Some(keys.count_or("q_lora_rank", defaults.query_rank)?),
        },
        key_value_rank: keys.count_or("kv_lora_rank", 512)?,
        d_rotary: keys.count_or("qk_rope_head_dim", 64)?,
        d_value: keys.count_or("v_head_dim", defaults.d_value)?,
        norm_eps: NORM_EPS,
    };
    c.d_head = latent.d_rotary; // all of which is rotated
    read_common_keys(keys, c)?;
    c.set_latent(latent, keys.count_or("qk_nope_head_dim", defaults.d_plain)?);
    let scaling = rope_parameters(keys)?.filter(|_| c.attention.ropes[0].scaling != RopeScaling::Default);
    if let Some(scaling) = scaling {
        let mscale = scaling.number_or("mscale_all_dim", 0.0)?;
        if mscale != 0.0 {
            let factor = match &c.attention.ropes[0].scaling {
                RopeScaling::Yarn { factor, .. } => *factor,
                _ => scaling.number("factor")?,
            };
            c.attention.scale *= yarn_attention_factor(factor, mscale).powi(2);
        }
    }
    Ok(())
}

/// Reads the metadata about latent attention.
pub(super) fn read_gguf_latent(keys: &GgufKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    // The file may count the one key that all heads share. In memory each head has keys of its own.
    c.n_kv_heads = c.n_heads;
    let first_of = |names: [&str; 2]| -> Result<Option<usize>> {
        Ok(keys.count_or_none(names[0])?.or(keys.count_or_none(names[1])?))
    };
    let d_rotary = keys.count("rope.dimension_count")?;
    let Some(d_plain) = c.d_head.checked_sub(d_rotary).filter(|width| *width > 0) else {
        let expected = format!("less than {}, the width of the keys of a head", c.d_head);
        return Err(keys.wrong("rope.dimension_count", expected, d_rotary));
    };
    let latent = LatentAttention {
        query_rank: keys.count_or_none("attention.q_lora_rank")?.filter(|rank| *rank > 0),
        key_value_rank: keys.count("attention.kv_lora_rank")?,
        d_rotary,
        d_value: first_of(["attention.value_length_mla", "attention.value_length"])?.unwrap_or(c.d_head),
        norm_eps: NORM_EPS,
    };
    c.set_latent(latent, d_plain);
    let multiplier = keys.number_or("rope.scaling.yarn_log_multiplier", 0.0)?;
    if let RopeScaling::Yarn { factor, attention_factor, .. } = &mut c.attention.ropes[0].scaling
        && multiplier != 0.0
    {
        // With this key, the scores are scaled instead of cos and sin. It has the 0.1 of YaRN's formula in it.
        *attention_factor /= yarn_attention_factor(*factor, 1.0);
        c.attention.scale *= yarn_attention_factor(*factor, 10.0 * multiplier).powi(2);
    }
    Ok(())
}

/// The metadata about latent attention.
pub(super) fn gguf_latent(c: &ModelConfig) -> Vec<(String, Value)> {
    let Some(latent) = c.attention.latent else { return Vec::new() };
    let mut keys = vec![
        count("attention.kv_lora_rank", latent.key_value_rank),
        count("attention.key_length", c.d_head),
        count("attention.value_length", latent.d_value),
    ];
    keys.extend(latent.query_rank.map(|rank| count("attention.q_lora_rank", rank)));
    if let (RopeScaling::Yarn { attention_factor, .. }, Some(mscale)) = (&c.attention.ropes[0].scaling, mscale(c)) {
        keys.push(number("rope.scaling.yarn_log_multiplier", 0.1 * mscale));
        keys.push(number("rope.scaling.attn_factor", *attention_factor));
    }
    keys
}

/// Adds the keys of `config.json` about latent attention to the other keys of a family.
pub(super) fn add_latent_keys(keys: &mut serde_json::Value, c: &ModelConfig) -> std::result::Result<(), String> {
    let latent = c.attention.latent.ok_or("latent attention")?;
    keys["attention_bias"] = c.bias.qkv.into();
    keys["q_lora_rank"] = latent.query_rank.into();
    keys["kv_lora_rank"] = latent.key_value_rank.into();
    keys["qk_nope_head_dim"] = (c.d_head - latent.d_rotary).into();
    keys["qk_rope_head_dim"] = latent.d_rotary.into();
    keys["v_head_dim"] = latent.d_value.into();
    keys["head_dim"] = serde_json::Value::Null;
    if let Some(mscale) = mscale(c) {
        keys["rope_scaling"] = json!({"mscale": mscale, "mscale_all_dim": mscale});
    }
    Ok(())
}

/// The multiplier in YaRN's attention factor by whose square the scores are scaled; `None` if they are not scaled so.
fn mscale(c: &ModelConfig) -> Option<f64> {
    let RopeScaling::Yarn { factor, .. } = &c.attention.ropes.first()?.scaling else { return None };
    let scaled = (c.attention.scale * (c.d_head as f64).sqrt()).sqrt();
    // What is beyond six decimals is the rounding of GGUF, which stores 32 bits.
    let mscale = ((scaled - 1.0) / (0.1 * factor.ln()) * 1e6).round() / 1e6;
    (mscale.is_finite() && mscale != 0.0).then_some(mscale)
}
