//! Search space: every combination of layer, matrix and reduction that a search may try.

use std::collections::BTreeSet;

use super::candidate::Candidate;
use crate::edit::reduction::Reduction;
use crate::edit::selector::MatrixSet;
use laser_model::config::ModelConfig;
use laser_model::weight_id::{WeightId, WeightKind};

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

    /// The default search space: all layers, every matrix of the block, and [`Space::RHOS`]. Routers of experts, and matrices
    /// that some files store as one, are left out.
    pub fn block(config: &ModelConfig) -> Self {
        let kinds = Self::block_kinds(config).into_iter();
        Self { matrices: kinds.map(MatrixSet::one).collect(), ..Self::paper(config) }
    }

    /// Names of the block's matrices of which the space has none.
    pub fn left_out(&self, config: &ModelConfig) -> Vec<&'static str> {
        let searched: BTreeSet<WeightKind> =
            self.candidates(config).iter().map(|candidate| candidate.id.kind).collect();
        // A fused matrix stands for its parts.
        let covers = |kind: &WeightKind| {
            searched.contains(kind)
                || matches!(kind, WeightKind::Q | WeightKind::K | WeightKind::V) && searched.contains(&WeightKind::Qkv)
                || matches!(kind, WeightKind::Gate | WeightKind::Up) && searched.contains(&WeightKind::GateUp)
        };
        Self::block_kinds(config).into_iter().filter(|kind| !covers(kind)).map(WeightKind::name).collect()
    }

    fn block_kinds(config: &ModelConfig) -> Vec<WeightKind> {
        let is_part = |kind: &WeightKind| !matches!(kind, WeightKind::Router | WeightKind::Qkv | WeightKind::GateUp);
        config.kinds().into_iter().filter(is_part).collect()
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
