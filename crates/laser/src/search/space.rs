//! The space: the edits of one matrix that a search may try.

use std::collections::BTreeSet;

use crate::edit::Edit;
use crate::edit::reduction::Reduction;
use crate::edit::selector::MatrixSet;
use laser_model::config::ModelConfig;
use laser_model::weight_id::WeightId;

/// The edits a search tries: every layer × matrix × reduction.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Layers, upwards.
    pub layers: Vec<usize>,
    /// Matrices of a layer; a layer without one of them is passed over.
    pub matrices: Vec<MatrixSet>,
    /// What is kept of them.
    pub reductions: Vec<Reduction>,
}

/// One edit of the space.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The matrix.
    pub id: WeightId,
    /// What is kept of it.
    pub reduction: Reduction,
}

impl Candidate {
    /// The arm as an edit.
    pub fn edit(&self) -> Edit {
        Edit::single(self.id, self.reduction)
    }

    /// Whether it changes the matrix: one at full rank does not.
    pub(super) fn changes(&self, config: &ModelConfig) -> bool {
        self.rank(config) != Some(config.max_rank(self.id))
    }

    /// The rank it gives, where it is known without the singular values.
    pub fn rank(&self, config: &ModelConfig) -> Option<usize> {
        self.reduction.leading_rank(config.max_rank(self.id))
    }
}

impl Space {
    /// The paper's list of ρ, with 0.4 (`method.md` §1.5).
    pub const RHOS: [&str; 8] = ["0.9", "0.8", "0.6", "0.4", "0.2", "0.1", "0.05", "0.01"];

    /// All layers, the MLP's input and output matrices, and the paper's list of ρ.
    pub fn paper(config: &ModelConfig) -> Self {
        Self {
            layers: (0..config.n_layers).collect(),
            matrices: ["fc_in", "fc_out"].iter().filter_map(|name| MatrixSet::parse(name, config).ok()).collect(),
            reductions: Self::RHOS.iter().map(|r| r.parse().expect("the list is of fractions")).collect(),
        }
    }

    /// Every edit, by layer, matrix, then reduction as listed.
    pub fn arms(&self, config: &ModelConfig) -> Vec<Candidate> {
        let mut ids: Vec<WeightId> = Vec::new();
        for layer in &self.layers {
            let here: BTreeSet<WeightId> = self.matrices.iter().flat_map(|set| set.in_layer(*layer, config)).collect();
            ids.extend(here);
        }
        let arms = ids.iter().flat_map(|id| self.reductions.iter().map(|r| Candidate { id: *id, reduction: *r }));
        arms.collect()
    }
}
