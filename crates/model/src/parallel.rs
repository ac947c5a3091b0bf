//! Batches side by side, one a thread: the CPU path runs each pass in one thread, which scales better than
//! splitting every small product.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// Who watches a long computation: told of progress, asked whether to go on.
pub trait Observer: Sync {
    /// `done` of `total` units of the current stage are finished.
    fn progress(&self, stage: &str, done: usize, total: usize) {
        let _ = (stage, done, total);
    }

    /// Whether to stop with [`Error::Interrupted`].
    fn stopped(&self) -> bool {
        false
    }
}

/// Watches nothing.
pub struct Unobserved;

impl Observer for Unobserved {}

/// `f` of every item, in the order of the items, on up to `threads` threads. The first error (by item) ends it.
pub fn map<T: Send, R: Send, E: From<Error> + Send>(
    items: Vec<T>,
    threads: usize,
    observer: &dyn Observer,
    f: impl Fn(T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let total = items.len();
    let queue: Mutex<Vec<(usize, T)>> = Mutex::new(items.into_iter().enumerate().rev().collect());
    let results: Mutex<Vec<Option<Result<R, E>>>> = Mutex::new((0..total).map(|_| None).collect());
    let failed = AtomicBool::new(false);
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let next = queue.lock().expect("no thread panics while it holds the queue").pop();
            let Some((i, item)) = next else { break };
            let result = if observer.stopped() { Err(Error::Interrupted.into()) } else { f(item) };
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            results.lock().expect("no thread panics while it holds the results")[i] = Some(result);
        }
    };
    if threads <= 1 || total <= 1 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..threads.min(total) {
                scope.spawn(work);
            }
        });
    }
    let results = results.into_inner().expect("all threads have ended");
    let mut done = Vec::with_capacity(total);
    for result in results {
        match result {
            Some(result) => done.push(result?),
            None => return Err(Error::Interrupted.into()),
        }
    }
    Ok(done)
}
