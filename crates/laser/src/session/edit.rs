//! Reads the edit a user names: the short form, a recipe file, or a delta.

use std::path::Path;
use std::sync::Arc;

use super::Session;
use crate::edit::Edit;
use crate::edit::delta::{Delta, is_delta_path};
use crate::edit::recipe::Recipe;
use crate::edit::truncation::SvdMethod;
use crate::error::Result;

/// An edit as a user named it.
#[derive(Debug, Clone)]
pub struct RequestedEdit {
    /// The edit.
    pub edit: Edit,
    /// Decomposition that the recipe asks for; `None` for an edit in the short form.
    pub svd: Option<SvdMethod>,
    /// The file that holds the reduced matrices themselves; `None` for a recipe and the short form.
    pub delta: Option<Arc<Delta>>,
    /// Whether the edit is a recipe that was made for other model files.
    pub is_foreign: bool,
    /// Verdict and price of the search that found the recipe, a sentence each; none for an edit in the short form, or for
    /// a recipe that was made for other files.
    pub results: Vec<String>,
}

impl Session {
    /// Reads an edit: the short form `L27.fc_in@0.01`, several joined by commas, or the path of a recipe file
    /// (`.yaml`, `.yml`) or of a delta (`.safetensors`).
    ///
    /// # Errors
    /// A text or file that cannot be read, an edit that matches no matrix of the model, or a delta of another model.
    pub fn edit(&self, text: &str) -> Result<RequestedEdit> {
        let (path, config) = (Path::new(text), self.config());
        if is_delta_path(path) {
            return self.edit_of_delta(path);
        }
        if !path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            return Ok(RequestedEdit {
                edit: Edit::parse(text, config)?,
                svd: None,
                delta: None,
                is_foreign: false,
                results: Vec::new(),
            });
        }
        let recipe = Recipe::read(path)?;
        let is_foreign = self.is_foreign(&recipe)?;
        let price = recipe.price.map(|nats| format!("Log-loss of ordinary text: {nats:+.4} nats a token."));
        let results = if is_foreign { Vec::new() } else { recipe.verdict.clone().into_iter().chain(price).collect() };
        Ok(RequestedEdit { edit: recipe.edit(config)?, svd: Some(recipe.svd), delta: None, is_foreign, results })
    }

    fn edit_of_delta(&self, path: &Path) -> Result<RequestedEdit> {
        let delta = Delta::open(path, self.config())?;
        delta.check_base(self.files(), &self.adapters()?)?;
        Ok(RequestedEdit {
            edit: delta.edit().clone(),
            svd: Some(delta.recipe().svd),
            is_foreign: self.is_foreign(delta.recipe())?,
            results: delta.card().results.clone(),
            delta: Some(Arc::new(delta)),
        })
    }

    /// True if a recipe was made for other model files.
    fn is_foreign(&self, recipe: &Recipe) -> Result<bool> {
        match &recipe.base_model {
            Some(base) => Ok(base.sha256 != self.sha256()?),
            None => Ok(false),
        }
    }
}
