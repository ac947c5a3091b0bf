//! The weights before and after the blocks of a Decision Transformer: embeddings of returns, states and actions, and
//! predictions of them.

use super::linear::Linear;
use laser_kernels::weight::Weight;

/// Weights of a Decision Transformer that take the place of token embedding and output head.
#[derive(Debug)]
pub struct TrajectoryWeights {
    /// Time-step embedding, `[time_steps, d_model]`.
    pub time_steps: Weight,
    /// Embeddings of a return, `[d_model, 1]`, a state, `[d_model, state]`, and an action, `[d_model, action]`.
    pub inputs: ReturnStateAction<Linear>,
    /// Predictions of a return, `[1, d_model]`, a state, `[state, d_model]`, and an action, `[action, d_model]`.
    pub outputs: ReturnStateAction<Linear>,
}

/// One value for each kind of row in a step of a trajectory, in the order of the rows.
#[derive(Debug, Clone)]
pub struct ReturnStateAction<T> {
    /// Value for returns.
    pub returns: T,
    /// Value for states.
    pub states: T,
    /// Value for actions.
    pub actions: T,
}
