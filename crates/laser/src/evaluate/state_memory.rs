//! Memory of the states of many batches: batches and a bound in bytes → rounds of batches whose states fit the bound.

use std::ops::Range;

use super::batch::Batch;
use laser_model::config::ModelConfig;

/// Divides batches into rounds of consecutive batches whose states ([`super::base_states::BaseStates`]) together take at most
/// `bound` bytes; a single batch above the bound is a round too. `max_tokens`: the most tokens that are generated for an item
/// of a batch.
pub(crate) fn rounds(
    config: &ModelConfig,
    batches: &[Batch],
    max_tokens: impl Fn(&Batch) -> usize,
    bound: Option<usize>,
) -> Vec<Range<usize>> {
    let Some(bound) = bound else { return std::iter::once(0..batches.len()).collect() };
    let mut rounds = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (index, batch) in batches.iter().enumerate() {
        let bytes = state_bytes(config, batch, max_tokens(batch));
        if index > start && used + bytes > bound {
            rounds.push(start..index);
            (start, used) = (index, 0);
        }
        used += bytes;
    }
    rounds.push(start..batches.len());
    rounds
}

/// Size of a batch's states in bytes: the residual stream at the input, in the middle and at the output of a layer, and the
/// hidden state of its MLP after the activation. For scores that generate up to `max_tokens` tokens also the KV cache
/// of all layers, and the rows of the continuations.
fn state_bytes(config: &ModelConfig, batch: &Batch, max_tokens: usize) -> usize {
    let rows = batch.rows.len() + batch.items.len() * max_tokens.saturating_sub(1);
    let cached: usize = (0..config.n_layers).map(|layer| config.cached_width(layer)).sum();
    let cached = if max_tokens > 0 { cached } else { 0 };
    rows * size_of::<f32>() * (3 * config.d_model + config.d_mlp + cached)
}
