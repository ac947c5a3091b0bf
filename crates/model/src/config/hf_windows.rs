//! `config.json` → the attention window of each layer.

use super::ModelConfig;
use super::hf_keys::HfKeys;
use crate::error::Result;

/// Reads the window of all layers from `sliding_window` (Mistral). A file without the key has the window `default`, one
/// with the value `null` has none.
///
/// # Errors
/// A value that is no number of tokens.
pub(crate) fn read_window(keys: &HfKeys<'_>, c: &mut ModelConfig, default: Option<usize>) -> Result<()> {
    let window = match keys.is_null("sliding_window") {
        true => None,
        false => keys.count_or_none("sliding_window")?.or(default),
    };
    c.attention.layers.iter_mut().for_each(|layer| layer.window = window);
    Ok(())
}

/// Reads the window of some layers from `sliding_window`: of those that `layer_types` lists as sliding, or, without such a
/// list, of those for which `slides` is true. A file without `sliding_window` has the window `default`, one with the value
/// `null` has none.
///
/// # Errors
/// A value that is no number of tokens, or a kind of layer that is not implemented.
pub(crate) fn read_layer_windows(
    keys: &HfKeys<'_>,
    c: &mut ModelConfig,
    default: Option<usize>,
    slides: impl Fn(usize) -> bool,
) -> Result<()> {
    read_window(keys, c, default)?;
    let types = read_layer_types(keys, c.n_layers)?;
    for (l, layer) in c.attention.layers.iter_mut().enumerate() {
        let slides = types.as_ref().map_or_else(|| slides(l), |types| types[l]);
        layer.window = layer.window.filter(|_| slides);
    }
    Ok(())
}

/// Reads the window of each layer in the way of Qwen: `sliding_window` counts only with `use_sliding_window: true`, for
/// the layers that `layer_types` lists as sliding, or, without such a list, for those from `max_window_layers` on.
///
/// # Errors
/// A kind of layer that is not implemented.
pub(crate) fn read_opt_in_windows(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    let slides = keys.flag_or("use_sliding_window", false)?;
    let window = keys.count_or_none("sliding_window")?.filter(|_| slides);
    let first = keys.size_or("max_window_layers", 28)?;
    let types = read_layer_types(keys, c.n_layers)?;
    for (l, layer) in c.attention.layers.iter_mut().enumerate() {
        layer.window = match &types {
            Some(sliding) => window.filter(|_| sliding[l]),
            None => window.filter(|_| l >= first),
        };
    }
    Ok(())
}

/// Reads from `layer_types` whether each layer has a window; `None` without that key.
///
/// # Errors
/// A kind of layer that is not implemented, or a list of another length than `n_layers`.
pub(crate) fn read_layer_types(keys: &HfKeys<'_>, n_layers: usize) -> Result<Option<Vec<bool>>> {
    let Some(types) = keys.strings_or_none("layer_types")? else { return Ok(None) };
    if types.len() != n_layers {
        return Err(keys.wrong("layer_types", format!("{n_layers} entries"), types.len()));
    }
    types.iter().map(|kind| is_sliding(keys, kind)).collect::<Result<_>>().map(Some)
}

/// Rejects a kind of layer that is not implemented, such as `linear_attention`, in a list that the family does not read:
/// such a model is of another family, whatever its `model_type` says.
///
/// # Errors
/// Such a kind.
pub(crate) fn check_unread_layer_types(keys: &HfKeys<'_>) -> Result<()> {
    let unread = keys.unread().into_iter().filter(|(key, _)| *key == "layer_types");
    let mut kinds = unread.filter_map(|(_, value)| value.as_array()).flatten();
    kinds.try_for_each(|kind| is_sliding(keys, kind.as_str().unwrap_or("no text")).map(drop))
}

/// The value of `layer_types` for the windows of a configuration.
pub(crate) fn layer_types(c: &ModelConfig) -> serde_json::Value {
    let kinds = c.attention.layers.iter().map(|layer| match layer.window {
        Some(_) => "sliding_attention",
        None => "full_attention",
    });
    kinds.collect()
}

/// Whether a layer of this kind has a window.
fn is_sliding(keys: &HfKeys<'_>, kind: &str) -> Result<bool> {
    match kind {
        "full_attention" => Ok(false),
        "sliding_attention" => Ok(true),
        other => Err(keys.wrong("layer_types", "full_attention or sliding_attention", other)),
    }
}
