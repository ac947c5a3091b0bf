//! Measures the inputs of matrices on the prompts of items: evaluator + model → [`Activations`].

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{DType, Device, Tensor};
use laser_linalg::{Covariance, MatrixView};

use super::Evaluator;
use super::batch::{BATCH_ROWS, Batch};
use super::context::RunContext;
use crate::edit::activations::{Activations, MatrixInput};
use crate::error::{Error, Result};
use laser_kernels::kv_cache::KvCache;
use laser_kernels::with_values;
use laser_model::Model;
use laser_model::forward::BlockInputs;
use laser_model::forward::ForwardPass;
use laser_model::parallel::map;
use laser_model::weight_id::WeightId;

/// Measures the inputs of `matrices` on the prompts of `items`, in one pass through the layers.
///
/// Memory: the residual stream of all prompts, and n² values of 8 bytes for each distinct input of width n. The result
/// is the same to the bit for any number of threads.
///
/// # Errors
/// No items, a matrix that the model does not have, a matrix of one expert or of some columns, or values that are not
/// finite.
pub fn measure_activations(
    model: &Model,
    evaluator: &Evaluator<'_>,
    items: &[usize],
    matrices: &[WeightId],
    context: RunContext<'_>,
) -> Result<Activations> {
    if items.is_empty() {
        return Err(Error::setting("items", "expected at least one to measure activations on, found none"));
    }
    measure_batches(model, &evaluator.prompt_batches(model, items, BATCH_ROWS)?, matrices, context)
}

/// Measures the inputs of `matrices` on batches of prompts.
fn measure_batches(
    model: &Model,
    batches: &[Batch],
    matrices: &[WeightId],
    context: RunContext<'_>,
) -> Result<Activations> {
    let RunContext { threads, observer, .. } = context;
    let mut inputs_by_layer = inputs_by_layer(model, matrices)?;
    let mut covariances = BTreeMap::new();
    let Some(&last) = inputs_by_layer.keys().next_back() else { return Ok(Activations::new(covariances)) };
    let model = &model.with_threads(1);
    let row_weights: Vec<Vec<f64>> = batches.iter().map(prompts_of_rows).collect();
    let mut streams = map(batches.iter().collect(), threads, observer, |batch: &Batch| batch.embed(model))?; // of each batch, [rows, d_model]
    for layer in 0..=last {
        let inputs = inputs_by_layer.remove(&layer).unwrap_or_default();
        // As many batches as threads at a time: more would only hold more of the wide inputs in memory.
        for first in (0..batches.len()).step_by(threads.max(1)) {
            let group: Vec<usize> = (first..batches.len().min(first + threads.max(1))).collect();
            let run = |b: usize| {
                let mut cache = no_cache(model);
                let mut pass = ForwardPass::new(model, &batches[b].rows, &mut cache, false)?.without_caching();
                pass.block_inputs(layer, &streams[b])
            };
            let blocks = map(group.clone(), threads, observer, run)?;
            // One batch after another, so that the sums do not depend on the number of threads.
            for (b, block) in group.into_iter().zip(blocks) {
                for &input in &inputs {
                    let Some(x) = input_tensor(input, &block) else { continue };
                    add_rows(&mut covariances, (layer, input), x, &row_weights[b], threads)?;
                }
                streams[b] = block.out;
            }
        }
        context.progress(layer + 1, last + 1);
    }
    Ok(Activations::new(covariances))
}

/// The distinct inputs of `matrices`, by layer.
fn inputs_by_layer(model: &Model, matrices: &[WeightId]) -> Result<BTreeMap<usize, BTreeSet<MatrixInput>>> {
    let mut inputs: BTreeMap<usize, BTreeSet<MatrixInput>> = BTreeMap::new();
    for id in matrices {
        model.pieces(*id)?;
        let input = MatrixInput::of(*id).ok_or_else(|| {
            let problem = "the inputs of one expert's matrices, or of some columns, are not measured".into();
            Error::Edit { edit: id.to_string(), problem }
        })?;
        inputs.entry(id.layer).or_default().insert(input);
    }
    Ok(inputs)
}

/// An input of a block, `[rows, width]`; `None` for the hidden state of a block with experts.
pub(crate) fn input_tensor(input: MatrixInput, block: &BlockInputs) -> Option<&Tensor> {
    match input {
        MatrixInput::Attention => Some(&block.attention),
        MatrixInput::Output => Some(&block.output),
        MatrixInput::Mlp => Some(&block.mlp),
        MatrixInput::Hidden => block.hidden.as_ref(),
    }
}

/// Adds the rows `x [rows, width]`, each with its weight, to the covariance of an input.
fn add_rows(
    covariances: &mut BTreeMap<(usize, MatrixInput), Covariance>,
    (layer, input): (usize, MatrixInput),
    x: &Tensor,
    weights: &[f64],
    threads: usize,
) -> Result<()> {
    let x = x.to_dtype(DType::F32)?.to_device(&Device::Cpu)?.contiguous()?;
    let (rows, width) = x.dims2()?;
    let sum = covariances.entry((layer, input)).or_insert_with(|| Covariance::new(width));
    let error = |source| Error::Linalg { matrix: format!("inputs of layer {layer}: {input:?}"), source };
    with_values(&x, |x| sum.add(MatrixView::new(rows, width, x)?, weights, threads))?.map_err(error)
}

/// For each row of a batch, the number of prompts that contain it.
fn prompts_of_rows(batch: &Batch) -> Vec<f64> {
    let mut counts = vec![0.0; batch.rows.len()];
    for range in batch.items.iter().flat_map(|item| &item.prompt_rows) {
        counts[range.clone()].iter_mut().for_each(|count| *count += 1.0);
    }
    counts
}

/// An empty cache, for passes that no later pass follows.
fn no_cache(model: &Model) -> KvCache {
    model.new_kv_cache()
}

#[cfg(test)]
mod tests;
