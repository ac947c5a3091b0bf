//! What an edit is: the short form `L27.fc_in@0.01`, and what it resolves to on a model.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use laser_linalg::RankRule;

use crate::error::{Error, Result};
use crate::model::ModelConfig;
use crate::recipe::Recipe;
use crate::weight::{WeightId, WeightKind};

/// A set of truncations, one rank rule a matrix. Displays in the short form, canonical names, sorted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edit {
    rules: BTreeMap<WeightId, RankRule>,
}

impl Edit {
    /// An edit of one matrix.
    pub fn single(id: WeightId, rule: RankRule) -> Self {
        Self { rules: BTreeMap::from([(id, rule)]) }
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
                    edit.add(WeightId { layer, kind: *kind }, rule.clone()).map_err(&wrong)?;
                }
            }
        }
        edit.check(config)?;
        Ok(edit)
    }

    /// Parses the short form, or reads a recipe if `text` names a YAML file.
    pub fn parse_or_read(text: &str, config: &ModelConfig) -> Result<Self> {
        let is_file = Path::new(text).extension().is_some_and(|e| e == "yaml" || e == "yml");
        if is_file { Recipe::read(Path::new(text))?.edit(config) } else { Self::parse(text, config) }
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
    architecture.resolve_matrix(name).ok_or_else(|| {
        format!("no matrix `{name}` in {}; it has {}", architecture.name, architecture.matrix_names())
    })
}

/// `L5`, `L20-27` or `L*` → layers.
fn parse_layers(text: &str, n_layers: usize) -> Result<Vec<usize>, String> {
    let range = text.strip_prefix(['L', 'l']).ok_or_else(|| format!("`{text}` is not a layer"))?;
    layer_range(range, n_layers)
}

/// `5`, `20-27` or `*` → layers of a model with `n_layers`.
pub(crate) fn layer_range(text: &str, n_layers: usize) -> Result<Vec<usize>, String> {
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
