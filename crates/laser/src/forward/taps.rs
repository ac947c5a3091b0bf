//! Taps on the matrices of a block: a differentiation reads their inputs and the gradients of their outputs there.

use candle_core::Tensor;
use candle_core::Var;

use crate::error::Result;
use crate::weight::WeightKind;

/// Which matrices are tapped, and what was found at them.
pub(crate) struct Taps {
    kinds: Vec<WeightKind>,
    /// In the order of the pass.
    pub(crate) found: Vec<Tap>,
}

/// One matrix of one pass.
pub(crate) struct Tap {
    pub(crate) kind: WeightKind,
    /// The matrix's input, `[rows, in]`.
    pub(crate) input: Tensor,
    /// Zeros added to the matrix's output, `[rows, out]`: their gradient is the output's.
    pub(crate) output: Var,
}

impl Taps {
    /// Taps on the matrices `kinds`.
    pub(crate) fn new(kinds: Vec<WeightKind>) -> Self {
        Self { kinds, found: Vec::new() }
    }

    /// The output `y` of a matrix with input `x`, tracked if the matrix is tapped.
    pub(super) fn tap(&mut self, kind: WeightKind, x: &Tensor, y: Tensor) -> Result<Tensor> {
        if !self.kinds.contains(&kind) {
            return Ok(y);
        }
        let output = Var::from_tensor(&y.zeros_like()?)?;
        let y = (y + output.as_tensor())?;
        self.found.push(Tap { kind, input: x.detach(), output });
        Ok(y)
    }
}
