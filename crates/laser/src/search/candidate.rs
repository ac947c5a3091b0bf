//! Candidates: edits of one matrix that a search considers.

use std::collections::BTreeMap;

use crate::edit::Edit;
use crate::edit::reduction::Reduction;
use laser_linalg::{RankFraction, RankRule};
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

    /// Whether ρ is above 0 and rounds down to rank 0, so that the reduction removes the matrix.
    pub(super) fn rounds_to_zero(&self, config: &ModelConfig) -> bool {
        let keeps_some = |rho: &RankFraction| *rho > RankFraction::ZERO;
        matches!(&self.reduction, Reduction::Leading(RankRule::Fraction(rho)) if keeps_some(rho))
            && self.rank(config) == Some(0)
    }

    /// Number of components kept; `None` if it depends on the singular values.
    pub fn rank(&self, config: &ModelConfig) -> Option<usize> {
        self.reduction.leading_rank(config.max_rank(self.id))
    }
}

/// Largest number of candidates of one matrix that a screen keeps while there are others: neighbouring ranks change nearly the
/// same answers, so that further ones cost a race time and leave other matrices out (`docs/search.md`, "Screen").
const MOST_OF_ONE_MATRIX: usize = 4;

/// Returns the `keep` candidates of the largest values (at least one), best first; of one matrix at most
/// [`MOST_OF_ONE_MATRIX`], unless there are fewer than `keep` so. Candidates of equal value keep their order.
pub(super) fn best_candidates(mut with_values: Vec<(f64, Candidate)>, keep: usize) -> Vec<Candidate> {
    with_values.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut of_matrix: BTreeMap<WeightId, usize> = BTreeMap::new();
    // Of each candidate whether it exceeds its matrix's share, and its place.
    let mut chosen: Vec<(bool, usize)> = Vec::with_capacity(with_values.len());
    for (place, (_, candidate)) in with_values.iter().enumerate() {
        let count = of_matrix.entry(candidate.id).or_default();
        *count += 1;
        chosen.push((*count > MOST_OF_ONE_MATRIX, place));
    }
    chosen.sort_unstable();
    chosen.truncate(keep.max(1));
    chosen.sort_unstable_by_key(|(_, place)| *place);
    chosen.into_iter().map(|(_, place)| with_values[place].1.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(edits: &[(&str, f64)], keep: usize) -> String {
        let config = ModelConfig::from_hf(
            "config.json",
            r#"{"model_type":"llama","vocab_size":10,"hidden_size":20,"intermediate_size":40,
                "num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":1}"#,
        );
        let config = config.expect("a configuration");
        let candidate = |edit: &str| {
            let edit = Edit::parse(edit, &config).expect("an edit");
            let (id, reduction) = edit.as_single().expect("one matrix");
            Candidate { id, reduction: *reduction }
        };
        let with_values = edits.iter().map(|(edit, value)| (*value, candidate(edit))).collect();
        let kept = best_candidates(with_values, keep);
        kept.iter().map(|candidate| candidate.edit().to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_screen_keeps_four_candidates_of_a_matrix_before_it_keeps_more() {
        let edits = [
            ("L0.up_proj@0.1", 9.0),
            ("L0.up_proj@0.2", 8.0),
            ("L0.up_proj@0.4", 7.0),
            ("L0.up_proj@0.6", 6.0),
            ("L0.up_proj@0.8", 5.0),
            ("L1.up_proj@0.1", 4.0),
        ];
        assert_eq!(kept(&edits, 2), "L0.up_proj@0.1 L0.up_proj@0.2");
        let four = "L0.up_proj@0.1 L0.up_proj@0.2 L0.up_proj@0.4 L0.up_proj@0.6";
        assert_eq!(kept(&edits, 5), format!("{four} L1.up_proj@0.1"));
        assert_eq!(kept(&edits, 9), format!("{four} L0.up_proj@0.8 L1.up_proj@0.1"));
        assert_eq!(kept(&edits[..1], 0), "L0.up_proj@0.1");
    }
}
