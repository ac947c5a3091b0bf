//! Search space: every combination of layer, matrix and reduction that a search may try.

use std::collections::BTreeSet;

use super::candidate::Candidate;
use crate::edit::reduction::Reduction;
use crate::edit::selector::MatrixSet;
use laser_linalg::RankRule;
use laser_model::config::ModelConfig;
use laser_model::weight_id::{WeightId, WeightKind};

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
            reductions: Self::rhos(),
        }
    }

    /// The reductions to [`Space::RHOS`].
    pub(super) fn rhos() -> Vec<Reduction> {
        Self::RHOS.iter().map(|r| r.parse().expect("the list is of fractions")).collect()
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
                || matches!(kind, WeightKind::KeyB | WeightKind::ValueB) && searched.contains(&WeightKind::KeyValueB)
                || matches!(kind, WeightKind::Gate | WeightKind::Up) && searched.contains(&WeightKind::GateUp)
        };
        Self::block_kinds(config).into_iter().filter(|kind| !covers(kind)).map(WeightKind::name).collect()
    }

    fn block_kinds(config: &ModelConfig) -> Vec<WeightKind> {
        use WeightKind::{GateUp, KeyValueB, Qkv, Router};
        let is_part = |kind: &WeightKind| !matches!(kind, Router | Qkv | KeyValueB | GateUp);
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

    /// The candidates whose ρ is above 0 and rounds down to rank 0, so that they remove their matrix.
    pub fn rounded_to_zero(&self, config: &ModelConfig) -> Vec<Candidate> {
        self.candidates(config).into_iter().filter(|candidate| candidate.rounds_to_zero(config)).collect()
    }

    /// The candidates, with rank 1 in place of a ρ that rounds down to rank 0; each rank of a matrix once, and none that
    /// keeps all of it.
    pub(super) fn candidates_of_rank_one_or_more(&self, config: &ModelConfig) -> Vec<Candidate> {
        let mut candidates = self.candidates(config);
        for candidate in candidates.iter_mut().filter(|candidate| candidate.rounds_to_zero(config)) {
            candidate.reduction = Reduction::Leading(RankRule::Absolute(1));
        }
        let replaced = |candidate: &Candidate| candidate.reduction == Reduction::Leading(RankRule::Absolute(1));
        let mut of_rank_one: BTreeSet<WeightId> = candidates
            .iter()
            .filter(|candidate| !replaced(candidate) && candidate.rank(config) == Some(1))
            .map(|candidate| candidate.id)
            .collect();
        candidates.retain(|candidate| {
            !replaced(candidate) || candidate.changes_matrix(config) && of_rank_one.insert(candidate.id)
        });
        candidates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Matrices with largest ranks 48 (q_proj, o_proj and the MLP) and 12 (k_proj, v_proj).
    fn config(mlp: usize) -> ModelConfig {
        let text = format!(
            r#"{{"model_type":"llama","vocab_size":10,"hidden_size":48,"intermediate_size":{mlp},
                "num_hidden_layers":1,"num_attention_heads":4,"num_key_value_heads":1}}"#
        );
        ModelConfig::from_hf("config.json", &text).expect("a configuration")
    }

    fn ranks(candidates: &[Candidate], matrix: &str, config: &ModelConfig) -> Vec<(String, usize)> {
        let of_matrix = candidates.iter().filter(|candidate| candidate.id.in_layer() == matrix);
        of_matrix.map(|c| (c.reduction.to_string(), c.rank(config).expect("a leading rank"))).collect()
    }

    #[test]
    fn a_rho_that_rounds_to_rank_0_becomes_rank_1_once() {
        let config = config(96);
        let space = Space::block(&config);
        let candidates = space.candidates_of_rank_one_or_more(&config);
        let expect = |list: &[(&str, usize)]| list.iter().map(|(r, n)| ((*r).to_owned(), *n)).collect::<Vec<_>>();
        // 0.01 of 48 is 0, and no other ρ of the list gives rank 1.
        let large =
            [("0.9", 43), ("0.8", 38), ("0.6", 28), ("0.4", 19), ("0.2", 9), ("0.1", 4), ("0.05", 2), ("r1", 1)];
        assert_eq!(ranks(&candidates, "q_proj", &config), expect(&large));
        // 0.05 and 0.01 of 12 are 0, and 0.1 gives rank 1 already.
        let small = [("0.9", 10), ("0.8", 9), ("0.6", 7), ("0.4", 4), ("0.2", 2), ("0.1", 1)];
        assert_eq!(ranks(&candidates, "k_proj", &config), expect(&small));
        assert_eq!(space.rounded_to_zero(&config).len(), 5 + 2 * 2, "0.01 of five matrices, 0.05 and 0.01 of two");
        assert!(ranks(&space.candidates(&config), "q_proj", &config).contains(&("0.01".to_owned(), 0)));
    }

    #[test]
    fn a_matrix_of_one_row_has_no_candidate_and_an_explicit_zero_stays() {
        let config = config(1); // gate_proj and up_proj are [1, 48]
        let mut space = Space::block(&config);
        assert!(ranks(&space.candidates_of_rank_one_or_more(&config), "gate_proj", &config).is_empty());
        space.reductions = ["0", "r0", "0.01"].map(|r| r.parse().expect("a reduction")).to_vec();
        let kept = ranks(&space.candidates_of_rank_one_or_more(&config), "q_proj", &config);
        assert_eq!(kept, [("0".to_owned(), 0), ("r0".to_owned(), 0), ("r1".to_owned(), 1)]);
    }
}
