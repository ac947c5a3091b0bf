//! What an edit is: the short form `L27.fc_in@0.01`, and what it resolves to on a model.

use std::collections::BTreeMap;
use std::fmt;

use laser_linalg::RankRule;

use crate::error::{Error, Result};
use crate::model::ModelConfig;
use crate::weight::{WeightId, WeightKind};

/// stub
#[derive(Debug, Clone, PartialEq)]
pub enum Reduction {
    /// Leading.
    Leading(RankRule),
}
impl Reduction {
    /// Rank.
    pub fn leading_rank(&self, max_rank: usize) -> Option<usize> {
        let Self::Leading(rule) = self;
        rule.resolve(max_rank, max_rank, None).ok()
    }
}
impl std::str::FromStr for Reduction {
    type Err = laser_linalg::LinalgError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::Leading(text.parse()?))
    }
}
impl fmt::Display for Reduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Leading(rule) = self;
        rule.fmt(f)
    }
}

/// A set of truncations, one rank rule a matrix. Displays in the short form, canonical names, sorted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edit {
    rules: BTreeMap<WeightId, RankRule>,
}

impl Edit {
    /// An edit of one matrix.
    pub fn single(id: WeightId, reduction: Reduction) -> Self {
        let Reduction::Leading(rule) = reduction;
        Self { rules: BTreeMap::from([(id, rule)]) }
    }

    /// The one matrix edited and its reduction; `None` for several or none.
    pub fn as_single(&self) -> Option<(WeightId, Reduction)> {
        let (id, rule) = self.rules.first_key_value().filter(|_| self.rules.len() == 1)?;
        Some((*id, Reduction::Leading(*rule)))
    }

    /// The same edit with another reduction, or the first, for one matrix.
    pub fn with(&self, id: WeightId, reduction: Reduction) -> Self {
        let Reduction::Leading(rule) = reduction;
        let mut rules = self.rules.clone();
        rules.insert(id, rule);
        Self { rules }
    }

    /// stub
    pub fn reductions(&self) -> impl Iterator<Item = (WeightId, Reduction)> {
        self.rules.iter().map(|(id, rule)| (*id, Reduction::Leading(*rule)))
    }

    /// The same edit without one matrix.
    pub fn without(&self, id: WeightId) -> Self {
        let mut rules = self.rules.clone();
        rules.remove(&id);
        Self { rules }
    }

    /// The matrices edited, with their rank rules.
    pub fn rules(&self) -> impl Iterator<Item = (WeightId, &RankRule)> {
        self.rules.iter().map(|(id, rule)| (*id, rule))
    }

    /// Whether nothing is edited.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Parses the short form, several joined by commas: `L<layer>.<matrix>@<rule>`.
    ///
    /// The layer is a number from 0, a range `20-27`, or `*`; the matrix a canonical name or one of the paper's
    /// aliases; the rule ρ (`0.01`), an absolute rank (`r40`) or a share of the energy (`e0.9`).
    ///
    /// # Errors
    /// Anything that cannot be read, matches nothing, or names a matrix twice.
    pub fn parse(text: &str, config: &ModelConfig) -> Result<Self> {
        let mut edit = Self::default();
        for part in text.split(',').map(str::trim) {
            let wrong = |problem: String| Error::Edit { edit: part.to_owned(), problem };
            let form = "expected L<layer>.<matrix>@<rank>, such as L5.fc_in@0.01 or L5.down_proj@r40";
            let (place, rule) = part.split_once('@').ok_or_else(|| wrong(format!("no `@`; {form}")))?;
            let (layer, matrix) = place.split_once('.').ok_or_else(|| wrong(format!("no `.`; {form}")))?;
            let layers = parse_layers(layer, config.n_layers).map_err(|p| wrong(format!("{p}; {form}")))?;
            let kinds = resolve_matrix(matrix, config).map_err(&wrong)?;
            let rule: RankRule = rule.parse().map_err(|e: laser_linalg::LinalgError| wrong(e.to_string()))?;
            for layer in layers {
                for kind in &kinds {
                    edit.add(WeightId { layer, kind: *kind }, rule).map_err(&wrong)?;
                }
            }
        }
        edit.check(config)?;
        Ok(edit)
    }

    /// Adds the rule for one matrix; a matrix that has one already is a mistake.
    pub(crate) fn add(&mut self, id: WeightId, rule: RankRule) -> Result<(), String> {
        match self.rules.insert(id, rule) {
            Some(_) => Err(format!("{id} is edited twice")),
            None => Ok(()),
        }
    }

    /// Absolute ranks must fit the matrices.
    pub(crate) fn check(&self, config: &ModelConfig) -> Result<()> {
        for (id, rule) in self.rules() {
            if let RankRule::Absolute(rank) = rule
                && *rank > config.max_rank(id.kind)
            {
                return Err(Error::Edit {
                    edit: format!("{id}@{rule}"),
                    problem: format!("the largest rank of {} is {}", id.kind, config.max_rank(id.kind)),
                });
            }
        }
        Ok(())
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (id, rule)) in self.rules().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{id}@{rule}")?;
        }
        Ok(())
    }
}

/// The matrices a name or alias stands for in this model.
pub(crate) fn resolve_matrix(name: &str, config: &ModelConfig) -> Result<Vec<WeightKind>, String> {
    let architecture = config.architecture;
    architecture
        .resolve_matrix(name)
        .ok_or_else(|| format!("no matrix `{name}` in {}; it has {}", architecture.name, architecture.matrix_names()))
}

/// Parses a list of matrices, `fc_in`, `L5.down_proj`, `L20-27.mlp`, joined by commas; without a layer, all layers.
///
/// # Errors
/// Anything that cannot be read or matches nothing.
pub fn parse_selector(text: &str, config: &ModelConfig) -> Result<Vec<WeightId>> {
    let mut ids = std::collections::BTreeSet::new();
    for part in text.split(',').map(str::trim) {
        let wrong = |problem: String| Error::Edit { edit: part.to_owned(), problem };
        let (layers, matrix) = match part.split_once('.') {
            Some((layer, matrix)) => (parse_layers(layer, config.n_layers).map_err(wrong)?, matrix),
            None => ((0..config.n_layers).collect(), part),
        };
        let kinds = resolve_matrix(matrix, config).map_err(wrong)?;
        ids.extend(layers.iter().flat_map(|layer| kinds.iter().map(|kind| WeightId { layer: *layer, kind: *kind })));
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
    if text == "*" {
        return Ok((0..n_layers).collect());
    }
    let number = |s: &str| s.trim().parse::<usize>().map_err(|_| format!("`{s}` is not a layer number"));
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if first > last {
        return Err(format!("the layer range {first}-{last} is empty"));
    }
    if last >= n_layers {
        return Err(format!("there is no layer {last}: the model has layers 0 to {}", n_layers - 1));
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
        ] {
            let error = Edit::parse(text, &config()).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
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
