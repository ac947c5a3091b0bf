//! Search space: every combination of layer, matrix and reduction that a search may try.

use std::collections::BTreeSet;

use super::candidate::Candidate;
use crate::edit::reduction::Reduction;
use crate::edit::selector::MatrixSet;
use laser_model::config::ModelConfig;
use laser_model::weight_id::WeightId;

// The `Debug` text is part of the fingerprint of a search (`settings.rs`): a renamed type or field would change it.
/// Search space: layers × matrices × reductions.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Layers, ascending.
    pub layers: Vec<usize>,
    /// Matrices of a layer; a layer that does not have one of them is searched without it.
    pub matrices: Vec<MatrixSet>,
    /// Reductions of each matrix.
    pub reductions: Vec<Reduction>,
}

impl Space {
    /// The paper's values of ρ, with 0.4 (`docs/method.md`, "Search protocol").
    pub const RHOS: [&str; 8] = ["0.9", "0.8", "0.6", "0.4", "0.2", "0.1", "0.05", "0.01"];

    /// The paper's search space: all layers, the input and output matrices of the MLP, and [`Space::RHOS`].
    pub fn paper(config: &ModelConfig) -> Self {
        Self {
            layers: (0..config.n_layers).collect(),
            matrices: ["fc_in", "fc_out"].iter().filter_map(|name| MatrixSet::parse(name, config).ok()).collect(),
            reductions: Self::RHOS.iter().map(|r| r.parse().expect("the list is of fractions")).collect(),
        }
    }

    /// All candidates, ordered by layer, then matrix, then reduction as listed.
    pub fn candidates(&self, config: &ModelConfig) -> Vec<Candidate> {
        let mut ids: Vec<WeightId> = Vec::new();
        for layer in &self.layers {
            // A set, because two selectors may name the same matrix.
            let here: BTreeSet<WeightId> = self.matrices.iter().flat_map(|set| set.in_layer(*layer, config)).collect();
            ids.extend(here);
        }
        ids.iter().flat_map(|id| self.reductions.iter().map(|r| Candidate { id: *id, reduction: *r })).collect()
    }
}
