//! `config.json` → rotary positions, with every kind of scaling that is implemented.

use super::ModelConfig;
use super::hf_keys::HfKeys;
use crate::error::Result;
use crate::rope::{Rope, RopeScaling, yarn_attention_factor};

/// Reads rotary positions from `rope_parameters` (transformers 5), or from `rope_theta` and `rope_scaling` (before).
///
/// `partial` is the rotated fraction of a head for configurations without `partial_rotary_factor`.
///
/// # Errors
/// A kind of scaling that is not implemented, or one with missing keys.
pub(crate) fn read_rope(keys: &HfKeys<'_>, c: &ModelConfig, partial: f64) -> Result<Rope> {
    let parameters = match keys.object_or_none("rope_parameters")? {
        Some(parameters) => Some(parameters),
        None => keys.object_or_none("rope_scaling")?,
    };
    let partial = keys.number_or("partial_rotary_factor", partial)?;
    read_rope_from(keys, parameters, c, keys.number_or("rope_theta", 10_000.0)?, partial)
}

/// Like [`read_rope`], for parameters in another JSON object; `theta` and `partial` are the defaults.
///
/// # Errors
/// As [`read_rope`].
pub(crate) fn read_rope_from(
    keys: &HfKeys<'_>,
    parameters: Option<HfKeys<'_>>,
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
    // Older files call the key `type`.
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
        // Early Phi-3 files call LongRoPE `su` or `yarn`.
        kind if ["longrope", "su"].contains(&kind) || (kind == "yarn" && scaling.has("short_factor")) => {
            long_rope(&scaling, original()?, max_positions)?
        }
        "yarn" => yarn(&scaling, original()?, max_positions)?,
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

/// LongRoPE. Without a key, the attention factor is that of the paper (arXiv 2402.13753) for the stretch of the
/// context.
fn long_rope(scaling: &HfKeys<'_>, original_context: usize, max_positions: usize) -> Result<RopeScaling> {
    let factor = scaling.number_or("factor", max_positions as f64 / original_context as f64)?;
    let implied = if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / (original_context as f64).ln()).sqrt() };
    Ok(RopeScaling::LongRope {
        short: scaling.numbers("short_factor")?,
        long: scaling.numbers("long_factor")?,
        original_context,
        attention_factor: scaling.number_or("attention_factor", implied)?,
    })
}

/// YaRN. Without a key, the attention factor follows from the stretch, and from `mscale` as DeepSeek's models define
/// it.
fn yarn(scaling: &HfKeys<'_>, original_context: usize, max_positions: usize) -> Result<RopeScaling> {
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
    Ok(RopeScaling::Yarn {
        factor,
        original_context,
        beta_fast: scaling.number_or("beta_fast", 32.0)?,
        beta_slow: scaling.number_or("beta_slow", 1.0)?,
        attention_factor: scaling.number_or("attention_factor", implied)?,
        truncate: scaling.flag_or("truncate", true)?,
    })
}
