//! The output head: takes the output of the last block, gives logits.

use candle_core::{DType, Tensor};

use super::taps::{Taps, tapped_linear, tapped_norm};
use crate::error::Result;
use crate::model::Model;
use crate::parameters::{ParameterOwner, TensorRole};
use laser_kernels::activation::activate;
use laser_kernels::linear::linear;

impl Model {
    /// Logits from the output of the last block: `[rows, d_model]` → `[rows, vocab]`, f32.
    ///
    /// # Errors
    /// A model that reads no tokens.
    pub fn head(&self, hidden: &Tensor) -> Result<Tensor> {
        self.tapped_head(hidden, None)
    }

    /// As [`Model::head`], with the head's operations recorded in `taps`.
    ///
    /// # Errors
    /// A model that reads no tokens.
    pub fn tapped_head(&self, hidden: &Tensor, mut taps: Option<&mut Taps>) -> Result<Tensor> {
        let (weights, c) = (&self.weights().head, &self.config().head);
        let tokens = self.head_matrix()?;
        self.meter().add_head(hidden.dim(0)?);
        let norm = ParameterOwner::Role(TensorRole::FinalNorm, 0);
        let mut x = tapped_norm(taps.as_deref_mut(), norm, hidden, weights.norm.as_ref())?; // [rows, d_model]
        if let (Some((square, norm)), Some(f)) = (&weights.transform, c.transform) {
            x = linear(&x, &square.weight, square.bias.as_ref(), None, self.threads())?; // [rows, d_model]
            x = norm.apply(&activate(&x, f)?)?; // [rows, d_model]
        }
        let owner = ParameterOwner::Role(TensorRole::Head, 0);
        let logits = tapped_linear(taps, owner, &x, None, tokens, None, self.threads())?; // [rows, vocab]
        let mut logits = logits.to_dtype(DType::F32)?;
        if c.scale != 1.0 {
            logits = (logits * c.scale)?;
        }
        if let Some(cap) = c.softcap {
            logits = ((logits / cap)?.tanh()? * cap)?;
        }
        Ok(logits)
    }
}
