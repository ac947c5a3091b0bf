//! Edits: which matrices of a model are reduced, and how. The short form is `L27.fc_in@0.01`.
//!
//! The data flow: [`selector`] finds the matrices that a text names; [`reduction`] says what is kept of each;
//! `decomposition` computes singular value decompositions; [`activations`] holds the inputs of matrices that data-aware
//! reductions read; [`truncation`] applies an edit to a model; [`recipe`] is an edit as a file, and [`delta`] one with the
//! reduced matrices in it.

pub mod activations;
mod decomposition;
pub mod delta;
pub(crate) mod edited_matrix;
pub mod recipe;
pub mod reduction;
pub(crate) mod seed;
pub mod selector;
pub(crate) mod stored_matrices;
pub(crate) mod svd_cache;
pub mod truncation;

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, Result};
use laser_model::config::ModelConfig;
use laser_model::weight_id::WeightId;
use reduction::{Reduction, ReductionSyntax, split_list};
use selector::{MatrixSet, parse_layers};
pub use selector::{parse_layer_list, parse_selector};

/// Reductions of one or more matrices; the empty edit is the unedited model.
///
/// Displays in the short form with canonical names, sorted by matrix.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edit {
    reductions: BTreeMap<WeightId, Reduction>,
}

impl Edit {
    /// Makes an edit of one matrix.
    pub fn single(id: WeightId, reduction: Reduction) -> Self {
        Self { reductions: BTreeMap::from([(id, reduction)]) }
    }

    /// The edited matrix with its reduction, if the edit is of exactly one matrix.
    pub fn as_single(&self) -> Option<(WeightId, &Reduction)> {
        let (id, reduction) = self.reductions.first_key_value().filter(|_| self.reductions.len() == 1)?;
        Some((*id, reduction))
    }

    /// The edited matrices with their reductions, sorted by matrix.
    pub fn reductions(&self) -> impl Iterator<Item = (WeightId, &Reduction)> {
        self.reductions.iter().map(|(id, reduction)| (*id, reduction))
    }

    /// Returns the edit with `reduction` for the matrix `id`, in place of any reduction it had.
    #[must_use]
    pub(crate) fn with(&self, id: WeightId, reduction: Reduction) -> Self {
        let mut edit = self.clone();
        edit.reductions.insert(id, reduction);
        edit
    }

    /// Returns the edit without the matrix `id` and without all matrices that share values with it.
    #[must_use]
    pub(crate) fn without(&self, id: WeightId, config: &ModelConfig) -> Self {
        let mut edit = self.clone();
        edit.reductions.retain(|other, _| !config.overlap(*other, id));
        edit
    }

    /// The lowest layer with an edited matrix; `None` for an edit that changes none.
    pub fn first_layer(&self) -> Option<usize> {
        self.reductions.keys().map(|id| id.layer).min()
    }

    /// Number of edited matrices.
    pub fn n_matrices(&self) -> usize {
        self.reductions.len()
    }

    /// Whether the edit changes no matrix.
    pub fn is_empty(&self) -> bool {
        self.reductions.is_empty()
    }

    /// Parses the short form, several joined by commas: `L<layer>.<matrix>@<reduction>`.
    ///
    /// - `<layer>`: a number from 0, a range such as `20-27`, or `*`.
    /// - `<matrix>`: a canonical name or an alias of the family. The prefix `e5.` selects expert 5, `h2.` the part of head
    ///   group 2; ranges and `*` select several.
    /// - `<reduction>`: ρ (`0.01`), an absolute rank (`r40`), or any other form of [`Reduction`].
    ///
    /// # Errors
    /// A part that cannot be parsed or selects nothing, a matrix that is edited twice, two matrices that share values,
    /// or a reduction that is not possible for its matrix.
    pub fn parse(text: &str, config: &ModelConfig) -> Result<Self> {
        let mut edit = Self::default();
        for part in split_list(text).into_iter().map(str::trim) {
            let wrong = |problem: String| Error::Edit { edit: part.to_owned(), problem };
            let form = "expected L<layer>.<matrix>@<reduction>, such as L5.fc_in@0.01 or L5.down_proj@r40";
            let (target, reduction) = part.split_once('@').ok_or_else(|| wrong(format!("no `@`; {form}")))?;
            let (layer, matrix) = target.split_once('.').ok_or_else(|| wrong(format!("no `.`; {form}")))?;
            let layers = parse_layers(layer, config.n_layers).map_err(|p| wrong(format!("{p}; {form}")))?;
            let matrices = MatrixSet::parse(matrix, config).map_err(&wrong)?;
            let reduction: Reduction = reduction.parse().map_err(|e: ReductionSyntax| wrong(e.to_string()))?;
            for id in matrices.in_layers(&layers, config).map_err(&wrong)? {
                edit.add(id, reduction).map_err(&wrong)?;
            }
        }
        edit.check(config)?;
        Ok(edit)
    }

    /// Adds the reduction of one matrix; it is an error if the matrix has one already.
    pub(crate) fn add(&mut self, id: WeightId, reduction: Reduction) -> Result<(), String> {
        match self.reductions.insert(id, reduction) {
            Some(_) => Err(format!("{id} is edited twice")),
            None => Ok(()),
        }
    }

    /// Checks that every reduction is possible for its matrix, and that no two edited matrices share values.
    pub(crate) fn check(&self, config: &ModelConfig) -> Result<()> {
        let mut in_layer: Vec<WeightId> = Vec::new(); // matrices checked so far in the layer of `id`
        for (id, reduction) in self.reductions() {
            let wrong = |problem| Error::Edit { edit: format!("{id}@{reduction}"), problem };
            if config.pieces(id).is_none() {
                return Err(config.no_matrix(id).into());
            }
            reduction.check(id.kind, config.shape(id)).map_err(wrong)?;
            in_layer.retain(|other| other.layer == id.layer);
            if let Some(other) = in_layer.iter().find(|other| config.overlap(**other, id)) {
                return Err(wrong(format!("it shares values with {other}, which is edited too")));
            }
            in_layer.push(id);
        }
        Ok(())
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (id, reduction)) in self.reductions().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{id}@{reduction}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ModelConfig {
        let text = r#"{"model_type":"llama","vocab_size":10,"hidden_size":20,"intermediate_size":40,
            "num_hidden_layers":4,"num_attention_heads":2,"num_key_value_heads":1}"#;
        ModelConfig::from_hf("config.json", text).expect("config")
    }

    #[test]
    fn short_forms_become_canonical_and_parse_back() {
        for (text, canonical) in [
            ("L3.fc_in@0.01", "L3.gate_proj@0.01"),
            ("L1.down_proj@r4, L0.fc_out@.50", "L0.down_proj@0.5,L1.down_proj@r4"),
            ("L0-1.out_proj@e0.9", "L0.o_proj@e0.9,L1.o_proj@e0.9"),
            ("L*.fc_up@0", "L0.up_proj@0,L1.up_proj@0,L2.up_proj@0,L3.up_proj@0"),
            ("L0.fc_in@band(.10..0.4), L1.fc_in@zero", "L0.gate_proj@band(0.1..0.4),L1.gate_proj@zero"),
            ("L1.q_proj@random(0.1, 7),L0.o_proj@clusters(8,0.1)", "L0.o_proj@clusters(8,0.1),L1.q_proj@random(0.1,7)"),
        ] {
            let edit = Edit::parse(text, &config()).expect(text);
            assert_eq!(edit.to_string(), canonical);
            assert_eq!(Edit::parse(canonical, &config()).expect(canonical), edit);
        }
    }

    #[test]
    fn errors_of_wrong_edits_name_what_exists() {
        for (text, expected) in [
            ("L4.fc_in@0.1", "layers 0 to 3"),
            ("L0.fc_inn@0.1", "gate_proj"),
            ("L0.k_proj@r11", "largest rank of k_proj is 10"),
            ("L0.fc_in@0.1,L0.gate_proj@0.2", "twice"),
            ("L0.fc_in", "no `@`"),
            ("fc_in@0.1", "no `.`"),
            ("L0.fc_in@1.5", "1.5"),
            ("L2-1.fc_in@0.5", "empty"),
            ("", "no `@`"),
            ("L0.fc_in@0.1,L1.fc_in@random(0.1,7", "closing parenthesis"),
            ("L0.fc_in@largest", "band(0.1..0.4)"),
            ("L0.fc_in@band(0.4..0.4)", "0.4..0.4 is empty"),
            ("L0.k_proj@band(0.11..0.19)", "none of the 10 components of k_proj"),
            ("L0.k_proj@clusters(11,0.5)", "k_proj has 10 rows"),
            ("L0.k_proj@clusters(0,0.5)", "0 clusters"),
        ] {
            let error = Edit::parse(text, &config()).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn matrices_are_added_replaced_and_removed() {
        let edit = Edit::parse("L0.fc_in@0.1,L1.fc_in@0.2", &config()).expect("edit");
        let id = WeightId::new(1, laser_model::weight_id::WeightKind::Gate);
        let zero: Reduction = "zero".parse().expect("a reduction");
        assert_eq!(edit.with(id, zero).to_string(), "L0.gate_proj@0.1,L1.gate_proj@zero");
        assert_eq!(edit.without(id, &config()).to_string(), "L0.gate_proj@0.1");
        assert_eq!(Edit::default().with(id, zero), Edit::single(id, zero));
        assert_eq!(edit.reductions().count(), 2);
    }
}
