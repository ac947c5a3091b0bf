//! Turns of forward passes over a model whose layers are in files: all passes that wait for a layer run it, one after the
//! other on the threads there are, before any of them runs the next. So a layer is read once for many batches.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};

use crate::read_ahead::ReadAhead;

/// Passes side by side for each thread that computes: a layer is read once for this many batches a thread.
const PASSES: usize = 8;

/// The layer whose turn it is, and the passes that wait.
#[derive(Debug)]
pub(crate) struct LayerTurns {
    state: Mutex<State>,
    changed: Condvar,
    /// Largest number of passes that compute at the same time.
    at_once: usize,
    read_ahead: ReadAhead,
}

#[derive(Debug, Default)]
struct State {
    /// The layer that may be run; `None` before the first pass.
    layer: Option<usize>,
    /// Passes that run it.
    running: usize,
    /// Number of passes that wait for each layer; no entry for none.
    waiting: BTreeMap<usize, usize>,
}

/// The permission to run a layer, until it is dropped.
pub(crate) struct Turn<'a>(&'a LayerTurns);

impl LayerTurns {
    /// Turns of passes of which at most `at_once` compute at the same time.
    pub(crate) fn new(at_once: usize, read_ahead: ReadAhead) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), at_once: at_once.max(1), read_ahead }
    }

    /// Number of passes that a caller with `threads` threads should start side by side.
    pub(crate) fn side_by_side(threads: usize) -> usize {
        threads * PASSES
    }

    /// Waits until a pass may run `layer`. The caller has no other turn.
    pub(crate) fn wait(&self, layer: usize) -> Turn<'_> {
        let mut state = self.lock();
        *state.waiting.entry(layer).or_default() += 1;
        loop {
            if state.running == 0 && !state.layer.is_some_and(|layer| state.waiting.contains_key(&layer)) {
                // The next layer that is waited for; after the last one, the lowest.
                let above = state.waiting.range(state.layer.unwrap_or(0)..).next();
                let next = above.or_else(|| state.waiting.first_key_value()).map(|(layer, _)| *layer);
                let next = next.expect("this pass waits");
                state.layer = Some(next);
                self.read_ahead.layer(next + 1);
                self.changed.notify_all();
            }
            if state.layer == Some(layer) && state.running < self.at_once {
                break;
            }
            state = self.changed.wait(state).expect("no thread panics while it holds the turns");
        }
        state.running += 1;
        match state.waiting.get_mut(&layer) {
            Some(passes) if *passes > 1 => *passes -= 1,
            _ => drop(state.waiting.remove(&layer)),
        }
        Turn(self)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the turns")
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn all_waiting_passes_run_a_layer_before_any_runs_the_next() {
        const PASSES: usize = 6;
        let turns = LayerTurns::new(2, ReadAhead::of_layers(Vec::new()).expect("a thread"));
        let (begun, running) = (std::sync::Barrier::new(PASSES), AtomicUsize::new(0));
        let order = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..PASSES {
                scope.spawn(|| {
                    begun.wait();
                    for layer in 0..5 {
                        let turn = turns.wait(layer);
                        assert!(running.fetch_add(1, Ordering::SeqCst) < 2, "two passes compute");
                        order.lock().expect("no panic").push(layer);
                        std::thread::sleep(std::time::Duration::from_millis(5));
                        running.fetch_sub(1, Ordering::SeqCst);
                        drop(turn);
                    }
                });
            }
        });
        let order = order.into_inner().expect("no panic");
        assert_eq!(order.len(), 5 * PASSES);
        let changes = order.windows(2).filter(|pair| pair[0] != pair[1]).count();
        // A pass that starts late may need a layer once more.
        assert!(changes < 2 * 5, "{order:?}");
    }

    #[test]
    fn a_pass_that_fails_gives_its_turn_back() {
        let turns = LayerTurns::new(1, ReadAhead::of_layers(Vec::new()).expect("a thread"));
        let failed = std::thread::scope(|scope| {
            let failing = scope.spawn(|| {
                let _turn = turns.wait(3);
                panic!("a failure inside a layer");
            });
            failing.join().is_err()
        });
        assert!(failed);
        drop(turns.wait(1));
    }
}
