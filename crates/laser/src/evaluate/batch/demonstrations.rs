//! Demonstrations → batches: each context that a model reads at a step is a segment of its own, and the move there is the
//! token that is scored.

use laser_kernels::batch_layout::{BatchLayout, index_u32};
use laser_model::forward::Trajectory;
use laser_sokoban::Move;

use super::{Batch, BatchItem};

/// Rows of a step: its return, its state, its action.
const ROWS: usize = 3;
/// Row of the state within a step.
const STATE: usize = 1;

/// Packs demonstrations into batches of about `target_rows` rows, in the order given. A batch counts items by their
/// position in `demonstrations`; each item has one candidate, and its tokens are the numbers of the moves.
pub(crate) fn plan_demonstrations(demonstrations: &[Vec<(Trajectory, Move)>], target_rows: usize) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for (index, steps) in demonstrations.iter().enumerate() {
        if batches.last().is_none_or(|batch| batch.rows.len() >= target_rows) {
            batches.push(Batch {
                rows: BatchLayout::default(),
                logit_rows: Vec::new(),
                scored_tokens: Vec::new(),
                items: Vec::new(),
                trajectory: Some(Trajectory::default()),
            });
        }
        let batch = batches.last_mut().expect("one was added if there was none");
        let first_row = batch.rows.len();
        let mut places = Vec::with_capacity(steps.len());
        for (context, action) in steps {
            let rows = ROWS * context.time_steps.len();
            batch.rows.push_states(rows, 0, Vec::new());
            places.push((batch.logit_rows.len(), 0));
            batch.logit_rows.push(batch.rows.len() - ROWS + STATE);
            batch.scored_tokens.push(vec![index_u32(action.index())]);
            let joined = batch.trajectory.as_mut().expect("every batch here has one");
            joined.returns.extend(&context.returns);
            joined.states.extend(&context.states);
            joined.actions.extend(&context.actions);
            joined.time_steps.extend(&context.time_steps);
        }
        batch.items.push(BatchItem {
            index,
            first_row,
            prompt_rows: std::iter::once(first_row..batch.rows.len()).collect(),
            prediction_rows: Vec::new(),
            candidates: vec![places],
        });
    }
    batches
}
