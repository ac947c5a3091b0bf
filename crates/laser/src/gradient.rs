//! Gradient screening: model + items → for each matrix, the predicted change of the loss when components are removed.
//!
//! With `W = Σ σᵢ·uᵢvᵢᵀ` and `G = ∂L/∂W`, `∂L/∂σᵢ = uᵢᵀ·G·vᵢ`: one backward pass predicts, for every component of every
//! matrix, the loss without it (the idea of C2I, arXiv 2510.20800). The gradient of a linear layer is a sum over tokens,
//! `G = Σ_t δ_t·x_tᵀ` with inputs `x_t` and output gradients `δ_t`, so `uᵢᵀ·G·vᵢ = Σ_t (uᵢ·δ_t)(vᵢ·x_t)`: `G` is never
//! formed, and the sum is taken separately for each item.
//!
//! Files: `loss` differentiates an item's loss at the logits; `backward` goes from there down through the layers;
//! `components` projects a matrix's rows onto its components; [`Sensitivity`] holds the result. Sits between `evaluate`
//! and `search`.

mod backward;
mod components;
mod item_rows;
mod logits;
mod loss;
mod sensitivity;

use std::collections::{BTreeMap, BTreeSet};

pub use loss::Loss;
pub use sensitivity::{FISHER_WEIGHT, Prediction, Sensitivity};

use crate::edit::truncation::Truncation;
use crate::error::{Error, Result};
use crate::evaluate::{Evaluator, RunContext};
use backward::{BackwardPass, MatrixRows};
use components::Components;
use laser_model::Model;
use laser_model::parallel::map;
use laser_model::weight_id::WeightId;
pub(crate) use loss::LossItems;

/// Rows at which a batch is full. Smaller than in an evaluation, because the tracked inside of a layer takes many times
/// the memory of its activations, and because few items must occupy all threads.
const BATCH_ROWS: usize = 96;

/// Computes the sensitivities of the matrices `ids` of a model from the losses of `items`, in the order of `items`.
///
/// The components are those of the matrices as loaded; the forward and backward passes use dense replacements of the
/// model's overlay. The result is the same to the bit for any number of threads.
///
/// # Errors
/// No items, a matrix that the model does not have, or values that are not finite.
pub fn sensitivities(
    model: &Model,
    evaluator: &Evaluator<'_>,
    items: &[usize],
    ids: &[WeightId],
    truncation: &Truncation,
    loss: Loss,
    context: RunContext<'_>,
) -> Result<BTreeMap<WeightId, Sensitivity>> {
    for id in ids {
        model.pieces(*id)?;
    }
    let items = loss_items(model, evaluator, items, loss)?;
    let all: Vec<usize> = (0..items.batches.len()).collect();
    differentiate(model, &items, &all, ids, truncation, context)
}

/// Divides items into batches in which no two share a row; the batches follow the order of the items.
///
/// # Errors
/// No items.
pub(crate) fn loss_items(model: &Model, evaluator: &Evaluator<'_>, items: &[usize], loss: Loss) -> Result<LossItems> {
    if items.is_empty() {
        return Err(Error::setting("items", "expected at least one, found none"));
    }
    let (encoded, batches) =
        evaluator.loss_batches(model, items, BATCH_ROWS, |item, score| loss.required_part(item, score))?;
    let scores = evaluator.task_indices(items).into_iter().map(|task| evaluator.tasks()[task].score).collect();
    Ok(LossItems { encoded, batches, scores, loss })
}

/// Runs some batches forward, then backward one layer at a time, and collects the effects of each matrix's components. The
/// sensitivities are those of the batches' items, in their order.
pub(crate) fn differentiate(
    model: &Model,
    items: &LossItems,
    batches: &[usize],
    ids: &[WeightId],
    truncation: &Truncation,
    context: RunContext<'_>,
) -> Result<BTreeMap<WeightId, Sensitivity>> {
    let RunContext { threads, observer, .. } = context;
    let n_layers = model.config().n_layers;
    let mut by_layer: BTreeMap<usize, BTreeSet<WeightId>> = BTreeMap::new();
    for id in ids {
        by_layer.entry(id.layer).or_default().insert(*id);
    }
    let Some(lowest) = by_layer.keys().next().copied() else { return Ok(BTreeMap::new()) };

    let model = &model.with_threads(1);
    // Packed weights cannot be differentiated. Unpacking the head once, then one layer at a time, bounds the memory.
    let plain = model.with_plain_head()?;
    let start = |batch| BackwardPass::new(&plain, items, batch, lowest);
    let mut passes = map(
        batches.iter().map(|batch| &items.batches[*batch]).collect(),
        model.passes_side_by_side(threads),
        observer,
        start,
    )?;

    drop(plain);
    let losses: Vec<f64> = passes.iter().flat_map(|pass| pass.losses.clone()).collect();

    let mut found = BTreeMap::new();
    for layer in (lowest..n_layers).rev() {
        context.progress(n_layers - 1 - layer, n_layers - lowest);
        let ids: Vec<WeightId> = by_layer.remove(&layer).into_iter().flatten().collect();
        let components = map(ids.clone(), threads, observer, |id| Components::new(model, truncation, id))?;
        let plain = model.with_plain_layer(layer)?;
        let effects = map(passes.iter_mut().collect(), threads, observer, |pass: &mut BackwardPass<'_>| {
            let project = |rows: MatrixRows| {
                let at = ids.iter().position(|id| *id == rows.id);
                let at = at.expect("the matrix is one of `ids` because the pass was given these");
                Ok((at, components[at].effects(&rows)?))
            };
            pass.next_layer(&plain, &ids)?.into_iter().map(project).collect::<Result<Vec<_>>>()
        })?;
        let mut by_matrix: Vec<Vec<f32>> = vec![Vec::new(); ids.len()];
        for (at, effects) in effects.into_iter().flatten() {
            by_matrix[at].extend(effects);
        }
        for ((id, components), effects) in ids.into_iter().zip(components).zip(by_matrix) {
            found.insert(id, Sensitivity { sigma: components.sigma, losses: losses.clone(), effects });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
