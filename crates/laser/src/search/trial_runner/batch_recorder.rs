//! Batch recorder: outcomes of finished batches → the trial store and the observer.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

use crate::edit::Edit;
use crate::error::Result;
use crate::search::layer_walk::OutcomeReceiver;
use crate::search::observer::SearchObserver;
use crate::search::store::Store;
use crate::search::trial::{Outcomes, Trial};
use laser_statistics::Split;

/// Writes each finished batch to the store.
pub(super) struct BatchRecorder<'a> {
    /// Edit that all candidates are added to.
    pub(super) base: &'a Edit,
    /// Split of the items.
    pub(super) split: Split,
    /// Whether to store the outcomes of `base`.
    pub(super) store_base: bool,
    /// Edit of each candidate.
    pub(super) edits: &'a [Edit],
    /// Rank of each candidate, if it has one.
    pub(super) ranks: Vec<Option<usize>>,
    /// Position of the first item of each batch in the item order.
    pub(super) starts: Vec<usize>,
    pub(super) observer: &'a dyn SearchObserver,
    /// Number of items of the split.
    pub(super) n_items: usize,
    /// Number of items to score now, summed over the candidates; the total of the progress.
    pub(super) total: usize,
    pub(super) state: Mutex<State<'a>>,
}

/// Mutable part, behind a lock, because batches end on several threads.
pub(super) struct State<'a> {
    store: &'a mut Store,
    /// Start positions of the batches that each candidate still needs. Outcomes that the store has already are not
    /// stored again, even if they came in other batches, as those of an earlier `base` did that is a candidate now.
    missing_starts: Vec<BTreeSet<usize>>,
    /// Number of items scored, summed over the candidates.
    scored: &'a mut usize,
}

impl<'a> State<'a> {
    /// State before the first of some batches; `scored`: number of items scored until now, summed over the candidates.
    pub(super) fn new(
        store: &'a mut Store,
        missing_starts: Vec<BTreeSet<usize>>,
        scored: &'a mut usize,
    ) -> Mutex<Self> {
        Mutex::new(Self { store, missing_starts, scored })
    }
}

impl<'a> BatchRecorder<'a> {
    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().expect("no thread panics while it holds the state")
    }
}

impl OutcomeReceiver for BatchRecorder<'_> {
    fn needs(&self, candidate: usize, batch: usize) -> bool {
        self.lock().missing_starts[candidate].contains(&self.starts[batch])
    }

    fn needs_base(&self) -> bool {
        self.store_base
    }

    fn receive(&self, batch: usize, outcomes: Vec<(Option<usize>, Outcomes)>) -> Result<()> {
        let start = self.starts[batch];
        let mut state = self.lock();
        let is_new = |candidate: &Option<usize>| {
            candidate.map_or(self.store_base, |candidate| state.missing_starts[candidate].contains(&start))
        };
        let trial = |(candidate, outcomes): (Option<usize>, Outcomes)| {
            let edit = candidate.map_or(self.base, |candidate| &self.edits[candidate]).clone();
            let rank = candidate.and_then(|candidate| self.ranks[candidate]);
            (candidate, Trial { edit, rank, split: self.split, outcomes })
        };
        let (candidates, trials): (Vec<_>, Vec<_>) =
            outcomes.into_iter().filter(|(candidate, _)| is_new(candidate)).map(trial).unzip();
        state.store.insert(start, &trials)?;
        for (candidate, trial) in candidates.into_iter().zip(trials) {
            let Some(candidate) = candidate else { continue };
            *state.scored += trial.outcomes.len();
            state.missing_starts[candidate].remove(&start);
            if state.missing_starts[candidate].is_empty() {
                let outcomes = state.store.get(&trial.edit, self.split)?;
                if outcomes.len() == self.n_items {
                    self.observer.trial(&Trial { outcomes, ..trial });
                }
            }
        }
        let stage = match self.split {
            Split::Search => "search",
            Split::Validation => "finalists",
            _ => "damage",
        };
        self.observer.progress(stage, *state.scored, self.total);
        Ok(())
    }

    fn expired(&self) -> bool {
        self.observer.expired()
    }
}
