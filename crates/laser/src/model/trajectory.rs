//! The weights around the blocks of a model of trajectories: what makes tokens of returns, states and actions, and
//! what makes predictions of the last block's output.

use super::{Linear, Weight};

/// What stands in the places of a token embedding and an output head.
#[derive(Debug)]
pub(crate) struct TrajectoryWeights {
    /// `[time_steps, d_model]`.
    pub(crate) time_steps: Weight,
    /// What makes a token of each of them: from 1, `state` and `action` numbers to `d_model`.
    pub(crate) inputs: Triple<Linear>,
    /// What makes each of them of a token: the reverse.
    pub(crate) outputs: Triple<Linear>,
}

/// One thing for each kind of token, in the order in which they follow one another within a step.
#[derive(Debug, Clone)]
pub(crate) struct Triple<T> {
    pub(crate) returns: T,
    pub(crate) states: T,
    pub(crate) actions: T,
}
