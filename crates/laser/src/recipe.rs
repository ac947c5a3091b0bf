//! The recipe file: an edit with the model it was found on, in YAML, `apply`-able.

use std::path::Path;

use laser_linalg::RankRule;
use serde::{Deserialize, Serialize};

use crate::edit::{Edit, resolve_matrix};
use crate::error::{Error, Result};
use crate::model::ModelConfig;
use crate::truncation::SvdMethod;
use crate::weight::WeightId;

/// A recipe: version 1 of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Version of the file's form.
    pub laser_recipe: u32,
    /// The model the edit was found on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_model: Option<BaseModel>,
    /// How matrices are truncated.
    #[serde(default)]
    pub svd: SvdMethod,
    /// The truncations.
    pub edits: Vec<RecipeEdit>,
}

/// Which model a recipe was made for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseModel {
    /// As the user named it.
    pub source: String,
    /// SHA-256 of its files.
    pub sha256: String,
    /// Its family.
    pub architecture: String,
}

/// One truncation of a recipe.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeEdit {
    /// Layer, from 0.
    pub layer: usize,
    /// Canonical name or alias of the matrix.
    pub matrix: String,
    /// Rank rule: ρ (`0.01`), absolute (`r40`) or energy (`e0.9`).
    pub keep: String,
    /// The rank this gives, as a check; written by Laser, optional when written by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// The largest rank the matrix can have, as a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rank: Option<usize>,
}

impl Recipe {
    /// A recipe of `edit`, whose matrices have the ranks `rank(id)`.
    pub fn new(
        edit: &Edit,
        base_model: BaseModel,
        svd: SvdMethod,
        config: &ModelConfig,
        rank: impl Fn(WeightId) -> usize,
    ) -> Self {
        let edits = edit
            .rules()
            .map(|(id, rule)| RecipeEdit {
                layer: id.layer,
                matrix: id.kind.to_string(),
                keep: rule.to_string(),
                rank: Some(rank(id)),
                max_rank: Some(config.max_rank(id.kind)),
            })
            .collect();
        Self { laser_recipe: 1, base_model: Some(base_model), svd, edits }
    }

    /// Reads a recipe file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let recipe: Self = serde_yaml_ng::from_str(&text).map_err(|e| Error::parse(path, e))?;
        if recipe.laser_recipe != 1 {
            let problem = format!("laser_recipe: expected version 1, found {}", recipe.laser_recipe);
            return Err(Error::parse(path, problem));
        }
        Ok(recipe)
    }

    /// The file's text.
    pub fn to_yaml(&self) -> Result<String> {
        serde_yaml_ng::to_string(self).map_err(|e| Error::parse("recipe.yaml", e))
    }

    /// The edit on a model, checked against it.
    pub fn edit(&self, config: &ModelConfig) -> Result<Edit> {
        let mut edit = Edit::default();
        for entry in &self.edits {
            let name = format!("L{}.{}@{}", entry.layer, entry.matrix, entry.keep);
            let wrong = |problem: String| Error::Edit { edit: name.clone(), problem };
            if entry.layer >= config.n_layers {
                let problem =
                    format!("there is no layer {}: the model has layers 0 to {}", entry.layer, config.n_layers - 1);
                return Err(wrong(problem));
            }
            let rule: RankRule = entry.keep.parse().map_err(|e: laser_linalg::LinalgError| wrong(e.to_string()))?;
            for kind in resolve_matrix(&entry.matrix, config).map_err(&wrong)? {
                let max_rank = config.max_rank(kind);
                if entry.max_rank.is_some_and(|m| m != max_rank) {
                    let expected = entry.max_rank.unwrap_or_default();
                    return Err(wrong(format!(
                        "the recipe expects a largest rank of {expected}, the model has {max_rank}"
                    )));
                }
                if !rule.needs_spectrum() {
                    let [m, n] = config.shape(kind);
                    let rank = rule.resolve(m, n, None).map_err(|e| wrong(e.to_string()))?;
                    if entry.rank.is_some_and(|r| r != rank) {
                        let stated = entry.rank.unwrap_or_default();
                        return Err(wrong(format!("the recipe states rank {stated}, its rule gives {rank}")));
                    }
                }
                edit.add(WeightId { layer: entry.layer, kind }, rule).map_err(&wrong)?;
            }
        }
        edit.check(config)?;
        Ok(edit)
    }
}
