//! Episodes through a Decision Transformer: returns, states and actions in, a prediction of each out.
//!
//! Every step of an episode is three rows of a pass, `return state action`; the blocks are those of any model, and each
//! row sees the rows before it.

use candle_core::{Device, Tensor};

use super::ForwardPass;
use super::attend::normed;
use super::trace::host;
use crate::config::TrajectorySizes;
use crate::error::{Error, Result};
use crate::model::{Linear, Model};
use crate::trajectory::TrajectoryWeights;
use laser_kernels::batch_layout::{BatchLayout, KvCache};
use laser_kernels::linear::linear;

/// Steps of an episode, one after another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trajectory {
    /// The return that is to come from each step on, `[steps]`.
    pub returns: Vec<f32>,
    /// `[steps, state]`, row-major.
    pub states: Vec<f32>,
    /// `[steps, action]`, row-major; that of the last step changes no prediction of actions.
    pub actions: Vec<f32>,
    /// Number of each step in its episode, from 0: `[steps]`.
    pub time_steps: Vec<u32>,
}

/// What a model makes of a trajectory; f32 on the CPU.
#[derive(Debug, Clone)]
pub struct TrajectoryTrace {
    /// What enters the first block, then the output of each before the final norm: `n_layers + 1` of
    /// `[3·steps, d_model]`, the rows of a step in the order return, state, action.
    pub hidden: Vec<Tensor>,
    /// The next return, read off each action: `[steps, 1]`.
    pub returns: Tensor,
    /// The next state, read off each action: `[steps, state]`.
    pub states: Tensor,
    /// The action, read off each state: `[steps, action]`.
    pub actions: Tensor,
}

/// Rows of one step.
const ROWS: usize = 3;
/// Which of them is the state.
const STATE: usize = 1;
/// Which is the action.
const ACTION: usize = 2;

impl Model {
    /// Runs one trajectory, keeping the residual stream between the blocks and all predictions
    /// (Chen et al. 2021, arXiv 2106.01345; the form is that of transformers' `DecisionTransformerModel`).
    ///
    /// # Errors
    /// A model that reads tokens; no steps, another number of values than the model's sizes say, a value that is not
    /// finite, or a time step beyond the model's table; predictions that are not finite.
    pub fn trajectory(&self, trajectory: &Trajectory) -> Result<TrajectoryTrace> {
        let (c, weights) = (self.config(), self.weights());
        let (Some(sizes), Some(ends)) = (c.embedding.trajectory, &weights.trajectory) else {
            let problem =
                format!("expected one that reads trajectories, found a {}, which reads tokens", c.architecture.name);
            return Err(Error::setting("model", problem));
        };
        let steps = trajectory.steps(sizes)?;
        let mut rows = BatchLayout::default();
        rows.push_states(ROWS * steps, 0, Vec::new());
        let mut cache = KvCache::new(c.n_layers);
        let pass = ForwardPass::new(self, &rows, &mut cache, false)?.forgetting();
        let x = self.enter(ends, trajectory, steps)?; // [3·steps, d_model]
        let hidden = pass.stream(x)?;

        let last = normed(&hidden[c.n_layers], weights.head.norm.as_ref())?; // [3·steps, d_model]
        let last = last.reshape((steps, ROWS, c.d_model))?; // [steps, 3, d_model]
        let predict = |what: &str, row: usize, head: &Linear, bounded: bool| {
            let x = last.narrow(1, row, 1)?.squeeze(1)?.contiguous()?; // [steps, d_model]
            let y = linear(&x, &head.weight, head.bias.as_ref(), None, self.threads())?; // [steps, width]
            finite(what, host(&if bounded { y.tanh()? } else { y })?)
        };
        Ok(TrajectoryTrace {
            returns: predict("predicted returns", ACTION, &ends.outputs.returns, false)?,
            states: predict("predicted states", ACTION, &ends.outputs.states, false)?,
            actions: predict("predicted actions", STATE, &ends.outputs.actions, sizes.bounded_actions)?,
            hidden: hidden.iter().map(host).collect::<Result<_>>()?,
        })
    }

    /// What enters the first block: `norm(embedding + time step) + position`, `[3·steps, d_model]`.
    fn enter(&self, ends: &TrajectoryWeights, trajectory: &Trajectory, steps: usize) -> Result<Tensor> {
        let embedding = &self.weights().embedding;
        let times = ends.time_steps.rows(&trajectory.time_steps)?; // [steps, d_model]
        let embed = |values: &[f32], layer: &Linear| {
            let x = Tensor::from_slice(values, (steps, values.len() / steps), &Device::Cpu)?;
            let x = x.to_device(self.device())?.to_dtype(self.dtype())?; // [steps, width]
            linear(&x, &layer.weight, layer.bias.as_ref(), Some(&times), self.threads()) // [steps, d_model]
        };
        let step = [
            embed(&trajectory.returns, &ends.inputs.returns)?,
            embed(&trajectory.states, &ends.inputs.states)?,
            embed(&trajectory.actions, &ends.inputs.actions)?,
        ];
        let x = Tensor::stack(&step, 1)?.reshape((ROWS * steps, self.config().d_model))?; // [3·steps, d_model]
        let x = normed(&x, embedding.norm.as_ref())?;
        match &embedding.positions {
            // All rows take the first position: the time steps tell where they stand.
            Some(positions) => Ok(x.broadcast_add(&positions.rows(&[0])?)?),
            None => Ok(x),
        }
    }
}

impl Trajectory {
    /// The number of steps, once everything has the size that the model asks for.
    fn steps(&self, sizes: TrajectorySizes) -> Result<usize> {
        let steps = self.time_steps.len();
        if steps == 0 {
            return Err(Error::setting("time_steps", "expected at least one, found none"));
        }
        let values = [
            ("returns", &self.returns, 1),
            ("states", &self.states, sizes.state),
            ("actions", &self.actions, sizes.action),
        ];
        for (name, values, width) in values {
            let (expected, found) = (steps * width, values.len());
            if found != expected {
                let problem =
                    format!("expected {expected} numbers, {width} for each of {steps} time steps, found {found}");
                return Err(Error::setting(name, problem));
            }
            if let Some(index) = values.iter().position(|v| !v.is_finite()) {
                let problem = format!("expected finite numbers, found {} at step {}", values[index], index / width);
                return Err(Error::setting(name, problem));
            }
        }
        if let Some(step) = self.time_steps.iter().position(|t| *t as usize >= sizes.time_steps) {
            let problem =
                format!("expected less than {}, found {} at step {step}", sizes.time_steps, self.time_steps[step]);
            return Err(Error::setting("time_steps", problem));
        }
        Ok(steps)
    }
}

/// `predictions [steps, width]`, all of them finite.
fn finite(what: &str, predictions: Tensor) -> Result<Tensor> {
    let rows = predictions.to_vec2::<f32>()?;
    match rows.iter().position(|row| row.iter().any(|v| !v.is_finite())) {
        Some(step) => Err(Error::NotFinite { what: what.into(), place: format!("step {step}") }),
        None => Ok(predictions),
    }
}
