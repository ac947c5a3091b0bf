//! Progress on stderr, and Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use laser::SessionObserver;
use laser::model::parallel::Observer;
use laser::search::observer::SearchObserver;
use laser::search::store::Trial;

/// A progress bar that follows the library, and stops it when the user presses Ctrl-C. Where stderr is no terminal
/// (a log file), a plain line for each tenth of a stage.
pub(crate) struct Progress {
    bar: ProgressBar,
    plain: bool,
    quiet: bool,
    begun: Instant,
    /// Stage shown, and tenths of it done.
    stage: Mutex<(String, u64)>,
    best: Mutex<Option<(f64, f64)>>,
    stopped: Arc<AtomicBool>,
    /// When the time for trying edits is over.
    expires: OnceLock<Instant>,
}

impl Progress {
    /// Shows nothing when `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        bar.set_style(style("{prefix:14} [{bar:30}] {pos}/{len}  {elapsed}, {eta} left  {msg}"));
        let plain = !quiet && bar.is_hidden();
        let stopped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopped);
        // A second Ctrl-C ends the process at once: every finished trial is stored already.
        let handler = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
        // A handler can only be missing if one is set already, which main never does.
        drop(handler);
        Self {
            bar,
            plain,
            quiet,
            begun: Instant::now(),
            stage: Mutex::default(),
            best: Mutex::default(),
            stopped,
            expires: OnceLock::new(),
        }
    }

    /// The search tries no further edits after `time` from now.
    pub(crate) fn expire_in(&self, time: Duration) {
        self.expires.get_or_init(|| Instant::now() + time);
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn show(&self, stage: &str, done: u64, total: u64, bytes: bool) {
        let mut current = self.stage.lock().expect("no thread panics while it holds the stage");
        if current.0 != stage {
            *current = (stage.to_owned(), 0);
            let count = if bytes { "{bytes}/{total_bytes}" } else { "{pos}/{len}" };
            self.bar
                .set_style(style(&format!("{{prefix:14}} [{{bar:30}}] {count}  {{elapsed}}, {{eta}} left  {{msg}}")));
            self.bar.reset();
            self.bar.set_prefix(stage.to_owned());
        }
        let tenths = (10 * done).checked_div(total).unwrap_or(0);
        if self.plain && tenths > current.1 {
            current.1 = tenths;
            let (elapsed, best) = (self.bar.elapsed().as_secs(), self.bar.message());
            crate::output::line(&format!("{stage}: {done} of {total}, {elapsed} s  {best}"));
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is written above and valid").progress_chars("=> ")
}

impl Observer for Progress {
    fn progress(&self, stage: &str, done: usize, total: usize) {
        self.show(stage, done as u64, total as u64, false);
    }
    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

impl SearchObserver for Progress {
    fn trial(&self, trial: &Trial) {
        let (acc, loss) = (trial.outcomes.accuracy(), trial.outcomes.log_loss());
        let mut best = self.best.lock().expect("no thread panics while it holds the best");
        if best.is_none_or(|(a, l)| acc > a || (acc == a && loss < l)) {
            *best = Some((acc, loss));
            self.bar.set_message(format!("best {} {:.1} %", trial.edit, 100.0 * acc));
        }
    }

    fn searched(&self, work: laser::model::meter::ForwardWork, items_asked: usize) {
        if !self.quiet {
            let seconds = self.begun.elapsed().as_secs_f64();
            let text = format!(
                "searched in {seconds:.1} s: {items_asked} items asked, {} row-layers, {} rows of the output head",
                work.row_layers, work.head_rows
            );
            self.bar.suspend(|| crate::output::line(&text));
        }
    }

    fn expired(&self) -> bool {
        self.expires.get().is_some_and(|time| Instant::now() >= *time)
    }
}

impl SessionObserver for Progress {
    fn download(&self, progress: &laser::source::DownloadProgress<'_>) {
        let total = progress.total.unwrap_or(0);
        self.show(&format!("fetch {}", progress.file), progress.done, total, true);
    }

    fn warn(&self, remark: &str) {
        if !self.quiet {
            self.bar.suspend(|| crate::output::line(&format!("warning: {remark}")));
        }
    }
}
