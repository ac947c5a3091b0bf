//! `config.json` → configuration: the keys that families share, under every name they have.

use serde_json::{Map, Value};

use super::{Activation, ModelConfig, Sizes, check_count};
use crate::arch::Architecture;
use crate::config::keys::Keys;
use crate::error::{Error, Result};
use crate::rope::{Rope, RopeScaling, yarn_attention_factor};

const D_MODEL: &[&str] = &["hidden_size", "n_embd", "d_model", "dim", "n_embed"];
const N_LAYERS: &[&str] = &["num_hidden_layers", "n_layer", "num_layers", "n_layers"];
const N_HEADS: &[&str] = &["num_attention_heads", "n_head", "num_heads", "n_heads"];
const N_KV_HEADS: &[&str] = &["num_key_value_heads", "num_kv_heads", "n_head_kv"];
const D_MLP: &[&str] = &["intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "hidden_dim"];
const MAX_POSITIONS: &[&str] = &["max_position_embeddings", "n_positions", "max_seq_len"];
const ACTIVATION: &[&str] = &["hidden_act", "activation_function", "hidden_activation", "activation"];

impl ModelConfig {
    /// Reads a `config.json`. `file` names it in errors.
    ///
    /// # Errors
    /// A family that is not known, a key that is missing or of another type, or a value that is not implemented.
    pub fn from_hf(file: &str, text: &str) -> Result<Self> {
        let root: Map<String, Value> = serde_json::from_str(text).map_err(|e| Error::parse(file, e))?;
        let outer = Keys::new(file, &root);
        // Models that also see images keep what concerns the text apart.
        let keys = outer.object_or_none("text_config")?.unwrap_or_else(|| outer.clone());
        let model_type = keys.string("model_type")?;
        let architecture = Architecture::by_model_type(&model_type)
            .ok_or_else(|| keys.wrong("model_type", Architecture::known(), &model_type))?;
        let keys = keys.with_defaults(architecture.defaults);
        let (d_model, n_heads) = (keys.count_of(D_MODEL)?, keys.count_of(N_HEADS)?);
        let n_layers = keys.count_of(N_LAYERS)?;
        check_count(file, N_LAYERS[0], n_layers)?;
        check_count(file, N_HEADS[0], n_heads)?;
        let d_mlp = match (keys.count_of_or_none(D_MLP)?, architecture.mlp_ratio) {
            (Some(d_mlp), _) => d_mlp,
            (None, Some(ratio)) => ratio * d_model,
            (None, None) => keys.count(D_MLP[0])?,
        };
        let mut config = Self::plain(
            architecture,
            Sizes {
                vocab_size: keys.count_or_none("vocab_size")?.unwrap_or(0),
                d_model,
                n_layers,
                n_heads,
                n_kv_heads: keys.count_of_or_none(N_KV_HEADS)?.unwrap_or(n_heads),
                d_head: keys.count_or("head_dim", d_model / n_heads)?,
                d_mlp,
                max_positions: keys.count_of_or_none(MAX_POSITIONS)?.unwrap_or(2048),
            },
        );
        config.eos = keys.ids_or_none("eos_token_id")?;
        (architecture.block)(&mut config);
        (architecture.hf)(&keys, &mut config)?;
        config.check(file)
    }
}

/// The activation that the configuration names, `default` where it names none.
///
/// # Errors
/// One that is not implemented.
pub fn activation(keys: &Keys<'_>, default: &str) -> Result<Activation> {
    let key = ACTIVATION.iter().copied().find(|key| keys.has(key)).unwrap_or(ACTIVATION[0]);
    let name = keys.string_or(key, default)?;
    Activation::from_name(&name).ok_or_else(|| keys.wrong(key, Activation::NAMES.join(", "), &name))
}

/// Rotary positions: `rope_parameters` (transformers 5) or `rope_theta` and `rope_scaling` (before).
///
/// `partial`: the rotated part of a head where the configuration has no `partial_rotary_factor`.
///
/// # Errors
/// A kind of scaling that is not implemented, or one whose keys are missing.
pub fn rope(keys: &Keys<'_>, c: &ModelConfig, partial: f64) -> Result<Rope> {
    let parameters = match keys.object_or_none("rope_parameters")? {
        Some(parameters) => Some(parameters),
        None => keys.object_or_none("rope_scaling")?,
    };
    let partial = keys.number_or("partial_rotary_factor", partial)?;
    rope_of(keys, parameters, c, keys.number_or("rope_theta", 10_000.0)?, partial)
}

/// The same where the parameters stand elsewhere. `theta` and `partial` count where they say nothing.
///
/// # Errors
/// As [`rope`].
pub fn rope_of(
    keys: &Keys<'_>,
    parameters: Option<Keys<'_>>,
    c: &ModelConfig,
    theta: f64,
    partial: f64,
) -> Result<Rope> {
    let max_positions = c.max_positions;
    let dim = |partial: f64| (c.d_head as f64 * partial) as usize;
    let Some(scaling) = parameters else {
        return Ok(Rope { theta, dim: dim(partial), scaling: RopeScaling::Default });
    };
    let theta = scaling.number_or("rope_theta", theta)?;
    let dim = dim(scaling.number_or("partial_rotary_factor", partial)?);
    // Older files say `type`.
    let kind = match scaling.string_or("rope_type", "")? {
        s if s.is_empty() => scaling.string_or("type", "default")?,
        s => s,
    };
    let original = || -> Result<usize> {
        let outer = keys.count_or("original_max_position_embeddings", max_positions)?;
        scaling.count_or("original_max_position_embeddings", outer)
    };
    let factor = || scaling.number("factor");
    let scaling = match kind.as_str() {
        "default" => RopeScaling::Default,
        "linear" => RopeScaling::Linear { factor: factor()? },
        "dynamic" => RopeScaling::Dynamic { factor: factor()?, original_context: max_positions },
        // Early Phi-3 files call it `su` or `yarn`.
        kind if ["longrope", "su"].contains(&kind) || (kind == "yarn" && scaling.has("short_factor")) => {
            let original_context = original()?;
            let factor = scaling.number_or("factor", max_positions as f64 / original_context as f64)?;
            let implied = if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / (original_context as f64).ln()).sqrt() };
            RopeScaling::LongRope {
                short: scaling.numbers("short_factor")?,
                long: scaling.numbers("long_factor")?,
                original_context,
                attention_factor: scaling.number_or("attention_factor", implied)?,
            }
        }
        "yarn" => {
            let original_context = original()?;
            let factor = match scaling.number_or_none("factor")? {
                Some(factor) => factor,
                None => max_positions as f64 / original_context as f64,
            };
            let (mscale, all) = (scaling.number_or("mscale", 0.0)?, scaling.number_or("mscale_all_dim", 0.0)?);
            let implied = if mscale != 0.0 && all != 0.0 {
                yarn_attention_factor(factor, mscale) / yarn_attention_factor(factor, all)
            } else {
                yarn_attention_factor(factor, 1.0)
            };
            RopeScaling::Yarn {
                factor,
                original_context,
                beta_fast: scaling.number_or("beta_fast", 32.0)?,
                beta_slow: scaling.number_or("beta_slow", 1.0)?,
                attention_factor: scaling.number_or("attention_factor", implied)?,
                truncate: scaling.flag_or("truncate", true)?,
            }
        }
        "llama3" => RopeScaling::Llama3 {
            factor: factor()?,
            low_freq_factor: scaling.number("low_freq_factor")?,
            high_freq_factor: scaling.number("high_freq_factor")?,
            original_context: original()?,
        },
        other => {
            return Err(scaling.wrong("rope_type", "default, linear, dynamic, yarn, longrope or llama3", other));
        }
    };
    Ok(Rope { theta, dim, scaling })
}

/// Window of each layer: `layer_types` where the file lists them, else `sliding_window` for all layers from
/// `max_window_layers` on, and only where `use_sliding_window` does not say no (`opt_in`: where it says yes).
///
/// # Errors
/// A kind of layer that is not implemented.
pub fn windows(keys: &Keys<'_>, c: &mut ModelConfig, opt_in: bool) -> Result<()> {
    let mut window = keys.count_or_none("sliding_window")?;
    let first = if opt_in { keys.size_or("max_window_layers", 28)? } else { 0 };
    if !keys.flag_or("use_sliding_window", !opt_in)? {
        window = None;
    }
    let types = layer_types(keys, c.n_layers)?;
    for (l, layer) in c.attention.layers.iter_mut().enumerate() {
        layer.window = match &types {
            Some(sliding) => window.filter(|_| sliding[l]),
            None => window.filter(|_| l >= first),
        };
    }
    Ok(())
}

/// Whether each layer has a window, as `layer_types` lists them.
///
/// # Errors
/// A kind of layer that is not implemented, or another number of layers.
pub fn layer_types(keys: &Keys<'_>, n_layers: usize) -> Result<Option<Vec<bool>>> {
    let Some(types) = keys.strings_or_none("layer_types")? else { return Ok(None) };
    if types.len() != n_layers {
        return Err(keys.wrong("layer_types", format!("{n_layers} entries"), types.len()));
    }
    let sliding = types.iter().map(|kind| match kind.as_str() {
        "full_attention" => Ok(false),
        "sliding_attention" => Ok(true),
        other => Err(keys.wrong("layer_types", "full_attention or sliding_attention", other)),
    });
    sliding.collect::<Result<_>>().map(Some)
}
