//! Memory of a layer walk: batches and a bound in bytes → rounds of batches whose cached states fit the bound.

use crate::evaluate::Evaluator;
use crate::evaluate::batch::Batch;
use crate::evaluate::score_rules::max_tokens;
use laser_model::config::ModelConfig;

/// Divides batches into rounds of consecutive batches whose cached states together take at most `bound` bytes; a single
/// batch above the bound is a round too. Returns the number of batches of each round.
pub(super) fn rounds(
    config: &ModelConfig,
    evaluator: &Evaluator<'_>,
    batches: &[Batch],
    bound: Option<usize>,
) -> Vec<usize> {
    let Some(bound) = bound else { return vec![batches.len()] };
    let mut rounds = Vec::new();
    let (mut size, mut used) = (0, 0);
    for batch in batches {
        let bytes = state_bytes(config, batch, max_tokens(evaluator.scorer(batch, true).score));
        if size > 0 && used + bytes > bound {
            rounds.push(size);
            (size, used) = (0, 0);
        }
        size += 1;
        used += bytes;
    }
    rounds.push(size);
    rounds
}

/// Size of a batch's cached states in bytes: the residual stream at the input, in the middle and at the output of a
/// layer, and the hidden state of its MLP after the activation. For scores that generate up to `max_tokens` tokens also
/// the keys and values of all layers, and the rows of the continuations.
fn state_bytes(config: &ModelConfig, batch: &Batch, max_tokens: usize) -> usize {
    let rows = batch.rows.len() + batch.items.len() * max_tokens.saturating_sub(1);
    let keys = if max_tokens > 0 { 2 * config.n_layers * config.n_kv_heads * config.d_head } else { 0 };
    rows * size_of::<f32>() * (3 * config.d_model + config.d_mlp + keys)
}
