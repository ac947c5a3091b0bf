//! The components of one matrix, and the effects of each on the losses of items.

use candle_core::{DType, Device};
use laser_linalg::Svd;

use super::backward::MatrixRows;
use crate::edit::stored_matrices::device_weight;
use crate::edit::truncation::Truncation;
use crate::error::Result;
use laser_kernels::linear::linear;
use laser_kernels::weight::Weight;
use laser_kernels::with_values;
use laser_model::Model;
use laser_model::weight_id::WeightId;

/// The decomposition of one matrix, transposed for products with its rows.
pub(super) struct Components {
    /// Singular values, descending.
    pub(super) sigma: Vec<f64>,
    /// `Uᵀ`, `[components, out]`.
    ut: Weight,
    /// `Vᵀ`, `[components, in]`.
    vt: Weight,
}

impl Components {
    /// Decomposes a matrix of the model as loaded.
    pub(super) fn new(model: &Model, truncation: &Truncation, id: WeightId) -> Result<Self> {
        let Svd { u, s, vt } = truncation.svd(id, &model.matrix(id)?)?;
        let ut = Weight::new(device_weight(u, model)?.to_tensor()?.t()?.contiguous()?)?;
        Ok(Self { sigma: s, ut, vt: device_weight(vt, model)? })
    }

    /// Computes `σᵢ·Σ_t (uᵢ·δ_t)(vᵢ·x_t)` over the rows of each item: `[items · components]`.
    pub(super) fn effects(&self, rows: &MatrixRows) -> Result<Vec<f32>> {
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
