//! Taps: record the inputs of chosen matrices, and make the gradients of their outputs available to a differentiation.

use candle_core::{Tensor, Var};

use crate::error::Result;
use crate::weight_id::WeightId;

/// Stored matrices to record, and the records of a forward pass.
pub struct Taps {
    ids: Vec<WeightId>,
    /// One record for each recorded matrix, in the order of the forward pass.
    pub found: Vec<Tap>,
}

/// Record of one matrix in one forward pass.
pub struct Tap {
    /// The stored matrix.
    pub id: WeightId,
    /// Rows of the pass that went through the matrix (an expert's), ascending; `None` for all rows.
    pub rows: Option<Vec<u32>>,
    /// Input of the matrix, `[rows, in]`.
    pub input: Tensor,
    /// Zeros that were added to the matrix's output, `[rows, out]`; their gradient is the gradient of the output.
    pub output: Var,
}

impl Taps {
    /// Taps on the stored matrices `ids`, without records yet.
    pub fn new(ids: Vec<WeightId>) -> Self {
        Self { ids, found: Vec::new() }
    }

    /// Records a matrix with input `x [rows, in]` and output `y [rows, out]` if it is among the taps; returns the
    /// output through which gradients flow.
    pub(super) fn tap(&mut self, id: WeightId, x: &Tensor, rows: Option<&[u32]>, y: Tensor) -> Result<Tensor> {
        if !self.ids.contains(&id) {
            return Ok(y);
        }
        let output = Var::from_tensor(&y.zeros_like()?)?; // [rows, out]
        let y = (y + output.as_tensor())?; // [rows, out]
        self.found.push(Tap { id, rows: rows.map(<[u32]>::to_vec), input: x.detach(), output });
        Ok(y)
    }
}
