//! A finished search, read from its run folder.

use serde_json::Value;

use crate::edit::recipe::Recipe;
use crate::error::{Error, Result};
use crate::results::Results;
use crate::run::RunFolder;

/// File name of the settings that the command line keeps in a run folder.
const SETTINGS: &str = "settings.yaml";

/// The parts of a run folder that say what a search found and how.
#[derive(Debug, Clone)]
pub struct FinishedRun {
    /// The results.
    pub results: Results,
    /// The same, with every key of the file.
    pub document: Value,
    /// The winner.
    pub recipe: Recipe,
    /// The settings that were given; `None` in folders that have none, such as those of the library.
    pub settings: Option<Value>,
}

impl FinishedRun {
    /// Reads a run folder.
    ///
    /// # Errors
    /// A folder without results, or not of a search; a search that proposes no edit; a recipe of another model than the
    /// results; a file that cannot be read.
    pub fn open(run: &RunFolder) -> Result<Self> {
        let problem = |problem: &str| Err(Error::Run { path: run.path().to_owned(), problem: problem.to_owned() });
        if !run.has_results() {
            return problem(match run.has_trials() {
                true => "expected the folder of a finished search, found one that is not finished: resume it first",
                false => "expected the folder of a finished search, found no results.json in it",
            });
        }
        let (results, document) = (run.results()?, run.results_document()?);
        if !results.proposes_edit() {
            return problem("the search proposes no edit, so that there is nothing to share");
        }
        let recipe = Recipe::read(&run.recipe())?;
        let made_for = recipe.base_model.as_ref().map(|base| base.sha256.as_str());
        if made_for != Some(&results.manifest.model.sha256) {
            return problem("recipe.yaml and results.json are not of the same search: their base models differ");
        }
        let settings = run.path().join(SETTINGS);
        let settings = match settings.exists() {
            true => {
                let text = std::fs::read_to_string(&settings).map_err(Error::io(&settings))?;
                Some(serde_yaml_ng::from_str(&text).map_err(|e| Error::parse(&settings, e))?)
            }
            false => None,
        };
        Ok(Self { results, document, recipe, settings })
    }
}
