//! Observer of a search: receives its progress and trials, and says when its time is over.

use super::forecast::ForecastStep;
use super::trial::Trial;
use laser_model::ForwardWork;
use laser_model::parallel::{Observer, Unobserved};

/// Receives the events of a search, and says when to end it.
pub trait SearchObserver: Observer {
    /// Receives the steps of the search before it begins.
    fn planned(&self, steps: Vec<ForecastStep>) {
        let _ = steps;
    }

    /// Receives a trial that has outcomes on all items of the search split. Trials that the store has already from an
    /// earlier run are not reported.
    fn trial(&self, trial: &Trial) {
        let _ = trial;
    }

    /// Receives the cost of the search at its end: its forward passes, and the number of items scored, summed over
    /// trials.
    fn searched(&self, work: ForwardWork, items_asked: usize) {
        let _ = (work, items_asked);
    }

    /// Whether the time for trying further edits is over. The search then chooses among the edits tried; to stop it
    /// without a result, see [`Observer::stopped`].
    fn expired(&self) -> bool {
        false
    }
}

impl SearchObserver for Unobserved {}

/// Observer of the work after the search stages: without their time limit, and without reports of trials.
pub(super) struct UnlimitedTime<'a>(pub(super) &'a dyn SearchObserver);

impl Observer for UnlimitedTime<'_> {
    fn progress(&self, stage: &str, done: usize, total: usize) {
        self.0.progress(stage, done, total);
    }

    fn stopped(&self) -> bool {
        self.0.stopped()
    }
}

impl SearchObserver for UnlimitedTime<'_> {}
