//! Taps on the matrices of a block: a differentiation reads their inputs and the gradients of their outputs there.

use candle_core::Tensor;
use candle_core::Var;

use crate::error::Result;
use crate::weight_id::WeightId;

/// Which matrices are tapped, and what was found at them.
pub struct Taps {
    ids: Vec<WeightId>,
    /// In the order of the pass.
    pub found: Vec<Tap>,
}

/// One matrix of one pass.
pub struct Tap {
    pub id: WeightId,
    /// The rows of the pass that went through it; `None`: all that were there.
    pub rows: Option<Vec<u32>>,
    /// The matrix's input, `[rows, in]`.
    pub input: Tensor,
    /// Zeros added to the matrix's output, `[rows, out]`: their gradient is the output's.
    pub output: Var,
}

impl Taps {
    /// Taps on the stored matrices `ids`.
    pub fn new(ids: Vec<WeightId>) -> Self {
        Self { ids, found: Vec::new() }
    }

    /// The output `y` of a matrix with input `x`, tracked if the matrix is tapped.
    pub(super) fn tap(&mut self, id: WeightId, x: &Tensor, rows: Option<&[u32]>, y: Tensor) -> Result<Tensor> {
        if !self.ids.contains(&id) {
            return Ok(y);
        }
        let output = Var::from_tensor(&y.zeros_like()?)?;
        let y = (y + output.as_tensor())?;
        self.found.push(Tap { id, rows: rows.map(<[u32]>::to_vec), input: x.detach(), output });
        Ok(y)
    }
}
