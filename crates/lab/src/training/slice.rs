//! Slices: parts of a step's batch that run as one forward and backward pass each.

use laser::kernels::batch_layout::BatchLayout;
use laser::model::forward::Trajectory;

use crate::error::Result;

/// A class that the model should predict after one row of a slice: the next token, or an action.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// The row whose output predicts it.
    pub row: usize,
    /// The class.
    pub class: u32,
    /// Weight of its loss.
    pub weight: f32,
}

/// Part of a step's batch.
#[derive(Debug, Clone, Default)]
pub struct Slice {
    /// The rows: sequences of tokens, or three rows for each step of a trajectory.
    pub layout: BatchLayout,
    /// The steps of the rows, for a Decision Transformer.
    pub trajectory: Option<Trajectory>,
    /// Classes to predict, in ascending order of their rows; at most one for each row.
    pub targets: Vec<Target>,
}

/// Examples for training, in an order that depends on nothing but a seed.
pub trait Examples: Sync {
    /// The examples of `step`, counted from 1, in slices.
    ///
    /// # Errors
    /// Examples that cannot be read.
    fn batch(&self, step: usize) -> Result<Vec<Slice>>;
}
