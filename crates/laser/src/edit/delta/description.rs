//! The metadata of a delta: the recipe, the matrices with their form, and the tensors of the base model before and after.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::edit::edited_matrix::TruncationRecord;
use crate::edit::recipe::Recipe;
use crate::error::{Error, Result};

/// Key of the version of the format.
const VERSION_KEY: &str = "laser_delta";
/// Version of the format that is read and written.
const VERSION: &str = "1";
/// Key of the recipe, YAML.
const RECIPE: &str = "recipe";
/// Key of the matrices, JSON.
const MATRICES: &str = "matrices";
/// Key of the base model's tensors, JSON.
const TENSORS: &str = "tensors";
/// Key of the facts for a model card, JSON.
const CARD: &str = "card";
/// Key of the base model's repository.
const BASE_MODEL: &str = "base_model";
/// Key of the base model's revision.
const REVISION: &str = "revision";

/// Form in which a delta holds a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// Ŵ = U·V.
    Kept,
    /// Ŵ = W − U·V.
    Removed,
    /// Ŵ itself.
    Dense,
    /// Nothing: the reduction keeps everything.
    Unchanged,
}

impl Form {
    /// Names of the tensors that hold the matrix `name`.
    pub(crate) fn tensors(self, name: &str) -> Vec<String> {
        let parts: &[&str] = match self {
            Self::Kept | Self::Removed => &["laser_u", "laser_v"],
            Self::Dense => &["laser_dense"],
            Self::Unchanged => &[],
        };
        parts.iter().map(|part| format!("{name}.{part}")).collect()
    }
}

/// A matrix of a delta.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MatrixEntry {
    pub(crate) form: Form,
    /// Names of the base model's tensors that hold the matrix, for other readers of the file.
    pub(crate) tensors: Vec<String>,
    pub(crate) record: TruncationRecord,
}

/// A tensor of the base model that holds edited matrices, before and after the edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeltaTensor {
    /// Name in the base model's files.
    pub tensor: String,
    /// Element type there.
    pub dtype: String,
    /// Shape there.
    pub shape: Vec<usize>,
    /// SHA-256 of its bytes in the base model.
    pub base_sha256: String,
    /// SHA-256 of its bytes in the edited model of the same format.
    pub sha256: String,
    /// Rounding error of the edited values max |s − w|: s are the stored values, w the computed ones.
    pub max_abs: f64,
    /// Relative rounding error ‖s − w‖_F / ‖w‖_F.
    pub relative: f64,
}

/// Facts for the model card of the rebuilt model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeltaCard {
    /// Name of the base model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_model: Option<String>,
    /// The task that the edit was found on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Results of evaluations and the price, a sentence or two each.
    #[serde(default)]
    pub results: Vec<String>,
}

/// All metadata of a delta.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    pub(crate) recipe: Recipe,
    pub(crate) card: DeltaCard,
    /// Repository of the base model, `owner/name`, if it has one.
    pub(crate) repository: Option<String>,
    /// Commit of that repository.
    pub(crate) revision: Option<String>,
    pub(crate) matrices: Vec<MatrixEntry>,
    pub(crate) tensors: Vec<DeltaTensor>,
}

impl Description {
    /// Reads the metadata of the file `path`.
    ///
    /// # Errors
    /// Metadata of another kind of file or of another version, or values that cannot be read.
    pub(super) fn read(path: &Path, metadata: &BTreeMap<String, String>) -> Result<Self> {
        match metadata.get(VERSION_KEY).map(String::as_str) {
            Some(VERSION) => {}
            Some(other) => {
                let problem = format!("`{VERSION_KEY}`: expected version {VERSION}, found {other}");
                return Err(Error::parse(path, problem));
            }
            None => {
                let problem = format!(
                    "expected a file that `laser apply` wrote with the format `delta`, found no `{VERSION_KEY}` in its \
                     metadata"
                );
                return Err(Error::parse(path, problem));
            }
        }
        let text = |key: &str| {
            let text = metadata.get(key).map(String::as_str);
            text.ok_or_else(|| Error::parse(path, format!("no `{key}` in its metadata")))
        };
        let recipe = Recipe::parse(Path::new(RECIPE), text(RECIPE)?)
            .map_err(|e| Error::parse(path, format!("`{RECIPE}`: {e}")))?;
        Ok(Self {
            recipe,
            card: json(path, CARD, text(CARD)?)?,
            repository: metadata.get(BASE_MODEL).cloned(),
            revision: metadata.get(REVISION).cloned(),
            matrices: json(path, MATRICES, text(MATRICES)?)?,
            tensors: json(path, TENSORS, text(TENSORS)?)?,
        })
    }

    /// The metadata as a file has them.
    ///
    /// # Errors
    /// A recipe that YAML cannot represent.
    pub(super) fn to_metadata(&self) -> Result<BTreeMap<String, String>> {
        fn text(value: &impl Serialize) -> String {
            serde_json::to_string(value).expect("numbers, texts and lists can be written")
        }
        let fixed = [
            // Without this entry, transformers refuses the file even for a look at its tensors.
            ("format", "pt".to_owned()),
            (VERSION_KEY, VERSION.to_owned()),
            (RECIPE, self.recipe.to_yaml()?),
            (CARD, text(&self.card)),
            (MATRICES, text(&self.matrices)),
            (TENSORS, text(&self.tensors)),
        ];
        let optional = [(BASE_MODEL, &self.repository), (REVISION, &self.revision)];
        let optional = optional.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)));
        Ok(fixed.into_iter().chain(optional).map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// The base model, for errors: its repository and revision, else the name that the recipe has.
    pub(super) fn base(&self) -> String {
        let source = self.recipe.base_model.as_ref().map(|base| base.source.as_str());
        match (&self.repository, &self.revision) {
            (Some(repository), Some(revision)) => format!("hf:{repository}@{revision}"),
            (Some(repository), None) => repository.clone(),
            (None, _) => source.unwrap_or("a model that it does not name").to_owned(),
        }
    }
}

/// Reads the JSON text under `key`.
fn json<T: DeserializeOwned>(path: &Path, key: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::parse(path, format!("`{key}` in its metadata: {e}")))
}
