//! Context of a search: the inputs that stay the same from its first trial to its last.

use super::observer::SearchObserver;
use super::settings::Settings;
use crate::edit::truncation::Truncation;
use crate::evaluate::Evaluator;
use crate::team::Team;
use laser_model::Model;

/// Inputs of a search that do not change while it runs.
#[derive(Clone, Copy)]
pub struct SearchContext<'a> {
    /// The unedited model.
    pub model: &'a Model,
    /// The tasks, encoded for the model.
    pub evaluator: &'a Evaluator<'a>,
    /// Ordinary text on which the damage of edits is measured; `None`: damage is not measured.
    pub text: Option<&'a Evaluator<'a>>,
    /// Turns edits into edited models.
    pub truncation: &'a Truncation,
    /// Search space, plan, objective and limits.
    pub settings: &'a Settings,
    /// Receives progress and trials, and may end the search.
    pub observer: &'a dyn SearchObserver,
    /// The processes that share the work.
    pub team: &'a Team,
}

impl<'a> SearchContext<'a> {
    /// A context of a process alone and without a text, so that damage is not measured.
    pub fn new(
        model: &'a Model,
        evaluator: &'a Evaluator<'a>,
        truncation: &'a Truncation,
        settings: &'a Settings,
        observer: &'a dyn SearchObserver,
    ) -> Self {
        Self { model, evaluator, text: None, truncation, settings, observer, team: &Team::ALONE }
    }
}
