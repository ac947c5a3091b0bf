//! Moments of a run at which it is killed: drawn evenly over its time, or just after its output begins to appear, which
//! is where a careless program leaves halves.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Number of kills of one kind of work.
pub(crate) fn kills() -> usize {
    number("LASER_KILLS").unwrap_or(8)
}

/// Random numbers of a test.
pub(crate) fn dice(test: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1000 * number("LASER_KILL_SEED").unwrap_or(0) as u64 + test)
}

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Starts `command` and kills it at a random moment of a run that takes `whole`; returns whether it was still running.
///
/// `output`: a folder or file that the run makes near its end.
pub(crate) fn kill(mut command: Command, output: &Path, whole: Duration, dice: &mut ChaCha8Rng) -> bool {
    let mut child = command.spawn().expect("the binary starts");
    if dice.random_bool(0.5) {
        std::thread::sleep(whole.mul_f64(dice.random_range(0.0..1.1)));
    } else {
        let folder = output.parent().expect("an output lies in a folder");
        let before = entries(folder) + entries(output);
        let begun = Instant::now();
        while entries(folder) + entries(output) == before && begun.elapsed() < 10 * whole && runs(&mut child) {
            std::thread::sleep(Duration::from_micros(100));
        }
        std::thread::sleep(whole.mul_f64(0.1 * dice.random_range(0.0f64..1.0).powi(3)));
    }
    let killed = runs(&mut child);
    child.kill().expect("kills");
    child.wait().expect("ends");
    killed
}

fn runs(child: &mut Child) -> bool {
    child.try_wait().expect("waits").is_none()
}

/// Number of entries of a folder; 0 for anything else.
fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Runs `work` and returns how long it took.
pub(crate) fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}
