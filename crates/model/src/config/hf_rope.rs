//! `config.json` → rotary positions, with every kind of scaling that is implemented.

use super::ModelConfig;
use super::hf_keys::HfKeys;
use crate::error::Result;
use crate::rope::{Rope, RopeScaling, yarn_attention_factor};

/// What a family's rotary positions are if `config.json` does not say it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RopeDefaults {
    /// Base of the frequencies.
    pub(crate) theta: f64,
    /// Rotated fraction of a head; `None` for families that always rotate whole heads and have no key for it.
    pub(crate) partial: Option<f64>,
}

impl RopeDefaults {
    /// The defaults of most families: base 10,000, whole heads.
    pub(crate) const USUAL: Self = Self { theta: 10_000.0, partial: None };
}

/// Reads rotary positions from `rope_parameters` (transformers 5), or from `rope_theta` and `rope_scaling` (before).
///
/// # Errors
/// A kind of scaling that is not implemented, or one with missing keys.
pub(crate) fn read_rope(keys: &HfKeys<'_>, c: &ModelConfig, defaults: RopeDefaults) -> Result<Rope> {
    let theta = keys.number_or("rope_theta", defaults.theta)?;
    let partial = match defaults.partial {
        Some(partial) => Some(keys.number_or("partial_rotary_factor", partial)?),
        None => None,
    };
    read_rope_from(keys, rope_parameters(keys)?, c, RopeDefaults { theta, partial })
}

/// The object with the parameters of the scaling. A file with both has the older key from before it was converted, or
/// from a user who added it; in the reference too, it wins unless it is empty.
///
/// # Errors
/// A value that is no object.
pub(crate) fn rope_parameters<'a>(keys: &HfKeys<'a>) -> Result<Option<HfKeys<'a>>> {
    match keys.object_or_none("rope_scaling")?.filter(|scaling| !scaling.is_empty()) {
        Some(scaling) => Ok(Some(scaling)),
        None => keys.object_or_none("rope_parameters"),
    }
}

/// Like [`read_rope`], for parameters in another JSON object.
///
/// # Errors
/// As [`read_rope`].
pub(crate) fn read_rope_from(
    keys: &HfKeys<'_>,
    parameters: Option<HfKeys<'_>>,
    c: &ModelConfig,
    RopeDefaults { theta, partial }: RopeDefaults,
) -> Result<Rope> {
    let max_positions = c.max_positions;
    let dim = |partial: Option<f64>| partial.map_or(c.d_head, |partial| (c.d_head as f64 * partial) as usize);
    let Some(scaling) = parameters else {
        return Ok(Rope { theta, dim: dim(partial), scaling: RopeScaling::Default });
    };
    let theta = scaling.number_or("rope_theta", theta)?;
    let dim = match partial {
        Some(partial) => dim(Some(scaling.number_or("partial_rotary_factor", partial)?)),
        None => dim(None),
    };
    // Older files call the key `type`.
    let kind = match scaling.string_or("rope_type", "")? {
        s if s.is_empty() => scaling.string_or("type", "default")?,
        s => s,
    };
    let original = || -> Result<usize> {
        let inner = scaling.count_or("original_max_position_embeddings", max_positions)?;
        // Phi-3 has the key outside. In the reference too, that one wins.
        keys.count_or("original_max_position_embeddings", inner)
    };
    let factor = || scaling.number("factor");
    // HunYuan's dynamic positions: a larger base for all lengths.
    if let Some(alpha) = scaling.number_or_none("alpha")?.filter(|alpha| kind == "dynamic" && *alpha > 0.0) {
        let theta = theta * alpha.powf(dim as f64 / (dim as f64 - 2.0));
        return Ok(Rope { theta, dim, scaling: RopeScaling::Default });
    }
    let scaling = match kind.as_str() {
        // M-RoPE gives a token of an image one position for each axis; the axes of a text are all the same.
        "default" | "mrope" => RopeScaling::Default,
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
