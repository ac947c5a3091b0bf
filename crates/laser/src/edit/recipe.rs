//! The recipe: an edit as a YAML file, with the model on which it was found.
//!
//! A recipe does not contain activations, because the covariance of a matrix's inputs is larger than the matrix. A
//! recipe with a `whitened` reduction can be written and read, but applying it needs inputs that are measured again
//! ([`Truncation::with_activations`](crate::edit::truncation::Truncation::with_activations)); without them it fails with
//! [`Error::Uncalibrated`].

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::edit::Edit;
use crate::edit::decomposition::SvdMethod;
use crate::edit::reduction::{Reduction, ReductionSyntax};
use crate::edit::selector::MatrixSet;
use crate::error::{Error, Result};
use laser_model::config::ModelConfig;
use laser_model::weight_id::WeightId;
use laser_task::text_file::read_text;

/// An edit as a file, with the model on which it was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Version of the file format; always 1.
    pub laser_recipe: u32,
    /// The model on which the edit was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_model: Option<BaseModel>,
    /// Method of the decomposition.
    #[serde(default)]
    pub svd: SvdMethod,
    /// The reductions, one for each matrix; none if a search proposed no edit.
    pub edits: Vec<RecipeEdit>,
    /// Verdict of the search that found the edit, a sentence or two; for readers of the file only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Rise of the log-loss of ordinary text, nats a token; for readers of the file only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
}

/// The model for which a recipe was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseModel {
    /// The name or path that the user gave.
    pub source: String,
    /// SHA-256 of its files, in hexadecimal; with adapters, of the list of theirs and the base model's hashes.
    pub sha256: String,
    /// Name of its family.
    pub architecture: String,
    /// The adapters merged into it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapters: Vec<AdapterIdentity>,
}

/// Folder and hash of an adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterIdentity {
    /// The folder, as the user gave it.
    pub path: String,
    /// SHA-256 of its settings and tensors, in hexadecimal.
    pub sha256: String,
}

/// One reduction of a recipe.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeEdit {
    /// Layer, from 0.
    pub layer: usize,
    /// Canonical name or alias of the matrix.
    pub matrix: String,
    /// The reduction in the short form: `0.01`, `r40`, `e0.9`, `band(0.1..0.4)`, … ([`Reduction`]).
    pub keep: String,
    /// Number of components kept, as a check when the recipe is read; `None` for reductions that do not choose among
    /// components, and in recipes written by hand that leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// Largest rank of the matrix, as a check when the recipe is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rank: Option<usize>,
}

impl Recipe {
    /// Makes the recipe of `edit`. `rank(id)` is the number of components kept of a matrix, if its reduction chooses among
    /// components.
    pub fn new(
        edit: &Edit,
        base_model: BaseModel,
        svd: SvdMethod,
        config: &ModelConfig,
        rank: impl Fn(WeightId) -> Option<usize>,
    ) -> Self {
        let edits = edit
            .reductions()
            .map(|(id, reduction)| RecipeEdit {
                layer: id.layer,
                matrix: id.in_layer(),
                keep: reduction.to_string(),
                rank: rank(id),
                max_rank: Some(config.max_rank(id)),
            })
            .collect();
        Self { laser_recipe: 1, base_model: Some(base_model), svd, edits, verdict: None, price: None }
    }

    /// Adds the verdict of a search and the price, if it was measured, to four decimals.
    #[must_use]
    pub fn with_verdict(self, verdict: String, price: Option<f64>) -> Self {
        let rounded = |nats: f64| (10_000.0 * nats).round() / 10_000.0;
        Self { verdict: Some(verdict), price: price.map(rounded), ..self }
    }

    /// Reads a recipe file.
    ///
    /// # Errors
    /// A file that cannot be read, is not a recipe, or has another version.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(path, &read_text(path)?)
    }

    /// Reads the text of a recipe file; errors name `path`.
    ///
    /// # Errors
    /// A text that is not a recipe, or has another version.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self> {
        let recipe: Self = serde_yaml_ng::from_str(text).map_err(|e| Error::parse(path, e))?;
        if recipe.laser_recipe != 1 {
            let problem = format!("laser_recipe: expected version 1, found {}", recipe.laser_recipe);
            return Err(Error::parse(path, problem));
        }
        Ok(recipe)
    }

    /// Returns the text of the recipe file.
    ///
    /// # Errors
    /// Values that YAML cannot represent.
    pub fn to_yaml(&self) -> Result<String> {
        serde_yaml_ng::to_string(self).map_err(|e| Error::parse("recipe.yaml", e))
    }

    /// Returns the edit, checked against the model.
    ///
    /// # Errors
    /// A recipe without edits, an entry that does not fit the model, ranks that differ from those stated, and the errors of
    /// [`Edit::parse`].
    pub fn edit(&self, config: &ModelConfig) -> Result<Edit> {
        if self.edits.is_empty() {
            let problem = "the recipe has no edits: the search proposed none".to_owned();
            return Err(Error::Edit { edit: "[]".to_owned(), problem });
        }
        let mut edit = Edit::default();
        for entry in &self.edits {
            let name = format!("L{}.{}@{}", entry.layer, entry.matrix, entry.keep);
            let wrong = |problem: String| Error::Edit { edit: name.clone(), problem };
            if entry.layer >= config.n_layers {
                let problem =
                    format!("there is no layer {}: the model has layers 0 to {}", entry.layer, config.n_layers - 1);
                return Err(wrong(problem));
            }
            let reduction: Reduction = entry.keep.parse().map_err(|e: ReductionSyntax| wrong(e.to_string()))?;
            let matrices = MatrixSet::parse(&entry.matrix, config).map_err(&wrong)?;
            for id in matrices.in_layers(&[entry.layer], config).map_err(&wrong)? {
                let max_rank = config.max_rank(id);
                if entry.max_rank.is_some_and(|m| m != max_rank) {
                    let expected = entry.max_rank.unwrap_or_default();
                    return Err(wrong(format!(
                        "the recipe expects a largest rank of {expected}, the model has {max_rank}"
                    )));
                }
                if let (Some(stated), Some(rank)) = (entry.rank, reduction.leading_rank(max_rank))
                    && stated != rank
                {
                    return Err(wrong(format!("the recipe states rank {stated}, its rule gives {rank}")));
                }
                edit.add(id, reduction).map_err(&wrong)?;
            }
        }
        edit.check(config)?;
        Ok(edit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ModelConfig {
        let text = r#"{"model_type":"llama","vocab_size":10,"hidden_size":20,"intermediate_size":40,
            "num_hidden_layers":3,"num_attention_heads":2,"num_key_value_heads":1}"#;
        ModelConfig::from_hf("config.json", text).expect("config")
    }

    /// A recipe in which the matrices of layer 0 have rank 2.
    fn recipe(edit: &Edit) -> Recipe {
        let base = BaseModel {
            source: "somewhere".into(),
            sha256: "0".into(),
            architecture: "llama".into(),
            adapters: Vec::new(),
        };
        Recipe::new(edit, base, SvdMethod::Exact, &config(), |id: WeightId| (id.layer == 0).then_some(2))
    }

    fn read_back(recipe: &Recipe) -> Recipe {
        serde_yaml_ng::from_str(&recipe.to_yaml().expect("yaml")).expect("reads back")
    }

    #[test]
    fn a_file_may_begin_with_a_byte_order_mark() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("recipe.yaml");
        let text = "\u{feff}laser_recipe: 1\r\nedits:\r\n- {layer: 0, matrix: q_proj, keep: '0.1'}\r\n";
        std::fs::write(&path, text).expect("writes");
        assert_eq!(Recipe::read(&path).expect("a recipe").edits.len(), 1);
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        std::fs::write(&path, wide).expect("writes");
        let error = Recipe::read(&path).expect_err("no UTF-8").to_string();
        assert!(error.contains("recipe.yaml") && error.contains("found UTF-16: convert"), "{error}");
    }

    #[test]
    fn a_recipe_file_gives_back_its_edit_and_checks_ranks() {
        let edit = "L0.q_proj@0.1,L0.o_proj@random(0.1,7),L1.gate_proj@magnitude(0.2),L1.up_proj@drop-bulk,\
                    L2.down_proj@whitened(0.3)";
        let edit = Edit::parse(edit, &config()).expect("edit");
        let file = read_back(&recipe(&edit));
        assert_eq!(file.edit(&config()).expect("an edit"), edit);
        assert_eq!(file.edits.iter().map(|e| e.rank).collect::<Vec<_>>(), [Some(2), Some(2), None, None, None]);
        let mut wrong = file;
        wrong.edits[0].rank = Some(3);
        let error = wrong.edit(&config()).expect_err("another rank").to_string();
        assert!(error.contains("states rank 3, its rule gives 2"), "{error}");
    }

    #[test]
    fn verdict_and_price_are_written_and_change_nothing() {
        let edit = Edit::parse("L0.q_proj@0.1", &config()).expect("edit");
        let plain = recipe(&edit);
        let text = plain.to_yaml().expect("yaml");
        assert!(!text.contains("verdict") && !text.contains("price"), "{text}");
        let proven = plain.with_verdict("The gain is real: it costs little.".to_owned(), Some(0.426_726_8));
        let text = proven.to_yaml().expect("yaml");
        assert!(text.contains("verdict: 'The gain is real: it costs little.'\nprice: 0.4267\n"), "{text}");
        assert_eq!(read_back(&proven).edit(&config()).expect("an edit"), edit);
        serde_yaml_ng::from_str::<Recipe>(&format!("{text}prize: 1\n")).expect_err("a key that does not exist");
    }

    #[test]
    fn a_recipe_without_edits_is_read_but_gives_no_edit() {
        let none = recipe(&Edit::default()).with_verdict("No edit is proposed.".to_owned(), None);
        assert!(none.to_yaml().expect("yaml").contains("edits: []\n"));
        let error = read_back(&none).edit(&config()).expect_err("no edit").to_string();
        assert!(error.ends_with("the recipe has no edits: the search proposed none"), "{error}");
    }
}
