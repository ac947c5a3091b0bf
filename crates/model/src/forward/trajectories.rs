//! Many trajectories side by side: takes contexts of a Decision Transformer, gives the actions that it predicts.
//!
//! Each trajectory is a segment of one batch. Its rows are those of [`Model::trajectory`], and the predictions are equal
//! to its predictions to the bit.

use candle_core::Tensor;

use super::ForwardPass;
use super::start::PassStart;
use super::trace::to_host;
use super::trajectory::{ROWS, STATE, Trajectory, all_finite};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::parallel::{Unobserved, map};
use laser_kernels::batch_layout::BatchLayout;

/// Approximate number of rows of one batch.
const BATCH_ROWS: usize = 768;

impl Model {
    /// Predicted action at the last step of each trajectory, `[trajectories, action]`; f32 on the CPU. Batches of about
    /// 768 rows run side by side on up to `threads` threads.
    ///
    /// # Errors
    /// As [`Model::trajectory`]; no trajectories.
    pub fn next_actions(&self, trajectories: &[&Trajectory], threads: usize) -> Result<Tensor> {
        self.batched_actions(trajectories, threads, false)
    }

    /// Predicted action at every step of each trajectory, `[steps of all trajectories, action]`, in their order; otherwise
    /// as [`Model::next_actions`].
    ///
    /// # Errors
    /// As [`Model::next_actions`].
    pub fn all_actions(&self, trajectories: &[&Trajectory], threads: usize) -> Result<Tensor> {
        self.batched_actions(trajectories, threads, true)
    }

    /// Predicted actions of all steps if `all`, otherwise of the last step of each trajectory: `[steps, action]`.
    fn batched_actions(&self, trajectories: &[&Trajectory], threads: usize, all: bool) -> Result<Tensor> {
        let longest = trajectories.iter().map(|trajectory| trajectory.time_steps.len()).max().unwrap_or(0);
        if longest == 0 {
            return Err(Error::setting("time_steps", "expected at least one, found none"));
        }
        let batches: Vec<&[&Trajectory]> = trajectories.chunks((BATCH_ROWS / (ROWS * longest)).max(1)).collect();
        // With fewer batches than threads, the threads work inside each batch, one batch after the other.
        let inside = if batches.len() < threads { threads } else { 1 };
        let model = self.with_threads(inside);
        let actions = map(batches, threads / inside, &Unobserved, |batch| model.actions_of_batch(batch, all))?;
        Ok(Tensor::cat(&actions, 0)?) // [steps, action]
    }

    /// Predicted actions of one batch: `[steps, action]`.
    fn actions_of_batch(&self, batch: &[&Trajectory], all: bool) -> Result<Tensor> {
        let (sizes, _) = self.trajectory_ends()?;
        let mut joined = Trajectory::default();
        let mut layout = BatchLayout::default();
        let mut keep = Vec::new(); // rows of the states whose actions are predicted
        for trajectory in batch {
            let steps = trajectory.checked_steps(sizes)?;
            let first = layout.len();
            layout.push_states(ROWS * steps, 0, Vec::new());
            let from = if all { 0 } else { steps - 1 };
            keep.extend((from..steps).map(|step| first + ROWS * step + STATE));
            joined.returns.extend(&trajectory.returns);
            joined.states.extend(&trajectory.states);
            joined.actions.extend(&trajectory.actions);
            joined.time_steps.extend(&trajectory.time_steps);
        }
        let mut cache = self.new_kv_cache();
        let mut pass = ForwardPass::new(self, &layout, &mut cache, false)?.without_caching();
        let x = pass.embed_steps(&joined)?; // [3·steps, d_model]
        let (x, _) = pass.run(PassStart::Block(0, x), Some(&keep))?; // [kept, d_model]
        let y = self.action_head(&x, None)?; // [kept, action]
        all_finite("predicted actions", to_host(&if sizes.bounded_actions { y.tanh()? } else { y })?)
    }
}
