//! Previews a search: what would be tried, on how many items, with how much work.

use laser_model::Model;
use laser_statistics::Split;

use super::{ScoredTasks, SearchOptions, Session};
use crate::error::Result;
use crate::evaluate::{Evaluator, RunContext};
use crate::search::{ForecastSizes, ForecastStep, Settings, Splits};

/// A search as it would run.
pub struct SearchPreview<'a> {
    /// Numbers of items and edits.
    pub sizes: ForecastSizes,
    /// Items of the test split.
    pub test_items: usize,
    /// Settings of the search.
    pub settings: Settings,
    /// Steps with their work.
    pub steps: Vec<ForecastStep>,
    /// Bytes of the weights in memory.
    pub weight_bytes: u64,
    /// Bytes that the other weights would take in memory; each pass reads them from the model's files.
    pub file_bytes: u64,
    session: &'a Session,
    evaluator: Evaluator<'a>,
    model: Model,
}

/// Number of items that are scored to measure the speed.
const SAMPLE: usize = 48;

impl SearchPreview<'_> {
    /// Scores the unedited model on some items of the search, so that the caller can time it. Returns their number.
    ///
    /// # Errors
    /// Those of an evaluation.
    pub fn score_sample(&self) -> Result<usize> {
        let n = self.evaluator.items().len();
        let sample: Vec<usize> = (0..SAMPLE.min(n)).map(|i| i * n / SAMPLE.min(n)).collect();
        let observer = &*self.session.options.observer;
        let context = RunContext { threads: self.session.threads(), stage: "sample", observer };
        self.evaluator.evaluate(&self.model, &sample, context)?;
        Ok(sample.len())
    }

    /// Work of the whole search, in passes of an item through the whole model.
    pub fn work(&self) -> f64 {
        self.steps.iter().map(|step| step.work).sum()
    }
}

impl Session {
    /// Prepares a search of `tasks` without running it: checks the options, divides the items, and foresees the work.
    ///
    /// # Errors
    /// Those of [`Session::search`] that come before its first trial.
    pub fn preview<'a>(&'a self, tasks: &'a ScoredTasks, options: &SearchOptions) -> Result<SearchPreview<'a>> {
        let settings = self.settings(tasks, options)?;
        let evaluator = self.evaluator(tasks)?;
        let splits = Splits::new(&evaluator, &settings)?;
        let has_price = !options.no_side_effects && evaluator.is_causal() && evaluator.levels().is_none();
        let edits = settings.space.candidates(self.config()).len();
        let sizes = ForecastSizes::of(&splits, &settings, edits, has_price);
        let steps = settings.forecast(self.config(), sizes);
        let test_items = splits.items(Split::Test).len();
        let model = self.load()?;
        let (weight_bytes, file_bytes) = (model.matrix_bytes() as u64, self.residence().file_bytes() as u64);
        let session = self;
        Ok(SearchPreview { sizes, test_items, settings, steps, weight_bytes, file_bytes, session, evaluator, model })
    }
}
