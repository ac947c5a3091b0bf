//! What an edit is: the short form `L27.fc_in@0.01`, and what it resolves to on a model.

pub mod recipe;
pub mod reduction;
pub mod selector;
pub mod truncation;

use std::collections::BTreeMap;
use std::fmt;

use crate::edit::reduction::{Reduction, ReductionSyntax, split_list};
use crate::edit::selector::MatrixSet;
use crate::error::{Error, Result};
use laser_model::config::ModelConfig;
use laser_model::weight_id::WeightId;

/// A set of reductions, one a matrix. Displays in the short form, canonical names, sorted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edit {
    reductions: BTreeMap<WeightId, Reduction>,
}

impl Edit {
    /// An edit of one matrix.
    pub fn single(id: WeightId, reduction: Reduction) -> Self {
        Self { reductions: BTreeMap::from([(id, reduction)]) }
    }

    /// The one matrix edited, with what is kept of it; `None` for several or none.
    pub fn as_single(&self) -> Option<(WeightId, &Reduction)> {
        let (id, reduction) = self.reductions.first_key_value().filter(|_| self.reductions.len() == 1)?;
        Some((*id, reduction))
    }

    /// The matrices edited, with what is kept of each.
    pub fn reductions(&self) -> impl Iterator<Item = (WeightId, &Reduction)> {
        self.reductions.iter().map(|(id, reduction)| (*id, reduction))
    }

    /// The same edit with `reduction` for one matrix, instead of any it had.
    #[must_use]
    pub fn with(&self, id: WeightId, reduction: Reduction) -> Self {
        let mut edit = self.clone();
        edit.reductions.insert(id, reduction);
        edit
    }

    /// The same edit with one matrix left alone, and those that share values with it.
    #[must_use]
    pub fn without(&self, id: WeightId, config: &ModelConfig) -> Self {
        let mut edit = self.clone();
        edit.reductions.retain(|other, _| !config.overlap(*other, id));
        edit
    }

    /// Whether nothing is edited.
    pub fn is_empty(&self) -> bool {
        self.reductions.is_empty()
    }

    /// Parses the short form, several joined by commas: `L<layer>.<matrix>@<reduction>`.
    ///
    /// The layer is a number from 0, a range `20-27`, or `*`; the matrix a canonical name or one of the family's
    /// aliases, after `e5.` of expert 5, after `h2.` the part of head group 2, where a range and `*` stand for several;
    /// the reduction ρ (`0.01`), an absolute rank (`r40`), or any other form that [`Reduction`] has.
    ///
    /// # Errors
    /// Anything that cannot be read, matches nothing, or names a matrix twice.
    pub fn parse(text: &str, config: &ModelConfig) -> Result<Self> {
        let mut edit = Self::default();
        for part in split_list(text).into_iter().map(str::trim) {
            let wrong = |problem: String| Error::Edit { edit: part.to_owned(), problem };
            let form = "expected L<layer>.<matrix>@<reduction>, such as L5.fc_in@0.01 or L5.down_proj@r40";
            let (place, reduction) = part.split_once('@').ok_or_else(|| wrong(format!("no `@`; {form}")))?;
            let (layer, matrix) = place.split_once('.').ok_or_else(|| wrong(format!("no `.`; {form}")))?;
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

    /// Adds the reduction of one matrix; a matrix that has one already is a mistake.
    pub(crate) fn add(&mut self, id: WeightId, reduction: Reduction) -> Result<(), String> {
        match self.reductions.insert(id, reduction) {
            Some(_) => Err(format!("{id} is edited twice")),
            None => Ok(()),
        }
    }

    /// Every reduction must suit its matrix, and no two matrices may share values.
    pub fn check(&self, config: &ModelConfig) -> Result<()> {
        let mut before: Vec<WeightId> = Vec::new(); // of the same layer
        for (id, reduction) in self.reductions() {
            let wrong = |problem| Error::Edit { edit: format!("{id}@{reduction}"), problem };
            if config.pieces(id).is_none() {
                return Err(config.no_matrix(id).into());
            }
            reduction.check(id.kind, config.shape(id)).map_err(wrong)?;
            before.retain(|other| other.layer == id.layer);
            if let Some(other) = before.iter().find(|other| config.overlap(**other, id)) {
                return Err(wrong(format!("it shares values with {other}, which is edited too")));
            }
            before.push(id);
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

/// Parses a list of matrices, `fc_in`, `L5.down_proj`, `L20-27.mlp`, joined by commas; without a layer, all layers.
///
/// # Errors
/// Anything that cannot be read or matches nothing.
pub fn parse_selector(text: &str, config: &ModelConfig) -> Result<Vec<WeightId>> {
    let mut ids = std::collections::BTreeSet::new();
    for part in text.split(',').map(str::trim) {
        let wrong = |problem: String| Error::Edit { edit: part.to_owned(), problem };
        let (layers, matrix) = match part.split_once('.').filter(|(layer, _)| layer.starts_with(['L', 'l'])) {
            Some((layer, matrix)) => (parse_layers(layer, config.n_layers).map_err(wrong)?, matrix),
            None => ((0..config.n_layers).collect(), part),
        };
        let matrices = MatrixSet::parse(matrix, config).map_err(wrong)?;
        ids.extend(matrices.in_layers(&layers, config).map_err(wrong)?);
    }
    Ok(ids.into_iter().collect())
}

/// Parses a list of layers, `5`, `20-27` or `*`, joined by commas.
///
/// # Errors
/// Anything that is no layer of the model.
pub fn parse_layer_list(text: &str, config: &ModelConfig) -> Result<Vec<usize>> {
    let mut layers = std::collections::BTreeSet::new();
    for part in text.split(',').map(str::trim) {
        layers.extend(layer_range(part, config.n_layers).map_err(|problem| Error::setting("--layers", problem))?);
    }
    Ok(layers.into_iter().collect())
}

/// `L5`, `L20-27` or `L*` → layers.
fn parse_layers(text: &str, n_layers: usize) -> Result<Vec<usize>, String> {
    let range = text.strip_prefix(['L', 'l']).ok_or_else(|| format!("`{text}` is not a layer"))?;
    layer_range(range, n_layers)
}

/// `5`, `20-27` or `*` → layers of a model with `n_layers`.
fn layer_range(text: &str, n_layers: usize) -> Result<Vec<usize>, String> {
    range_of(text, "layer", n_layers)
}

/// `5`, `20-27` or `*` → those of `n` layers, experts or head groups.
pub(crate) fn range_of(text: &str, what: &str, n: usize) -> Result<Vec<usize>, String> {
    if text == "*" {
        return Ok((0..n).collect());
    }
    let number = |s: &str| s.trim().parse::<usize>().map_err(|_| format!("`{s}` is not a {what} number"));
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if first > last {
        return Err(format!("the {what} range {first}-{last} is empty"));
    }
    if last >= n {
        let there = match n {
            0 => format!("the model has no {what}s"),
            n => format!("the model has {what}s 0 to {}", n - 1),
        };
        return Err(format!("there is no {what} {last}: {there}"));
    }
    Ok((first..=last).collect())
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
    fn short_forms_become_canonical() {
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
    fn wrong_edits_say_what_exists() {
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
    fn a_matrix_is_exchanged_or_left_alone() {
        let edit = Edit::parse("L0.fc_in@0.1,L1.fc_in@0.2", &config()).expect("edit");
        let id = WeightId::new(1, laser_model::weight_id::WeightKind::Gate);
        let zero: Reduction = "zero".parse().expect("a reduction");
        assert_eq!(edit.with(id, zero).to_string(), "L0.gate_proj@0.1,L1.gate_proj@zero");
        assert_eq!(edit.without(id, &config()).to_string(), "L0.gate_proj@0.1");
        assert_eq!(Edit::default().with(id, zero), Edit::single(id, zero));
        assert_eq!(edit.reductions().count(), 2);
    }

    #[test]
    fn selectors_list_matrices() {
        let names = |text| -> Vec<String> {
            parse_selector(text, &config()).expect(text).iter().map(ToString::to_string).collect()
        };
        assert_eq!(names("L1-2.fc_in,L1.gate_proj"), ["L1.gate_proj", "L2.gate_proj"]);
        assert_eq!(names("all").len(), 28);
        assert!(parse_selector("nothing", &config()).is_err());
    }
}
