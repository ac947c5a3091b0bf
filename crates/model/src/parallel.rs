//! Work on several threads: takes a list of items and a function, gives the results in the order of the items; with
//! progress and a way to stop.
//!
//! On the CPU each forward pass runs on one thread, and the batches run side by side: this scales better than dividing
//! every small product among the threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// Observer of a long computation: receives its progress, and can stop it. Called from several threads.
pub trait Observer: Sync {
    /// Called when `done` of `total` units (such as batches or layers) of the stage named `stage` are finished. Does
    /// nothing by default.
    fn progress(&self, stage: &str, done: usize, total: usize) {
        let _ = (stage, done, total);
    }

    /// Whether the computation should stop and return [`Error::Interrupted`]; asked before each item. `false` by
    /// default.
    fn stopped(&self) -> bool {
        false
    }
}

/// An observer that ignores progress and never stops a computation.
pub struct Unobserved;

impl Observer for Unobserved {}

/// Applies `f` to every item on up to `threads` threads, and returns the results in the order of the items.
///
/// Items are started in order. Each thread takes the next item as soon as it is free, so items may take different
/// times. After the first failure no further items are started. With `threads` ≤ 1 or a single item, `f` runs on the
/// calling thread.
///
/// # Errors
/// The error of the first item, in the order of the items, whose `f` failed; [`Error::Interrupted`] if `observer` has
/// stopped the computation.
pub fn map<T: Send, R: Send, E: From<Error> + Send>(
    items: Vec<T>,
    threads: usize,
    observer: &dyn Observer,
    f: impl Fn(T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let total = items.len();
    // Reversed, because `pop` takes the last one.
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
            // Not started because another item failed: items start in order, so that error has been returned above.
            None => return Err(Error::Interrupted.into()),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        for threads in [1, 3] {
            let squares: Result<Vec<usize>> = map((0..50).collect(), threads, &Unobserved, |i| Ok(i * i));
            assert_eq!(squares.expect("no failure"), (0..50).map(|i| i * i).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_error_of_the_first_failed_item_is_returned() {
        let result: Result<Vec<usize>> = map((0..50).collect(), 1, &Unobserved, |i| {
            if i % 10 == 7 { Err(Error::setting(format!("item {i}"), "fails")) } else { Ok(i) }
        });
        assert_eq!(result.expect_err("item 7 fails").to_string(), "item 7: fails");
    }

    #[test]
    fn an_observer_stops_the_work() {
        struct Stop;
        impl Observer for Stop {
            fn stopped(&self) -> bool {
                true
            }
        }
        let result: Result<Vec<()>> = map(vec![(), ()], 2, &Stop, |()| panic!("nothing may start"));
        assert!(matches!(result, Err(Error::Interrupted)));
    }
}
