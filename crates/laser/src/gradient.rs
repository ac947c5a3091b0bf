//! Gradient screening: takes a model and some items, gives every matrix's every rank a predicted change of the loss.
//!
//! With `W = Σ σᵢ·uᵢvᵢᵀ` and `G = ∂L/∂W`, `∂L/∂σᵢ = uᵢᵀ·G·vᵢ`: one backward pass tells of every component of every
//! matrix what the loss would do without it (C2I's idea, arXiv 2510.20800). A gradient of a linear layer is a sum
//! over tokens, `G = Σ_t δ_t·x_tᵀ` with inputs `x_t` and output gradients `δ_t`, so `uᵢᵀ·G·vᵢ = Σ_t (uᵢ·δ_t)(vᵢ·x_t)`:
//! no `G` is formed, and the sum is taken for each item apart. Sits between `evaluate` and `search`.

mod backward;
mod loss;
mod sensitivity;

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{DType, Device};
use laser_linalg::Svd;

pub use loss::Loss;
pub use sensitivity::{FISHER_WEIGHT, Prediction, Sensitivity};

use crate::edit::truncation::{Truncation, on_device};
use crate::error::{Error, Result};
use crate::evaluate::Evaluator;
use backward::{Descent, MatrixRows};
use laser_kernels::linear::Weight;
use laser_kernels::linear::linear;
use laser_kernels::with_values;
use laser_model::Model;
use laser_model::parallel::{Observer, map};
use laser_model::weight_id::WeightId;
use loss::Items;

/// Rows of one batch: the tracked inside of a layer is many times its activations, and threads share few items.
const BATCH_ROWS: usize = 96;

/// The sensitivities of the matrices `ids` of `model`, from the losses of the items `items` of `exam`, in their order.
///
/// The components are those of the matrices as loaded; an overlay of dense replacements counts for the pass itself.
/// The result is the same to the bit for any `threads`.
///
/// # Errors
/// No items, a matrix the model does not have, or values that are not finite.
#[allow(clippy::too_many_arguments)] // each is a choice of the caller's
pub fn sensitivities(
    model: &Model,
    exam: &Evaluator<'_>,
    items: &[usize],
    ids: &[WeightId],
    truncation: &Truncation,
    loss: Loss,
    threads: usize,
    observer: &dyn Observer,
) -> Result<BTreeMap<WeightId, Sensitivity>> {
    if items.is_empty() {
        return Err(Error::setting("items", "expected at least one, found none"));
    }
    for id in ids {
        model.pieces(*id)?;
    }
    let (encoded, batches) = exam.apart(items, BATCH_ROWS, |item, score| loss.needed(item, score));
    let scores = exam.parts_of(items).into_iter().map(|part| exam.parts()[part].score).collect();
    differentiate(model, &Items { encoded, batches, scores, loss }, ids, truncation, threads, observer)
}

fn differentiate(
    model: &Model,
    items: &Items,
    ids: &[WeightId],
    truncation: &Truncation,
    threads: usize,
    observer: &dyn Observer,
) -> Result<BTreeMap<WeightId, Sensitivity>> {
    let n_layers = model.config().n_layers;
    let mut by_layer: BTreeMap<usize, BTreeSet<WeightId>> = BTreeMap::new();
    for id in ids {
        by_layer.entry(id.layer).or_default().insert(*id);
    }
    let Some(lowest) = by_layer.keys().next().copied() else { return Ok(BTreeMap::new()) };

    let model = &model.with_threads(1);
    // Packed weights suit no gradient: the head is unpacked once, then one layer at a time.
    let plain = model.with_plain_head()?;
    let start = |batch| Descent::new(&plain, items, batch, lowest);
    let mut descents = map(items.batches.iter().collect(), threads, observer, start)?;

    drop(plain);
    let losses: Vec<f64> = descents.iter().flat_map(|descent| descent.losses.clone()).collect();

    let mut found = BTreeMap::new();
    for layer in (lowest..n_layers).rev() {
        observer.progress("gradient", n_layers - 1 - layer, n_layers - lowest);
        let ids: Vec<WeightId> = by_layer.remove(&layer).into_iter().flatten().collect();
        let factors = map(ids.clone(), threads, observer, |id| Factors::new(model, truncation, id))?;
        let plain = model.with_plain_layer(layer)?;
        let effects = map(descents.iter_mut().collect(), threads, observer, |descent: &mut Descent<'_>| {
            let project = |rows: MatrixRows| {
                let at = ids.iter().position(|id| *id == rows.id);
                let at = at.expect("the matrix is one of these because only these were asked for");
                Ok((at, factors[at].effects(&rows)?))
            };
            descent.down(&plain, &ids)?.into_iter().map(project).collect::<Result<Vec<_>>>()
        })?;
        let mut by_matrix: Vec<Vec<f32>> = vec![Vec::new(); ids.len()];
        for (at, effects) in effects.into_iter().flatten() {
            by_matrix[at].extend(effects);
        }
        for ((id, factors), effects) in ids.into_iter().zip(factors).zip(by_matrix) {
            found.insert(id, Sensitivity { sigma: factors.sigma, losses: losses.clone(), effects });
        }
    }
    Ok(found)
}

/// A matrix's components, ready to meet its rows.
struct Factors {
    sigma: Vec<f64>,
    /// `Uᵀ`, `[components, out]`.
    ut: Weight,
    /// `Vᵀ`, `[components, in]`.
    vt: Weight,
}

impl Factors {
    fn new(model: &Model, truncation: &Truncation, id: WeightId) -> Result<Self> {
        let Svd { u, s, vt } = truncation.svd(id, &model.matrix(id)?)?;
        let ut = Weight::new(on_device(u, model)?.to_tensor()?.t()?.contiguous()?)?;
        Ok(Self { sigma: s, ut, vt: on_device(vt, model)? })
    }

    /// `σᵢ·Σ_t (uᵢ·δ_t)(vᵢ·x_t)` over the rows of each item: `[items · components]`.
    fn effects(&self, rows: &MatrixRows) -> Result<Vec<f32>> {
        let k = self.sigma.len();
        let Some((input, delta)) = &rows.rows else { return Ok(vec![0.0; rows.spans.len() * k]) };
        let inputs = linear(input, &self.vt, None, None, 1)?; // [rows, components]
        let outputs = linear(delta, &self.ut, None, None, 1)?; // [rows, components]
        let products = (inputs * outputs)?.to_dtype(DType::F32)?.to_device(&Device::Cpu)?;
        Ok(with_values(&products, |products| {
            let mut effects = Vec::with_capacity(rows.spans.len() * k);
            for span in &rows.spans {
                let mut sums = vec![0f64; k];
                for row in products[span.start * k..span.end * k].chunks_exact(k.max(1)) {
                    sums.iter_mut().zip(row).for_each(|(sum, product)| *sum += f64::from(*product));
                }
                effects.extend(sums.iter().zip(&self.sigma).map(|(sum, sigma)| (sum * sigma) as f32));
            }
            effects
        })?)
    }
}

#[cfg(test)]
mod tests;
