//! `config.json` → the sizes and the activation, which families store under different keys.

use super::Activation;
use super::hf_keys::HfKeys;
use super::sizes::{Sizes, check_count};
use crate::error::Result;

// Keys that mean the same, in the order in which they are looked up. Errors name the first.
const D_MODEL: &[&str] = &["hidden_size", "n_embd", "d_model", "dim", "n_embed"];
const N_LAYERS: &[&str] = &["num_hidden_layers", "n_layer", "num_layers", "n_layers"];
const N_HEADS: &[&str] = &["num_attention_heads", "n_head", "num_heads", "n_heads"];
const N_KV_HEADS: &[&str] = &["num_key_value_heads", "num_kv_heads", "n_head_kv"];
const D_MLP: &[&str] = &["intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "hidden_dim"];
const MAX_POSITIONS: &[&str] = &["max_position_embeddings", "n_positions", "max_seq_len"];

impl Sizes {
    /// Reads the sizes from `config.json`. `mlp_ratio` is the width of the MLP divided by `d_model` for files without
    /// it. With `equal_heads`, the keys about key/value heads and the width of heads do not count.
    ///
    /// # Errors
    /// A missing key, a key of another type, or a number of layers or heads that is 0 or too large.
    pub(crate) fn from_hf(keys: &HfKeys<'_>, mlp_ratio: Option<usize>, equal_heads: bool) -> Result<Self> {
        let (d_model, n_heads) = (keys.count_of(D_MODEL)?, keys.count_of(N_HEADS)?);
        let n_layers = keys.count_of(N_LAYERS)?;
        check_count(keys.file(), N_LAYERS[0], n_layers)?;
        check_count(keys.file(), N_HEADS[0], n_heads)?;
        // Unlike other sizes, this one shows in no shape of a tensor.
        for other in N_HEADS {
            if let Some(found) = keys.count_or_none(other)?.filter(|found| *found != n_heads) {
                let known = N_HEADS.iter().find(|name| keys.has(name)).unwrap_or(&N_HEADS[0]);
                return Err(keys.wrong(other, format!("{n_heads}, as under `{known}`"), found));
            }
        }
        let d_mlp = match (keys.count_of_or_none(D_MLP)?, mlp_ratio) {
            (Some(d_mlp), _) => d_mlp,
            (None, Some(ratio)) => ratio * d_model,
            (None, None) => keys.count(D_MLP[0])?,
        };
        let (n_kv_heads, d_head) = match equal_heads {
            true => (None, None),
            false => (keys.count_of_or_none(N_KV_HEADS)?, keys.count_or_none("head_dim")?),
        };
        if d_head.is_none() && !d_model.is_multiple_of(n_heads) {
            let expected = format!("a multiple of the {n_heads} attention heads, or a key `head_dim` beside it");
            return Err(keys.wrong(D_MODEL[0], expected, d_model));
        }
        Ok(Self {
            vocab_size: keys.count_or_none("vocab_size")?.unwrap_or(0),
            d_model,
            n_layers,
            n_heads,
            n_kv_heads: n_kv_heads.unwrap_or(n_heads),
            d_head: d_head.unwrap_or(d_model / n_heads),
            d_mlp,
            max_positions: keys.count_of_or_none(MAX_POSITIONS)?.unwrap_or(2048),
        })
    }
}

/// The activation under `key`, or the one named `default`. Families have different keys for it, and files sometimes have
/// that of another family as well, which does not count.
///
/// # Errors
/// An activation that is not implemented.
pub(crate) fn read_activation(keys: &HfKeys<'_>, key: &str, default: &str) -> Result<Activation> {
    let name = keys.string_or(key, default)?;
    Activation::from_name(&name).ok_or_else(|| keys.wrong(key, Activation::NAMES.join(", "), &name))
}
