//! Progress on stderr, time limits, and Ctrl-C.

mod leftovers;
mod stopper;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use laser::SessionObserver;
use laser::model::parallel::Observer;
use laser::search::observer::SearchObserver;
use laser::search::store::Trial;
use laser::search::{ForecastStep, OverallProgress};

use self::leftovers::Leftovers;
pub(crate) use self::stopper::INTERRUPTED;
use self::stopper::Stopper;
use crate::output;

/// Time between two lines where stderr is no terminal, such as a log file.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Time between two pictures of work that tells nothing of its progress.
const TICK: Duration = Duration::from_millis(200);

/// A progress bar that follows the library, and stops it when the user presses Ctrl-C. A search has one bar for all of its
/// steps. Where stderr is no terminal, a plain line now and then.
pub(crate) struct Progress {
    bar: ProgressBar,
    plain: bool,
    is_quiet: bool,
    verbosity: u8,
    begun: Instant,
    state: Mutex<State>,
    stopped: Arc<AtomicBool>,
    /// Folders and drafts that an interruption removes.
    leftovers: Arc<Mutex<Leftovers>>,
    /// Called once when a search has opened its folder.
    at_start: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// Time limit of the whole command.
    limit: OnceLock<Duration>,
    /// True once a search was told that its time is over.
    has_expired: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Stage shown, and the time of its beginning.
    stage: Option<(String, Instant)>,
    /// Steps of a search.
    overall: Option<OverallProgress>,
    /// Accuracy and log-loss of the best edit so far, and its description.
    best: Option<(f64, f64, String)>,
    /// Time of the last plain line.
    line: Option<Instant>,
}

impl Progress {
    /// Shows nothing when `quiet`; tells more from a `verbosity` of 1.
    pub(crate) fn new(quiet: bool, verbosity: u8) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let plain = !quiet && bar.is_hidden();
        let stopped = Arc::new(AtomicBool::new(false));
        let leftovers = Arc::new(Mutex::new(Leftovers::default()));
        let stopper = Stopper::new(&stopped, &leftovers);
        let handler = ctrlc::set_handler(move || stopper.stop());
        // A handler can only be missing if one is set already, which main never does.
        drop(handler);
        Self {
            bar,
            plain,
            is_quiet: quiet,
            verbosity: if quiet { 0 } else { verbosity },
            begun: Instant::now(),
            state: Mutex::default(),
            stopped,
            leftovers,
            at_start: Mutex::default(),
            limit: OnceLock::new(),
            has_expired: AtomicBool::new(false),
        }
    }

    /// Ends the trials of a search early enough for its proof to end `time` after the command began.
    pub(crate) fn limit_time(&self, time: Duration) {
        self.limit.get_or_init(|| time);
    }

    /// True if the user pressed Ctrl-C.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Does what Ctrl-C does, for other signals.
    pub(crate) fn stopper(&self) -> Stopper {
        Stopper::new(&self.stopped, &self.leftovers)
    }

    /// Takes note of a folder that the command is about to create, so that an interruption does not leave it empty.
    pub(crate) fn creates(&self, folder: &Path) {
        if !folder.exists() {
            self.leftovers().folders.push(folder.to_owned());
        }
    }

    /// Takes note of a model that the command is about to write, whose draft an interruption must not leave.
    pub(crate) fn writes(&self, target: &Path) {
        self.leftovers().targets.push(target.to_owned());
    }

    fn leftovers(&self) -> MutexGuard<'_, Leftovers> {
        self.leftovers.lock().expect("no thread panics while it holds the list")
    }

    /// Calls `act` when the search has opened its folder, so that nothing is written into one that belongs to another run.
    pub(crate) fn when_search_begins(&self, act: impl FnOnce() + Send + 'static) {
        *self.at_start.lock().expect("no thread panics while it holds the action") = Some(Box::new(act));
    }

    /// Removes the bar until there is progress again, of other work.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        self.end_stage(&mut state);
        (state.overall, state.best) = (None, None);
        self.bar.finish_and_clear();
    }

    /// True if the time limit ended trials early.
    pub(crate) fn is_expired(&self) -> bool {
        self.has_expired.load(Ordering::Relaxed)
    }

    /// Removes the bar, and after an interruption the folders that stayed empty.
    pub(crate) fn finish(&self) {
        self.clear();
        if self.is_stopped() {
            self.leftovers().remove();
        }
    }

    /// A line on stderr that the bar does not garble, from a verbosity on.
    fn tell(&self, verbosity: u8, text: impl FnOnce() -> String) {
        if self.verbosity >= verbosity {
            let text = text();
            self.bar.suspend(|| output::line(&text));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the state")
    }

    fn end_stage(&self, state: &mut State) {
        if let Some((stage, begun)) = state.stage.take() {
            self.tell(1, || format!("{stage}: {:.1} s", begun.elapsed().as_secs_f64()));
        }
    }

    fn show(&self, stage: &str, done: u64, total: u64, unit: Unit) {
        let mut state = self.lock();
        let state = &mut *state;
        let step = state.overall.as_mut().and_then(|all| all.report(stage, done as usize, total as usize));
        let label = step.unwrap_or(stage);
        if state.stage.as_ref().is_none_or(|(shown, _)| shown != label) {
            self.end_stage(state);
            state.stage = Some((label.to_owned(), Instant::now()));
            self.bar.set_prefix(label.to_owned());
            self.bar.set_style(style(match (step, unit) {
                // pip tells nothing of its progress.
                (None, _) if total == 0 => "{spinner} {prefix}  {elapsed}",
                (Some(_), _) => "{prefix:14} [{bar:24}] {percent:>3} %  {elapsed}{wide_msg}",
                (None, Unit::Bytes) => "{prefix} [{bar:24}] {bytes}/{total_bytes}  {elapsed}{wide_msg}",
                (None, Unit::Steps) => "{prefix:14} [{bar:24}] {pos}/{len}  {elapsed}{wide_msg}",
            }));
            if step.is_none() {
                self.bar.reset();
            }
            match step.is_none() && total == 0 {
                true => self.bar.enable_steady_tick(TICK),
                false => self.bar.disable_steady_tick(),
            }
        }
        let left = match (&state.overall, step) {
            (Some(overall), Some(_)) => {
                self.bar.set_length(1000);
                self.bar.set_position((1000.0 * overall.share()) as u64);
                overall.left(self.begun.elapsed())
            }
            _ => {
                self.bar.set_length(total);
                self.bar.set_position(done);
                let begun = state.stage.as_ref().map_or(self.begun, |(_, begun)| *begun);
                let share = done as f64 / total.max(1) as f64;
                let seconds = begun.elapsed().as_secs_f64() * (1.0 - share) / share;
                Duration::try_from_secs_f64(seconds).ok()
            }
        };
        let left = left.map_or_else(String::new, |left| format!(", about {} left", in_words(left)));
        let best = state.best.as_ref().map_or_else(String::new, |(.., best)| format!("  {best}"));
        self.bar.set_message(format!("{left}{best}"));
        if self.plain && state.line.unwrap_or(self.begun).elapsed() >= BETWEEN_LINES {
            state.line = Some(Instant::now());
            let share = match (&state.overall, step) {
                (Some(overall), Some(_)) => 100.0 * overall.share(),
                _ => 100.0 * done as f64 / total.max(1) as f64,
            };
            output::line(&format!("{label}: {share:.0} % after {} s{left}{best}", self.begun.elapsed().as_secs()));
        }
    }
}

/// Unit of a stage's count.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Steps,
    Bytes,
}

/// A time as people say it: `3 minutes`.
pub(crate) fn in_words(time: Duration) -> String {
    HumanDuration(Duration::from_secs(time.as_secs_f64().ceil() as u64)).to_string()
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is written above and valid").progress_chars("=> ")
}

impl Observer for Progress {
    fn progress(&self, stage: &str, done: usize, total: usize) {
        self.show(stage, done as u64, total as u64, Unit::Steps);
    }
    fn stopped(&self) -> bool {
        self.is_stopped()
    }
}

impl SearchObserver for Progress {
    fn planned(&self, steps: Vec<ForecastStep>) {
        self.lock().overall = Some(OverallProgress::new(steps));
        if let Some(act) = self.at_start.lock().expect("no thread panics while it holds the action").take() {
            act();
        }
    }

    fn trial(&self, trial: &Trial) {
        let (acc, loss) = (trial.outcomes.accuracy(), trial.outcomes.log_loss());
        self.tell(2, || format!("tried {}: {:.1} %, {loss:.4} nats an item", trial.edit, 100.0 * acc));
        let mut state = self.lock();
        if state.best.as_ref().is_none_or(|(a, l, _)| acc > *a || (acc == *a && loss < *l)) {
            state.best = Some((acc, loss, format!("best {} {:.1} %", trial.edit, 100.0 * acc)));
        }
    }

    fn searched(&self, work: laser::model::meter::ForwardWork, items_asked: usize) {
        self.tell(1, || {
            let seconds = self.begun.elapsed().as_secs_f64();
            format!(
                "searched in {seconds:.1} s: {items_asked} items asked, {} row-layers, {} rows of the output head",
                work.row_layers, work.head_rows
            )
        });
    }

    fn expired(&self) -> bool {
        let Some(limit) = self.limit.get() else { return false };
        let elapsed = self.begun.elapsed();
        let is_over = match &self.lock().overall {
            Some(overall) => overall.is_over(elapsed, *limit),
            None => elapsed >= *limit,
        };
        self.has_expired.fetch_or(is_over, Ordering::Relaxed);
        is_over
    }
}

impl SessionObserver for Progress {
    fn download(&self, progress: &laser::source::DownloadProgress<'_>) {
        let total = progress.total.unwrap_or(0);
        self.show(&format!("fetch {}", progress.file), progress.done, total, Unit::Bytes);
    }

    fn warn(&self, remark: &str) {
        if !self.is_quiet {
            self.bar.suspend(|| output::line(&format!("warning: {remark}")));
        }
    }
}
