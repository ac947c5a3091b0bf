//! Reads the edit a user names: the short form, or a recipe file.

use std::path::Path;

use super::Session;
use crate::edit::Edit;
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
    /// Whether the edit is a recipe that was made for other model files.
    pub is_foreign: bool,
    /// Verdict and price of the search that found the recipe, a sentence each; none for an edit in the short form, or for
    /// a recipe that was made for other files.
    pub results: Vec<String>,
}

impl Session {
    /// Reads an edit: the short form `L27.fc_in@0.01`, several joined by commas, or the path of a recipe file
    /// (`.yaml`, `.yml`).
    ///
    /// # Errors
    /// A text or file that cannot be read, or an edit that matches no matrix of the model.
    pub fn edit(&self, text: &str) -> Result<RequestedEdit> {
        let (path, config) = (Path::new(text), self.config());
        if !path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            return Ok(RequestedEdit {
                edit: Edit::parse(text, config)?,
                svd: None,
                is_foreign: false,
                results: Vec::new(),
            });
        }
        let recipe = Recipe::read(path)?;
        let is_foreign = match &recipe.base_model {
            Some(base) => base.sha256 != self.sha256()?,
            None => false,
        };
        let price = recipe.price.map(|nats| format!("Log-loss of ordinary text: {nats:+.4} nats a token."));
        let results = if is_foreign { Vec::new() } else { recipe.verdict.clone().into_iter().chain(price).collect() };
        Ok(RequestedEdit { edit: recipe.edit(config)?, svd: Some(recipe.svd), is_foreign, results })
    }
}
