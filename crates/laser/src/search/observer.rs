//! Observes a search: its progress, its trials, and whether its time is over.

use laser_model::ForwardWork;
use laser_model::parallel::{Observer, Unobserved};

use super::store::Trial;

/// Receives the events of a search, and says when it should end.
pub trait SearchObserver: Observer {
    /// Called when a trial has ended.
    fn trial(&self, trial: &Trial) {
        let _ = trial;
    }

    /// Called when all trials are done, with the forward work they took and the number of items they were asked.
    fn searched(&self, work: ForwardWork, items_asked: usize) {
        let _ = (work, items_asked);
    }

    /// Whether the time for trying further edits is over.
    fn expired(&self) -> bool {
        false
    }
}

impl SearchObserver for Unobserved {}
