//! GGUF metadata → the attention window of each layer, and back, for families in which only some layers have one.

use laser_checkpoint::{Array, Value};

use super::ModelConfig;
use super::gguf_keys::GgufKeys;
use super::gguf_metadata::Entry;
use crate::error::Result;

/// The layers that have a window: one truth value for each layer, or a number n for all layers but every n-th.
const PATTERN: &str = "attention.sliding_window_pattern";

/// Leaves the window, which is read already, to the layers that the metadata lists. Without a list, all layers but every
/// `period`-th have it.
///
/// # Errors
/// A list of another length than the number of layers, or of another type.
pub(crate) fn read_window_pattern(keys: &GgufKeys<'_>, c: &mut ModelConfig, period: usize) -> Result<()> {
    let listed = keys.flags_or_none(PATTERN)?;
    if let Some(listed) = listed.as_ref().filter(|listed| listed.len() != c.n_layers) {
        return Err(keys.wrong(PATTERN, format!("one value for each of {} layers", c.n_layers), listed.len()));
    }
    let period = match &listed {
        Some(_) => period,
        None => keys.count_or_none(PATTERN)?.unwrap_or(period).max(1),
    };
    for (l, layer) in c.attention.layers.iter_mut().enumerate() {
        let slides = listed.as_ref().map_or(!(l + 1).is_multiple_of(period), |listed| listed[l]);
        layer.window = layer.window.filter(|_| slides);
    }
    Ok(())
}

/// The list of layers with a window.
pub(crate) fn window_pattern(c: &ModelConfig) -> Entry {
    let slides = c.attention.layers.iter().map(|layer| layer.window.is_some()).collect();
    (PATTERN.to_owned(), Value::Array(Array::Bools(slides)))
}
