//! The weights around the blocks of a model of trajectories: what makes tokens of returns, states and actions, and
//! what makes predictions of the last block's output.

use crate::model::Linear;
use laser_kernels::linear::Weight;

/// What stands in the places of a token embedding and an output head.
#[derive(Debug)]
pub struct TrajectoryWeights {
    /// `[time_steps, d_model]`.
    pub time_steps: Weight,
    /// What makes a token of each of them: from 1, `state` and `action` numbers to `d_model`.
    pub inputs: Triple<Linear>,
    /// What makes each of them of a token: the reverse.
    pub outputs: Triple<Linear>,
}

/// One thing for each kind of token, in the order in which they follow one another within a step.
#[derive(Debug, Clone)]
pub struct Triple<T> {
    pub returns: T,
    pub states: T,
    pub actions: T,
}
