//! One fuzz target: takes seeds and the function that reads an input, runs it on the seeds, on the inputs that once
//! failed, and on damaged seeds.
//!
//! Failures name the input and leave it in a file. What would otherwise end the process without a word (memory, a hang)
//! is watched and reported in the same way.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use bolero::{DefaultEngine, TestTarget};

use crate::damage::{Damaged, Input};
use crate::engine::FewExecutions;
use crate::memory;

/// What a reader may take in bytes besides [`PER_BYTE`] for each byte of its input.
const CONSTANT: usize = 64 << 20;
/// Bytes of memory that one byte of an input may take.
const PER_BYTE: usize = 4;
/// Time after which an execution counts as a fault. Far above what a machine under load needs.
const SLOW: Duration = Duration::from_secs(20);
/// Time after which an execution counts as endless.
const ENDLESS: Duration = Duration::from_secs(120);

/// The execution that is going on: name of the target, input, beginning.
static CURRENT: Mutex<Option<(&'static str, Vec<u8>, Instant)>> = Mutex::new(None);
/// Held by the target that runs, because the memory is counted for the whole process.
static TURN: Mutex<()> = Mutex::new(());
static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);
static ACCEPTED: AtomicUsize = AtomicUsize::new(0);

/// The type of `bolero::check!()`.
pub type Check = TestTarget<bolero::ByteSliceGenerator, DefaultEngine, bolero::BorrowedInput>;

/// A fuzz target.
pub struct Target {
    /// Name of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Bytes of other files that the reader opens besides the input, such as weights.
    pub other_bytes: usize,
    /// Number of executions with a fixed seed, for `cargo test`.
    pub executions: usize,
    /// Seeds and words from which inputs are made.
    pub inputs: Damaged,
}

impl Target {
    /// Runs the target. `read` reads an input and returns whether it was accepted; every seed must be.
    ///
    /// # Panics
    /// If an input makes `read` panic, or take too much memory or time; if a seed is refused.
    pub fn run(self, check: Check, read: impl Fn(&[u8]) -> bool) {
        let _turn = lock(&TURN);
        watch_for_hangs();
        EXECUTIONS.store(0, Relaxed);
        ACCEPTED.store(0, Relaxed);
        let Self { name, other_bytes, executions, inputs } = self;
        let execute = |input: &[u8]| execute(name, other_bytes, input, &read);
        for (i, seed) in inputs.seeds.iter().enumerate() {
            assert!(execute(seed), "{name}: seed {i} is refused: {}", seed.escape_ascii());
        }
        for (file, input) in corpus(name) {
            note(&format!("{name}: {}", file.display()));
            execute(&input);
        }
        let each = AssertUnwindSafe(|input: &Input| {
            execute(&input.0);
        });
        // Wrapped once more, so that the closure has the bolero's bounds whatever `read` holds.
        let each = move |input: &Input| each(input);
        // Long runs are bolero's own: other inputs each time, failing ones shrunk.
        if ["BOLERO_RANDOM_ITERATIONS", "BOLERO_RANDOM_TEST_TIME_MS"].iter().any(|name| std::env::var(name).is_ok()) {
            check.with_generator(inputs).for_each(each);
            note(&format!(
                "{name}: {} executions, {} inputs accepted",
                EXECUTIONS.load(Relaxed),
                ACCEPTED.load(Relaxed)
            ));
        } else {
            TestTarget::new(FewExecutions { executions }).with_generator(inputs).for_each(each);
        }
    }
}

/// Reads one input, and checks memory and time.
fn execute(name: &'static str, other_bytes: usize, input: &[u8], read: &impl Fn(&[u8]) -> bool) -> bool {
    let begun = Instant::now();
    let mut copy = Vec::with_capacity(input.len());
    copy.extend_from_slice(input);
    *lock(&CURRENT) = Some((name, copy, begun));
    let live = memory::restart();
    let done = catch_unwind(AssertUnwindSafe(|| read(input)));
    let taken = memory::peak_above(live);
    *lock(&CURRENT) = None;
    let allowed = CONSTANT + PER_BYTE * (input.len() + other_bytes);
    let problem = match done {
        Ok(_) if taken > allowed => Ok(format!("{taken} bytes of memory, {allowed} are allowed")),
        Ok(_) if begun.elapsed() > SLOW => Ok(format!("it took {:?}", begun.elapsed())),
        Ok(accepted) => {
            EXECUTIONS.fetch_add(1, Relaxed);
            ACCEPTED.fetch_add(usize::from(accepted), Relaxed);
            return accepted;
        }
        Err(panic) => Err(panic),
    };
    note(&format!("{name}: the input is in {}", keep(name, input).display()));
    match problem {
        Ok(text) => panic!("{name}: {text}"),
        // Its message has been given to the hook.
        Err(panic) => resume_unwind(panic),
    }
}

/// Inputs in `fuzz/corpus/NAME`, which made a reader fail once.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files.into_iter().filter_map(|file| Some((file.clone(), std::fs::read(file).ok()?))).collect()
}

/// Writes an input to a file in the temporary folder; returns its path.
fn keep(name: &str, input: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("laser-fuzz-{name}-{}", std::process::id()));
    // If it cannot be written, the message names a file that is not there; nothing else is lost.
    let _ = std::fs::write(&path, input);
    path
}

/// Ends the process, after naming the input of the execution that is going on.
pub(crate) fn give_up(problem: &str) {
    // Not waited for: the thread that allocates may hold it.
    if let Ok(current) = CURRENT.try_lock()
        && let Some((name, input, _)) = &*current
    {
        note(&format!("{name}: {problem}; the input is in {}", keep(name, input).display()));
    }
    std::process::abort();
}

/// Starts the thread that ends the process if an execution does not end.
fn watch_for_hangs() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        std::thread::spawn(|| {
            loop {
                std::thread::sleep(Duration::from_secs(5));
                let endless = lock(&CURRENT).as_ref().is_some_and(|(_, _, begun)| begun.elapsed() > ENDLESS);
                if endless {
                    give_up("it does not end");
                }
            }
        });
    });
}

/// Prints a line for whoever watches the run.
#[expect(clippy::print_stderr, reason = "the crate is only ever run as a test")]
fn note(line: &str) {
    eprintln!("{line}");
}

/// Locks, also after a failed execution of another target.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
