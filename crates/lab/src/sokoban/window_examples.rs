//! Windows of demonstrations as examples of a training: at each state, the demonstrated move is to be predicted.

use laser::model::forward::Trajectory;
use laser_sokoban::{ACTIONS, Windows};

use crate::error::Result;
use crate::training::{Examples, Slice, Target};

/// Windows of one slice: about 512 rows for windows of four steps.
const SLICE_WINDOWS: usize = 43;
/// Rows of a time step: return, state, action.
const ROWS: usize = 3;
/// Row of the state, whose output predicts the action.
const STATE: usize = 1;

/// Windows of demonstrations, `batch` of them in each step.
pub(super) struct WindowExamples<'a> {
    pub(super) windows: Windows<'a>,
    pub(super) batch: usize,
}

impl Examples for WindowExamples<'_> {
    fn batch(&self, step: usize) -> Result<Vec<Slice>> {
        let batch = self.windows.batch(step as u64, self.batch);
        let width = batch.steps.states.len() / batch.steps.len().max(1);
        let (mut slices, mut first) = (Vec::new(), 0);
        for lengths in batch.lengths.chunks(SLICE_WINDOWS) {
            let steps = first..first + lengths.iter().sum::<usize>();
            first = steps.end;
            let mut slice = Slice::default();
            lengths.iter().for_each(|length| slice.layout.push_states(ROWS * length, 0, Vec::new()));
            let actions = &batch.steps.actions[steps.start * ACTIONS..steps.end * ACTIONS];
            slice.trajectory = Some(Trajectory {
                returns: batch.steps.returns[steps.clone()].to_vec(),
                states: batch.steps.states[steps.start * width..steps.end * width].to_vec(),
                actions: actions.to_vec(),
                time_steps: batch.steps.time_steps[steps].to_vec(),
            });
            let classes = actions.chunks_exact(ACTIONS).map(|action| (0u32..).zip(action).find(|(_, a)| **a == 1.0));
            slice.targets.extend(
                classes.enumerate().filter_map(|(step, class)| {
                    Some(Target { row: ROWS * step + STATE, class: class?.0, weight: 1.0 })
                }),
            );
            slices.push(slice);
        }
        Ok(slices)
    }
}
