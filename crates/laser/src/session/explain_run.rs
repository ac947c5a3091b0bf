//! The edit of a search as an edit to explain.

use std::collections::BTreeMap;

use laser_statistics::Split;

use super::{ExplainOptions, ScoredTasks, Session};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::run::RunFolder;

impl Session {
    /// Options that explain the edit of a search on the split they name, which is that of the search.
    ///
    /// # Errors
    /// A folder that is not that of a search, one that proposes no edit, or one of another model, other tasks or other
    /// splits.
    pub fn options_for_run(
        &self,
        tasks: &ScoredTasks,
        run: &RunFolder,
        options: ExplainOptions,
    ) -> Result<ExplainOptions> {
        let results = run.results()?;
        let differs = |what: &str| Err(Error::setting("run", format!("{}: {what}", run.path().display())));
        if !results.proposes_edit() {
            return differs("the search proposes no edit, so that there is nothing to explain");
        }
        let own = self.manifest(tasks)?;
        if results.manifest.model.sha256 != own.model.sha256 {
            return differs("the search was of another model");
        }
        if results.manifest.task.sha256 != own.task.sha256 {
            return differs("the search was on other items");
        }
        let edit = Edit::parse(&results.best.edit, self.config())?;
        let split_seed = results.manifest.seeds.get("split").copied().unwrap_or(options.split_seed);
        let options = ExplainOptions { edit, split_seed, ..options };
        // The samples say which items the search kept for its proof.
        let evaluator = self.evaluator(tasks)?;
        let of_run: BTreeMap<usize, Split> =
            run.samples()?.iter().map(|sample| (sample.doc_id, sample.split)).collect();
        let agrees = |(item, split): (&usize, &Split)| {
            *item < evaluator.items().len() && evaluator.split(*item, split_seed, options.fractions) == *split
        };
        if !of_run.iter().all(agrees) {
            return differs("the search had other splits: expected the same shares of search and validation items");
        }
        Ok(options)
    }
}
