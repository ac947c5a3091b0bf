//! Backpropagation through a tracked computation: the gradient of its output → the gradients of its leaves.

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use crate::error::Result;
use laser_kernels::differentiable::surrogate_loss;

/// Gradients of the leaves of one tracked computation.
pub(super) struct Gradients(GradStore);

impl Gradients {
    /// Backpropagates from the tracked tensor `y`, whose own gradient is `gradient`, of the same shape.
    pub(super) fn backpropagate(y: &Tensor, gradient: &Tensor) -> Result<Self> {
        Ok(Self(surrogate_loss(y, gradient)?.backward()?))
    }

    /// The gradient of a leaf; zeros if `y` does not depend on it.
    pub(super) fn of(&self, leaf: &Var) -> Result<Tensor> {
        match self.0.get(leaf) {
            Some(gradient) => Ok(gradient.contiguous()?),
            None => Ok(leaf.zeros_like()?),
        }
    }
}
