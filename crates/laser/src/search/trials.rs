//! Trials: the search split as strategies see it. Puts edits to its items, takes from the store what is known, keeps
//! what is found, and counts what it costs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::observer::SearchObserver;
use crate::edit::Edit;
use crate::edit::truncation::Truncation;
use crate::error::Result;
use crate::evaluate::Evaluator;
use crate::evaluate::batch::Batch;
use crate::search::objective::{Measure, Value};
use crate::search::store::{Outcomes, Store, Trial};
use laser_model::Model;
use laser_model::config::ModelConfig;
use laser_statistics::Split;
use laser_task::score::Score;

use super::walk::{Ledger, Walk, widest};
use super::{Candidate, Settings, race};

/// Rows of a pass over all variants of a matrix: near the peak of the products, and batches enough for all threads.
const PASS_ROWS: usize = 1024;
/// The same where texts are generated: few of the rows go on to the decoding, which should not be too narrow.
const GENERATING_PASS_ROWS: usize = 2048;

/// The search split, and what was tried on it.
pub(super) struct Trials<'a> {
    /// The unedited model.
    pub(super) model: &'a Model,
    pub(super) exam: &'a Evaluator<'a>,
    pub(super) truncation: &'a Truncation,
    pub(super) settings: &'a Settings,
    pub(super) observer: &'a dyn SearchObserver,
    pub(super) store: &'a mut Store,
    /// The items in the order in which they are asked: shuffled, then by their tokens between two stops.
    order: Vec<usize>,
    /// The task of each of them.
    parts: Vec<usize>,
    /// What is measured in each task.
    measures: Vec<Measure>,
    /// Where an edit may be dropped: numbers of items, upwards; the last is all.
    stops: Vec<usize>,
    /// What was asked for and found, by the edit's short form.
    known: BTreeMap<String, Known>,
    /// Whether the budget ended something.
    exhausted: bool,
}

/// The order in which items are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Items: shuffled, and between two stops by their tokens, so that passes share what they can.
    pub order: Vec<usize>,
    /// Numbers of items after which edits may be dropped, upwards; the last is all.
    pub stops: Vec<usize>,
}

impl Asking {
    /// The order of `items` under these settings.
    pub fn new(exam: &Evaluator<'_>, items: &[usize], settings: &Settings) -> Self {
        let mut order = items.to_vec();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(settings.order_seed));
        let mut stops = if settings.plan.races() { race::stops(order.len()) } else { Vec::new() };
        stops.push(order.len());
        let mut from = 0;
        for stop in &stops {
            exam.sort(&mut order[from..*stop]);
            from = *stop;
        }
        Self { order, stops }
    }
}

/// What is known of an edit.
struct Known {
    /// When it was first asked for.
    place: usize,
    edit: Edit,
    /// Empty until something is found.
    outcomes: Outcomes,
}

impl Known {
    /// Whether it counts as a trial: an edit that was asked something.
    fn is_trial(&self) -> bool {
        !self.edit.is_empty() && !self.outcomes.is_empty()
    }
}

impl<'a> Trials<'a> {
    /// Trials on the items of an asking order.
    pub(super) fn new(
        model: &'a Model,
        exam: &'a Evaluator<'a>,
        truncation: &'a Truncation,
        settings: &'a Settings,
        observer: &'a dyn SearchObserver,
        store: &'a mut Store,
        Asking { order, stops }: Asking,
    ) -> Self {
        let parts = exam.parts_of(&order);
        let (measures, known) = (settings.objective.measures(exam), BTreeMap::new());
        Self {
            model,
            exam,
            truncation,
            settings,
            observer,
            store,
            order,
            parts,
            measures,
            stops,
            known,
            exhausted: false,
        }
    }

    /// Items of the split, in the order in which they are asked.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Numbers of items after which edits may be dropped; the last is all.
    pub(super) fn stops(&self) -> &[usize] {
        &self.stops
    }

    /// Whether the budget ended something that a strategy asked for.
    pub(super) fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// What is known of an edit: the outcomes of the first so many items.
    pub(super) fn outcomes(&self, edit: &Edit) -> Option<&Outcomes> {
        self.known.get(&edit.to_string()).map(|known| &known.outcomes).filter(|outcomes| !outcomes.is_empty())
    }

    /// What is known of an edit that was asked all items.
    pub(super) fn whole(&self, edit: &Edit) -> Option<&Outcomes> {
        self.outcomes(edit).filter(|outcomes| outcomes.len() == self.order.len())
    }

    /// Edits tried, the unedited model aside.
    pub(super) fn tried(&self) -> usize {
        self.known.values().filter(|known| known.is_trial()).count()
    }

    /// Items asked of all edits tried, the unedited model aside.
    pub(super) fn items_asked(&self) -> usize {
        self.known.values().filter(|known| known.is_trial()).map(|known| known.outcomes.len()).sum()
    }

    /// How good the outcomes of the first items are.
    pub(super) fn value(&self, outcomes: &Outcomes) -> Value {
        self.value_at(outcomes, &(0..outcomes.len()).collect::<Vec<_>>())
    }

    /// How good outcomes are on some of the first items, by place.
    pub(super) fn value_at(&self, outcomes: &Outcomes, places: &[usize]) -> Value {
        let objective = &self.settings.objective;
        let parts: Vec<usize> = places.iter().map(|place| self.parts[*place]).collect();
        // Only guards look at the unedited model.
        let base = if objective.guards.is_empty() { None } else { self.outcomes(&Edit::default()) };
        let base = base.filter(|base| base.len() >= outcomes.len()).map(|base| base.picked(places));
        objective.value(&outcomes.picked(places), &base.unwrap_or_default(), &parts, &self.measures)
    }

    /// The model's sizes.
    pub(super) fn config(&self) -> &ModelConfig {
        self.model.config()
    }

    /// Whether a task that is to become better asks something.
    pub(super) fn asks(&self) -> bool {
        (0..self.measures.len()).any(|part| self.settings.objective.proves(part, &self.measures))
    }

    /// Whether an item is of a task that is to become better, and asks something unless all of these only read.
    pub(super) fn leads(&self, item: usize) -> bool {
        let (objective, part) = (&self.settings.objective, self.exam.part_of(item));
        if self.asks() { objective.proves(part, &self.measures) } else { objective.aims_at(part) }
    }

    /// The values of single items whose mean a race compares.
    pub(super) fn signal(&self, outcomes: &Outcomes) -> Vec<f64> {
        self.settings.objective.item_signal(outcomes, &self.parts[..outcomes.len()], &self.measures)
    }

    /// Everything tried, the unedited model aside, in the order of trying.
    pub(super) fn into_trials(self) -> Vec<Trial> {
        let config = self.model.config();
        let rank = |edit: &Edit| edit.as_single().and_then(|(id, r)| r.leading_rank(config.max_rank(id)));
        let mut known: Vec<Known> = self.known.into_values().filter(Known::is_trial).collect();
        known.sort_by_key(|known| known.place);
        let trial = |Known { edit, outcomes, .. }| Trial { rank: rank(&edit), edit, split: Split::Search, outcomes };
        known.into_iter().map(trial).collect()
    }

    /// Every edit that was asked all items, best first; the earlier of equals first.
    pub(super) fn all_ranked(&self) -> Vec<Edit> {
        let mut known: Vec<&Known> = self.known.values().filter(|known| known.is_trial()).collect();
        known.sort_by_key(|known| known.place);
        self.ranked(known.into_iter().map(|known| known.edit.clone()))
    }

    /// The edits of `edits` that were asked all items, each once, best first; the earlier of equals first.
    pub(super) fn ranked(&self, edits: impl IntoIterator<Item = Edit>) -> Vec<Edit> {
        let mut seen = BTreeSet::new();
        let edits = edits.into_iter().filter(|edit| seen.insert(edit.to_string()));
        let mut ranked: Vec<_> = edits.filter_map(|edit| Some((self.value(self.whole(&edit)?), edit))).collect();
        ranked.sort_by_key(|(value, _)| std::cmp::Reverse(*value));
        ranked.into_iter().map(|(_, edit)| edit).collect()
    }

    /// Asks `base` with each of `arms` added the first `to` items (a stop), and `base` itself. What the budget does
    /// not allow is left out, arms from the end of the list first.
    pub(super) fn extend(&mut self, base: &Edit, arms: &[Candidate], to: usize) -> Result<()> {
        let edits: Vec<Edit> = arms.iter().map(|arm| base.with(arm.id, arm.reduction)).collect();
        let allowed = self.allowed(&edits, to);
        let (arms, edits) = (&arms[..allowed], &edits[..allowed]);
        for edit in edits.iter().chain([base]) {
            let place = self.known.len();
            let new = || Known { place, edit: edit.clone(), outcomes: Outcomes::default() };
            self.known.entry(edit.to_string()).or_insert_with(new);
        }
        let (model, _) = self.truncation.apply(self.model, base)?;
        let mut from = 0;
        for stop in self.stops.clone().into_iter().take_while(|stop| *stop <= to) {
            self.stretch(&model, base, arms, edits, from..stop)?;
            from = stop;
        }
        Ok(())
    }

    /// Asks the items between two stops.
    fn stretch(
        &mut self,
        model: &Model,
        base: &Edit,
        arms: &[Candidate],
        edits: &[Edit],
        range: std::ops::Range<usize>,
    ) -> Result<()> {
        let missing = |trials: &Self, edit: &Edit| trials.outcomes(edit).is_none_or(|known| known.len() < range.end);
        for edit in edits.iter().chain([base]) {
            if missing(self, edit) {
                self.know(edit, range.end)?;
            }
        }
        let open: Vec<usize> = (0..edits.len()).filter(|arm| missing(self, &edits[*arm])).collect();
        if open.is_empty() && !missing(self, base) {
            return Ok(());
        }
        // All arms count here, not only the open ones: a run that is gone on with has the same passes.
        let widest = widest(arms);
        let rows = |score: Score| if score.generates() { GENERATING_PASS_ROWS } else { PASS_ROWS };
        let batches = self.exam.batches(&self.order[range.clone()], |score| (rows(score) / widest).max(1));
        let starts = starts(&batches, range.start);
        let mut wanted = vec![BTreeSet::new(); edits.len()];
        for arm in &open {
            wanted[*arm].extend(&starts);
            for (start, _) in self.store.parts(&edits[*arm], Split::Search)? {
                wanted[*arm].remove(&start);
            }
        }
        let page = Page {
            base,
            keeps_base: missing(self, base),
            edits,
            ranks: arms.iter().map(|arm| arm.rank(model.config())).collect(),
            starts: &starts,
            observer: self.observer,
            all: self.order.len(),
            total: open.len() * range.len(),
            account: Mutex::new(Account { store: &mut *self.store, wanted, asked: 0 }),
        };
        let walk = Walk {
            exam: self.exam,
            truncation: self.truncation,
            threads: self.settings.threads,
            memory: self.settings.memory,
            observer: self.observer,
        };
        walk.run(model, &batches, arms, &page)?;
        self.exhausted |= self.observer.expired();
        for edit in edits.iter().chain([base]) {
            self.know(edit, range.end)?;
        }
        Ok(())
    }

    /// Takes from the store what an edit did on the first `to` items. Only what was asked counts as known: a store that
    /// holds more leads to the same search.
    fn know(&mut self, edit: &Edit, to: usize) -> Result<()> {
        let stored = self.store.get(edit, Split::Search)?;
        let known = self.known.get_mut(&edit.to_string()).expect("it was asked for, because `extend` notes that first");
        known.outcomes = stored.first(stored.len().min(to.max(known.outcomes.len())));
        Ok(())
    }

    /// How many of `edits`, from the first on, the budget allows on the first `to` items.
    fn allowed(&mut self, edits: &[Edit], to: usize) -> usize {
        let budget = &self.settings.budget;
        let (mut trials, mut items) = (self.tried(), self.items_asked());
        let mut allowed = 0;
        if !self.observer.expired() {
            for edit in edits {
                let seen = self.outcomes(edit).map_or(0, Outcomes::len);
                trials += usize::from(seen == 0);
                items += to.saturating_sub(seen);
                if budget.trials.is_some_and(|most| trials > most) || budget.items.is_some_and(|most| items > most) {
                    break;
                }
                allowed += 1;
            }
        }
        self.exhausted |= allowed < edits.len();
        allowed
    }
}

/// Where each batch starts in the order.
fn starts(batches: &[Batch], first: usize) -> Vec<usize> {
    let sizes = batches.iter().map(|batch| batch.items.len());
    sizes.scan(first, |next, size| Some(std::mem::replace(next, *next + size))).collect()
}

/// A walk's account in the store.
struct Page<'a> {
    base: &'a Edit,
    /// Whether the base's outcomes are news.
    keeps_base: bool,
    edits: &'a [Edit],
    ranks: Vec<Option<usize>>,
    /// Where each batch starts in the split's order.
    starts: &'a [usize],
    observer: &'a dyn SearchObserver,
    /// Items of the split.
    all: usize,
    /// Items to ask now, of all arms.
    total: usize,
    account: Mutex<Account<'a>>,
}

/// What changes as passes end.
struct Account<'a> {
    store: &'a mut Store,
    /// Of each arm, where the parts start that are still to be found. What is known, perhaps in another division, as
    /// of a base that is now an arm, is not stored again.
    wanted: Vec<BTreeSet<usize>>,
    /// Items asked, of all arms.
    asked: usize,
}

impl<'a> Page<'a> {
    fn account(&self) -> MutexGuard<'_, Account<'a>> {
        self.account.lock().expect("no pass panics while it holds the account")
    }
}

impl Ledger for Page<'_> {
    fn wants(&self, arm: usize, batch: usize) -> bool {
        self.account().wanted[arm].contains(&self.starts[batch])
    }

    fn take(&self, batch: usize, found: Vec<(Option<usize>, Outcomes)>) -> Result<()> {
        let start = self.starts[batch];
        let mut account = self.account();
        let is_news = |arm: &Option<usize>| arm.map_or(self.keeps_base, |arm| account.wanted[arm].contains(&start));
        let part = |(arm, outcomes): (Option<usize>, Outcomes)| {
            let edit = arm.map_or(self.base, |arm| &self.edits[arm]).clone();
            (arm, Trial { edit, rank: arm.and_then(|arm| self.ranks[arm]), split: Split::Search, outcomes })
        };
        let (arms, parts): (Vec<_>, Vec<_>) = found.into_iter().filter(|(arm, _)| is_news(arm)).map(part).unzip();
        account.store.insert(start, &parts)?;
        for (arm, part) in arms.into_iter().zip(parts) {
            let Some(arm) = arm else { continue };
            account.asked += part.outcomes.len();
            account.wanted[arm].remove(&start);
            if account.wanted[arm].is_empty() {
                let outcomes = account.store.get(&part.edit, Split::Search)?;
                if outcomes.len() == self.all {
                    self.observer.trial(&Trial { outcomes, ..part });
                }
            }
        }
        self.observer.progress("search", account.asked, self.total);
        Ok(())
    }

    fn ends(&self) -> bool {
        self.observer.expired()
    }
}
