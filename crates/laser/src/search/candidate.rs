//! Candidates: edits of one matrix that a search considers.

use crate::edit::Edit;
use crate::edit::reduction::Reduction;
use laser_model::config::ModelConfig;
use laser_model::weight_id::WeightId;

/// A reduction of one matrix. A search tries it alone, or composes it with other candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The matrix.
    pub id: WeightId,
    /// Reduction of the matrix.
    pub reduction: Reduction,
}

impl Candidate {
    /// The edit that makes this reduction and no other.
    pub fn edit(&self) -> Edit {
        Edit::single(self.id, self.reduction)
    }

    /// `base` with this reduction added; it replaces a reduction of the same matrix.
    pub(super) fn added_to(&self, base: &Edit) -> Edit {
        base.with(self.id, self.reduction)
    }

    /// Whether the reduction changes the matrix; keeping the full rank does not.
    pub(super) fn changes_matrix(&self, config: &ModelConfig) -> bool {
        self.rank(config) != Some(config.max_rank(self.id))
    }

    /// Number of components kept; `None` if it depends on the singular values.
    pub fn rank(&self, config: &ModelConfig) -> Option<usize> {
        self.reduction.leading_rank(config.max_rank(self.id))
    }
}

/// Returns the `keep` candidates of the largest values (at least one), best first. Candidates of equal value keep their
/// order.
pub(super) fn best_candidates(mut with_values: Vec<(f64, Candidate)>, keep: usize) -> Vec<Candidate> {
    with_values.sort_by(|a, b| b.0.total_cmp(&a.0));
    with_values.truncate(keep.max(1));
    with_values.into_iter().map(|(_, candidate)| candidate).collect()
}
