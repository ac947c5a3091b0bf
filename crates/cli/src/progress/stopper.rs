//! The end of a command by Ctrl-C or by a signal of a scheduler.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::leftovers::Leftovers;
use crate::output;

/// Exit code of a command that Ctrl-C ended, as shells expect it: 128 and the number of the signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// Time that work has to end by itself. What is written is complete or absent at any moment.
const GRACE: Duration = Duration::from_millis(1500);

/// Asks the work of a command to end.
pub(crate) struct Stopper {
    stopped: Arc<AtomicBool>,
    leftovers: Arc<Mutex<Leftovers>>,
}

impl Stopper {
    /// A stopper that sets this flag and removes these leftovers.
    pub(super) fn new(stopped: &Arc<AtomicBool>, leftovers: &Arc<Mutex<Leftovers>>) -> Self {
        Self { stopped: Arc::clone(stopped), leftovers: Arc::clone(leftovers) }
    }

    /// Asks the work to end, and ends the process if it does not do so in time; the second time it ends at once.
    pub(crate) fn stop(&self) {
        let is_second = self.stopped.swap(true, Ordering::Relaxed);
        let left = Arc::clone(&self.leftovers);
        let end = move || {
            if !is_second {
                std::thread::sleep(GRACE);
            }
            // A thread that holds the list would only add to it.
            if let Ok(left) = left.try_lock() {
                left.remove();
            }
            output::line("interrupted");
            std::process::exit(i32::from(INTERRUPTED));
        };
        std::thread::spawn(end);
    }
}
