//! The space: the edits of one matrix that a search may try.

use crate::edit::Edit;
use crate::model::ModelConfig;
use crate::reduction::Reduction;
use crate::weight::{WeightId, WeightKind};

/// The edits a search tries: every layer × matrix × reduction.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Layers, upwards.
    pub layers: Vec<usize>,
    /// Matrices.
    pub kinds: Vec<WeightKind>,
    /// What is kept of them.
    pub reductions: Vec<Reduction>,
}

/// One edit of the space.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// The matrix.
    pub id: WeightId,
    /// What is kept of it.
    pub reduction: Reduction,
}

impl Arm {
    /// The arm as an edit.
    pub fn edit(&self) -> Edit {
        Edit::single(self.id, self.reduction)
    }

    /// The rank it gives, where it is known without the singular values.
    pub fn rank(&self, config: &ModelConfig) -> Option<usize> {
        self.reduction.leading_rank(config.max_rank(self.id.kind))
    }
}

impl Space {
    /// The paper's list of ρ, with 0.4 (`method.md` §1.5).
    pub const RHOS: [&str; 8] = ["0.9", "0.8", "0.6", "0.4", "0.2", "0.1", "0.05", "0.01"];

    /// All layers, the MLP's input and output matrices, and the paper's list of ρ.
    pub fn paper(config: &ModelConfig) -> Self {
        Self {
            layers: (0..config.n_layers).collect(),
            kinds: vec![WeightKind::Gate, WeightKind::Down],
            reductions: Self::RHOS.iter().map(|r| r.parse().expect("the list is of fractions")).collect(),
        }
    }

    /// Every edit, by layer, matrix, then reduction as listed.
    pub fn arms(&self) -> Vec<Arm> {
        let mut arms = Vec::with_capacity(self.layers.len() * self.kinds.len() * self.reductions.len());
        for &layer in &self.layers {
            for &kind in &self.kinds {
                let arm = |reduction: &Reduction| Arm { id: WeightId { layer, kind }, reduction: *reduction };
                arms.extend(self.reductions.iter().map(arm));
            }
        }
        arms
    }
}
