//! The run context: what a long computation needs besides its data.

use laser_model::parallel::Observer;

/// Threads, stage name and observer of one long computation.
#[derive(Clone, Copy)]
pub struct RunContext<'a> {
    /// Number of threads. Results are the same to the bit for every number.
    pub threads: usize,
    /// Name under which progress is reported, such as `eval`.
    pub stage: &'a str,
    /// Receives progress, and may stop the computation.
    pub observer: &'a dyn Observer,
}

impl RunContext<'_> {
    /// Reports that `done` of `total` units are finished.
    pub(crate) fn progress(&self, done: usize, total: usize) {
        self.observer.progress(self.stage, done, total);
    }
}
