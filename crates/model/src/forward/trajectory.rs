//! A Decision Transformer: takes returns, states and actions of an episode, gives a prediction of each.
//!
//! Every time step of an episode is three rows of a batch: return, state, action. The blocks are the same as in a
//! language model, and each row attends to the rows before it.

use candle_core::{Device, Tensor};

use super::ForwardPass;
use super::taps::{Taps, tapped_linear, tapped_norm};
use super::trace::to_host;
use crate::config::TrajectorySizes;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::parameters::{ParameterOwner, TensorRole};
use crate::weights::{Linear, LinearRef, TrajectoryWeights};
use laser_kernels::batch_layout::BatchLayout;
use laser_kernels::linear::linear;

/// Consecutive time steps of an episode.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trajectory {
    /// Return-to-go at each step: sum of the rewards from this step to the end, `[steps]`.
    pub returns: Vec<f32>,
    /// State at each step, `[steps, state]`, row-major.
    pub states: Vec<f32>,
    /// Action at each step, `[steps, action]`, row-major. No predicted action depends on the last one, so zeros do.
    pub actions: Vec<f32>,
    /// Number of each step in its episode, counted from 0: `[steps]`.
    pub time_steps: Vec<u32>,
}

/// Hidden states and predictions for a trajectory; f32 on the CPU.
#[derive(Debug, Clone)]
pub struct TrajectoryTrace {
    /// Input of the first block, then the output of each block (the last before the final norm): `n_layers + 1` tensors
    /// `[3·steps, d_model]`; the rows of a step are in the order return, state, action.
    pub hidden: Vec<Tensor>,
    /// Predicted next return, from the row of each action: `[steps, 1]`.
    pub returns: Tensor,
    /// Predicted next state, from the row of each action: `[steps, state]`.
    pub states: Tensor,
    /// Predicted action, from the row of each state: `[steps, action]`.
    pub actions: Tensor,
}

/// Number of rows of one step.
const ROWS: usize = 3;
/// Row of the state within a step.
const STATE: usize = 1;
/// Row of the action within a step.
const ACTION: usize = 2;

impl Model {
    /// Runs one trajectory and returns the residual stream between the blocks and all predictions.
    ///
    /// Source: Chen et al. 2021, arXiv 2106.01345; layout and predictions as in `DecisionTransformerModel` of the
    /// Python library transformers.
    ///
    /// # Errors
    /// A model that reads tokens; no steps; a number of values that does not fit the model's sizes; a value that is not
    /// finite; a time step beyond the model's table; predictions that are not finite.
    pub fn trajectory(&self, trajectory: &Trajectory) -> Result<TrajectoryTrace> {
        let (c, weights) = (self.config(), self.weights());
        let (sizes, ends) = self.trajectory_ends()?;
        let steps = trajectory.checked_steps(sizes)?;
        let mut layout = BatchLayout::default();
        layout.push_states(ROWS * steps, 0, Vec::new());
        let mut cache = self.new_kv_cache();
        let mut pass = ForwardPass::new(self, &layout, &mut cache, false)?.without_caching();
        let x = pass.embed_steps(trajectory)?; // [3·steps, d_model]
        let hidden = pass.residual_stream(x)?; // n_layers + 1 of [3·steps, d_model]

        let norm = ParameterOwner::Role(TensorRole::FinalNorm, 0);
        let last = tapped_norm(None, norm, &hidden[c.n_layers], weights.head.norm.as_ref())?; // [3·steps, d_model]
        let last = last.reshape((steps, ROWS, c.d_model))?; // [steps, 3, d_model]
        let predict = |what: &str, row: usize, head: &Linear, bounded: bool| {
            let x = last.narrow(1, row, 1)?.squeeze(1)?.contiguous()?; // [steps, d_model]
            let y = linear(&x, &head.weight, head.bias.as_ref(), None, self.threads())?; // [steps, width]
            all_finite(what, to_host(&if bounded { y.tanh()? } else { y })?)
        };
        Ok(TrajectoryTrace {
            returns: predict("predicted returns", ACTION, &ends.outputs.returns, false)?,
            states: predict("predicted states", ACTION, &ends.outputs.states, false)?,
            actions: predict("predicted actions", STATE, &ends.outputs.actions, sizes.bounded_actions)?,
            hidden: hidden.iter().map(to_host).collect::<Result<_>>()?,
        })
    }

    /// The weights of a Decision Transformer and the sizes of its inputs.
    fn trajectory_ends(&self) -> Result<(TrajectorySizes, &TrajectoryWeights)> {
        let (c, weights) = (self.config(), self.weights());
        c.embedding.trajectory.zip(weights.trajectory.as_ref()).ok_or_else(|| {
            let problem =
                format!("expected one that reads trajectories, found a {}, which reads tokens", c.family.name);
            Error::setting("model", problem)
        })
    }

    /// Logits of actions from the output of the last block in the rows of states: `hidden [steps, d_model]` →
    /// `[steps, action]`, before the bound of bounded actions. The operations are recorded in `taps`.
    ///
    /// # Errors
    /// A model that reads tokens.
    pub fn action_logits(&self, hidden: &Tensor, mut taps: Option<&mut Taps>) -> Result<Tensor> {
        let (_, ends) = self.trajectory_ends()?;
        let norm = ParameterOwner::Role(TensorRole::FinalNorm, 0);
        let x = tapped_norm(taps.as_deref_mut(), norm, hidden, self.weights().head.norm.as_ref())?; // [steps, d_model]
        let Linear { weight, bias } = &ends.outputs.actions;
        let head = LinearRef { weight, bias: bias.as_ref() };
        let owner = ParameterOwner::Role(TensorRole::ActionOutput, 0);
        tapped_linear(taps, owner, &x, None, head, None, self.threads()) // [steps, action]
    }
}

impl ForwardPass<'_> {
    /// Input of the first block for the steps of one or several trajectories, one after the other: `norm(embedding + time
    /// step) + position`, `[3·steps, d_model]`; the rows of a step are in the order return, state, action.
    ///
    /// # Errors
    /// A model that reads tokens, or a number of values that does not fit the model's sizes.
    pub fn embed_steps(&mut self, trajectory: &Trajectory) -> Result<Tensor> {
        let model = self.model;
        let (sizes, ends) = model.trajectory_ends()?;
        let steps = trajectory.checked_steps(sizes)?;
        let embedding = &model.weights().embedding;
        let times = ends.time_steps.rows(&trajectory.time_steps)?; // [steps, d_model]
        let embed = |values: &[f32], layer: &Linear| {
            let x = Tensor::from_slice(values, (steps, values.len() / steps), &Device::Cpu)?; // [steps, width]
            let x = x.to_device(model.device())?.to_dtype(model.dtype())?; // [steps, width]
            linear(&x, &layer.weight, layer.bias.as_ref(), Some(&times), model.threads()) // [steps, d_model]
        };
        let step = [
            embed(&trajectory.returns, &ends.inputs.returns)?,
            embed(&trajectory.states, &ends.inputs.states)?,
            embed(&trajectory.actions, &ends.inputs.actions)?,
        ];
        let x = Tensor::stack(&step, 1)?.reshape((ROWS * steps, model.config().d_model))?; // [3·steps, d_model]
        let owner = ParameterOwner::Role(TensorRole::EmbeddingNorm, 0);
        let x = self.normed(owner, &x, embedding.norm.as_ref())?; // [3·steps, d_model]
        match &embedding.positions {
            // As in the reference, all rows have position 0; the embedding of the time step gives their place.
            Some(positions) => Ok(x.broadcast_add(&positions.rows(&[0])?)?),
            None => Ok(x),
        }
    }
}

impl Trajectory {
    /// Number of steps, after checking that all values fit the model's sizes.
    fn checked_steps(&self, sizes: TrajectorySizes) -> Result<usize> {
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

/// Returns `predictions [steps, width]` if all of them are finite; `what` names them in the error.
fn all_finite(what: &str, predictions: Tensor) -> Result<Tensor> {
    let rows = predictions.to_vec2::<f32>()?;
    match rows.iter().position(|row| row.iter().any(|v| !v.is_finite())) {
        Some(step) => Err(Error::NotFinite { what: what.into(), place: format!("step {step}") }),
        None => Ok(predictions),
    }
}
