//! A job of the library in a thread of its own, while the calling thread answers Ctrl-C and tells progress.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use laser::search::observer::SearchObserver;
use laser::search::{ForecastStep, OverallProgress};
use laser::{Observer, SessionObserver};
use pyo3::prelude::*;

use crate::error::to_python;

/// Time between two looks at Ctrl-C and progress.
const TICK: Duration = Duration::from_millis(100);

/// Follows the jobs of one model, which run one after the other.
pub(crate) struct Follower {
    stopped: AtomicBool,
    state: Mutex<State>,
    /// Held while a job runs.
    busy: Mutex<()>,
}

struct State {
    begun: Instant,
    limit: Option<Duration>,
    overall: Option<OverallProgress>,
    /// Stage and share of the work, 0..=1, since they were told last.
    news: Option<(String, f64)>,
    warnings: Vec<String>,
}

impl Default for Follower {
    fn default() -> Self {
        let state = State { begun: Instant::now(), limit: None, overall: None, news: None, warnings: Vec::new() };
        Self { stopped: AtomicBool::new(false), state: Mutex::new(state), busy: Mutex::default() }
    }
}

impl Follower {
    /// Runs a job without Python's lock. `progress`: a function of a stage's name and the share of the work that is done;
    /// `limit`: the time after which a search tries no more edits, its proof counted in.
    ///
    /// # Errors
    /// The job's error, `KeyboardInterrupt` after Ctrl-C, or what `progress` raises; the job has ended then.
    pub(crate) fn run<T: Send>(
        &self,
        py: Python<'_>,
        progress: Option<&Py<PyAny>>,
        limit: Option<Duration>,
        job: impl FnOnce() -> laser::Result<T> + Send,
    ) -> PyResult<T> {
        py.detach(|| {
            let _busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            self.stopped.store(false, Ordering::Relaxed);
            *self.state() = State { begun: Instant::now(), limit, overall: None, news: None, warnings: Vec::new() };
            thread::scope(|scope| {
                let (sender, receiver) = channel();
                let worker = scope.spawn(move || {
                    let result = job();
                    // Without the sender, the other end stops waiting.
                    drop(sender);
                    result
                });
                let mut raised = None;
                loop {
                    let ended: Result<(), RecvTimeoutError> = receiver.recv_timeout(TICK);
                    if raised.is_none()
                        && let Err(error) = self.tell(progress)
                    {
                        self.stopped.store(true, Ordering::Relaxed);
                        raised = Some(error);
                    }
                    if ended == Err(RecvTimeoutError::Disconnected) {
                        break;
                    }
                }
                let result = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                match raised {
                    Some(error) => Err(error),
                    None => result.map_err(to_python),
                }
            })
        })
    }

    /// Answers signals, and tells what is new.
    fn tell(&self, progress: Option<&Py<PyAny>>) -> PyResult<()> {
        let (news, warnings) = {
            let mut state = self.state();
            (state.news.take(), std::mem::take(&mut state.warnings))
        };
        Python::attach(|py| {
            py.check_signals()?;
            for warning in warnings {
                py.import("warnings")?.call_method1("warn", (warning,))?;
            }
            match (progress, news) {
                (Some(progress), Some(news)) => progress.call1(py, news).map(drop),
                _ => Ok(()),
            }
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Follower {
    fn progress(&self, stage: &str, done: usize, total: usize) {
        let mut state = self.state();
        let of_stage = done as f64 / total.max(1) as f64;
        let label = state.overall.as_mut().and_then(|overall| overall.report(stage, done, total));
        let share = match (&state.overall, label) {
            (Some(overall), Some(_)) => overall.share(),
            _ => of_stage,
        };
        state.news = Some((label.unwrap_or(stage).to_owned(), share));
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

impl SearchObserver for Follower {
    fn planned(&self, steps: Vec<ForecastStep>) {
        self.state().overall = Some(OverallProgress::new(steps));
    }

    fn expired(&self) -> bool {
        let state = self.state();
        let Some(limit) = state.limit else { return false };
        let elapsed = state.begun.elapsed();
        state.overall.as_ref().map_or(elapsed >= limit, |overall| overall.is_over(elapsed, limit))
    }
}

impl SessionObserver for Follower {
    fn download(&self, progress: &laser::source::DownloadProgress<'_>) {
        let share = progress.done as f64 / progress.total.unwrap_or(0).max(1) as f64;
        self.state().news = Some((format!("fetch {}", progress.file), share.min(1.0)));
    }

    fn warn(&self, remark: &str) {
        self.state().warnings.push(remark.to_owned());
    }
}
