//! Trial runner: scores candidates on the items of a split, for all stages and for the finalists. It takes known outcomes from the store, stores
//! new ones batch by batch, keeps the history of the search and enforces its budget.

mod batch_recorder;
mod history;
mod range_work;

use std::collections::BTreeSet;
use std::ops::Range;

use self::history::History;
use self::range_work::RangeWork;
use super::candidate::Candidate;
use super::context::SearchContext;
use super::item_order::ItemOrder;
use super::objective::Value;
use super::ordered_objective::OrderedObjective;
use super::store::Store;
use super::trial::{Outcomes, Trial};
use crate::edit::Edit;
use crate::error::Result;
use laser_model::Model;
use laser_model::config::ModelConfig;
use laser_statistics::{Split, clustered_stderr, group_ids, mean};

/// Scores candidates on the items of a split and keeps their outcomes.
pub(super) struct TrialRunner<'a> {
    context: SearchContext<'a>,
    store: &'a mut Store,
    /// Split of the items.
    split: Split,
    order: ItemOrder,
    objective: OrderedObjective<'a>,
    history: History,
    budget_ended: bool,
}

impl<'a> TrialRunner<'a> {
    /// A runner without history that scores the items of a split in this order.
    pub(super) fn new(context: SearchContext<'a>, store: &'a mut Store, split: Split, order: ItemOrder) -> Self {
        let objective = OrderedObjective::new(&context.settings.objective, context.evaluator, &order.items);
        Self { context, store, split, order, objective, history: History::default(), budget_ended: false }
    }

    /// Inputs of the search.
    pub(super) fn context(&self) -> SearchContext<'a> {
        self.context
    }

    /// Configuration of the model.
    pub(super) fn config(&self) -> &'a ModelConfig {
        self.context.model.config()
    }

    /// The trial store.
    pub(super) fn store_mut(&mut self) -> &mut Store {
        self.store
    }

    /// Indices of the split's items, in the order in which they are scored.
    pub(super) fn items(&self) -> &[usize] {
        &self.order.items
    }

    /// Number of items of the split.
    pub(super) fn n_items(&self) -> usize {
        self.order.items.len()
    }

    /// Numbers of items after which candidates may be dropped, ascending; the last is the number of all items.
    pub(super) fn drop_points(&self) -> &[usize] {
        &self.order.drop_points
    }

    /// Whether the budget or the observer kept the runner from scoring something that a stage asked for.
    pub(super) fn budget_ended(&self) -> bool {
        self.budget_ended
    }

    /// Number of edits tried, without the unedited model.
    pub(super) fn n_trials(&self) -> usize {
        self.history.n_trials()
    }

    /// Number of items scored, summed over the edits tried, without the unedited model.
    pub(super) fn items_asked(&self) -> usize {
        self.history.items_asked()
    }

    /// All edits tried, without the unedited model, in the order of their first trial.
    pub(super) fn into_trials(self) -> Vec<Trial> {
        let config = self.context.model.config();
        let rank = |edit: &Edit| edit.as_single().and_then(|(id, r)| r.leading_rank(config.max_rank(id)));
        let trial = |(edit, outcomes)| Trial { rank: rank(&edit), edit, split: self.split, outcomes };
        self.history.into_trials().into_iter().map(trial).collect()
    }
}

/// Outcomes and their values.
impl TrialRunner<'_> {
    /// Outcomes of an edit on the first items of the order; `None` if no item was scored.
    pub(super) fn outcomes(&self, edit: &Edit) -> Option<&Outcomes> {
        self.history.outcomes(edit)
    }

    /// Outcomes of an edit that was scored on all items.
    pub(super) fn complete(&self, edit: &Edit) -> Option<&Outcomes> {
        self.outcomes(edit).filter(|outcomes| outcomes.len() == self.n_items())
    }

    /// Value of outcomes of the first items.
    pub(super) fn value(&self, outcomes: &Outcomes) -> Value {
        self.value_at(outcomes, &(0..outcomes.len()).collect::<Vec<_>>())
    }

    /// Value of outcomes of the first items, computed from the items at `positions` alone.
    pub(super) fn value_at(&self, outcomes: &Outcomes, positions: &[usize]) -> Value {
        self.objective.value(outcomes, self.outcomes(&Edit::default()), positions)
    }

    /// Values of single items, one an item, by which edits are compared ([`Objective::evidence`]).
    pub(super) fn item_values(&self, outcomes: &Outcomes) -> Vec<f64> {
        self.objective.item_values(outcomes)
    }

    /// Values of single items, one an item, whose mean the objective combines.
    pub(super) fn measured_values(&self, outcomes: &Outcomes) -> Vec<f64> {
        self.objective.measured_values(outcomes)
    }

    /// Whether `edit` is better than `current` by at least `least_z` standard errors of the difference, both scored on all
    /// items.
    pub(super) fn improves(&self, current: &Edit, edit: &Edit, least_z: f64) -> bool {
        let (Some(before), Some(after)) = (self.complete(current), self.complete(edit)) else { return false };
        let is_feasible = self.value(after).is_feasible() || !self.value(before).is_feasible();
        let (before, after) = (self.item_values(before), self.item_values(after));
        let differences: Vec<f64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        let groups = group_ids(self.items().iter().map(|item| self.context.evaluator.group(*item)));
        let stderr = clustered_stderr(&differences, &groups).unwrap_or(f64::INFINITY);
        is_feasible && mean(&differences).is_some_and(|gain| gain > 0.0 && gain >= least_z * stderr)
    }

    /// Whether a task that the search improves has answers, rather than running text alone.
    pub(super) fn improves_answers(&self) -> bool {
        self.objective.improves_answers()
    }

    /// Whether the search is to turn answers right, and their margins in nats decide them.
    pub(super) fn counts_flips(&self) -> bool {
        self.improves_answers() && self.objective.has_margins_in_nats()
    }

    /// Whether the gradient screen may use an item.
    pub(super) fn guides_screen(&self, item: usize) -> bool {
        self.objective.guides_screen(self.context.evaluator.task_index(item))
    }

    /// Those of `edits` that were scored on all items, each once, best first. Edits of equal value keep their order.
    pub(super) fn rank(&self, edits: impl IntoIterator<Item = Edit>) -> Vec<Edit> {
        let mut seen = BTreeSet::new();
        let edits = edits.into_iter().filter(|edit| seen.insert(edit.to_string()));
        let mut ranked: Vec<_> = edits.filter_map(|edit| Some((self.value(self.complete(&edit)?), edit))).collect();
        ranked.sort_by_key(|(value, _)| std::cmp::Reverse(*value));
        ranked.into_iter().map(|(_, edit)| edit).collect()
    }

    /// All edits that were scored on all items, best first. Edits of equal value are in the order of their first trial.
    pub(super) fn rank_all(&self) -> Vec<Edit> {
        self.rank(self.history.tried_edits())
    }
}

/// Scoring.
impl TrialRunner<'_> {
    /// Scores `base`, and `base` with each of `candidates` added, on the first `n_items` items (one of the drop
    /// points). Candidates that the budget does not allow are left out, from the end of the list.
    ///
    /// # Errors
    /// If an edit cannot be made or scored, or the store cannot be written; if the observer stops the search.
    pub(super) fn score(&mut self, base: &Edit, candidates: &[Candidate], n_items: usize) -> Result<()> {
        let edits: Vec<Edit> = candidates.iter().map(|candidate| candidate.added_to(base)).collect();
        let allowed = self.allowed(&edits, n_items);
        let (candidates, edits) = (&candidates[..allowed], &edits[..allowed]);
        for edit in edits.iter().chain([base]) {
            self.history.add(edit);
        }
        let (model, _) = self.context.truncation.apply(self.context.model, base)?;
        let request = Request { base, model: &model, candidates, edits };
        let mut from = 0;
        for point in self.order.drop_points.clone().into_iter().take_while(|point| *point <= n_items) {
            self.score_range(&request, from..point)?;
            from = point;
        }
        Ok(())
    }

    /// Scores the unedited model and each edit on all items: edits of one matrix side by side, the others one by one.
    ///
    /// # Errors
    /// As [`TrialRunner::score`].
    pub(super) fn score_edits(&mut self, edits: &[Edit]) -> Result<()> {
        let single = |edit: &Edit| edit.as_single().map(|(id, reduction)| Candidate { id, reduction: *reduction });
        let singles: Vec<Candidate> = edits.iter().filter_map(single).collect();
        self.score(&Edit::default(), &singles, self.n_items())?;
        for edit in edits.iter().filter(|edit| edit.as_single().is_none()) {
            self.score(edit, &[], self.n_items())?;
        }
        Ok(())
    }

    /// Scores the items at the positions `range`, which lies between two drop points.
    fn score_range(&mut self, request: &Request<'_>, range: Range<usize>) -> Result<()> {
        let Request { base, edits, .. } = *request;
        let missing = |runner: &Self, edit: &Edit| runner.outcomes(edit).is_none_or(|seen| seen.len() < range.end);
        for edit in edits.iter().chain([base]) {
            if missing(self, edit) {
                self.load_outcomes(edit, range.end)?;
            }
        }
        let open: Vec<usize> = (0..edits.len()).filter(|candidate| missing(self, &edits[*candidate])).collect();
        if open.is_empty() && !missing(self, base) {
            return Ok(());
        }
        let (scores_base, items) = (missing(self, base), &self.order.items[range.clone()]);
        let (split, end) = ((self.split, self.n_items()), range.end);
        let mut work = RangeWork::new(self.context, *request, self.store, split, (range, items), (scores_base, open));
        self.context.team.share(&mut work, self.context.observer)?;
        self.budget_ended |= self.context.observer.expired();
        for edit in edits.iter().chain([base]) {
            self.load_outcomes(edit, end)?;
        }
        Ok(())
    }

    /// Reads the outcomes of an edit on the first `n_items` items from the store into the history. Outcomes of later
    /// items are ignored: they may be there from an earlier run, and a resumed search must decide as that run did.
    fn load_outcomes(&mut self, edit: &Edit, n_items: usize) -> Result<()> {
        let stored = self.store.get(edit, self.split)?;
        let seen = self.outcomes(edit).map_or(0, Outcomes::len);
        self.history.set_outcomes(edit, stored.first(stored.len().min(n_items.max(seen))));
        Ok(())
    }

    /// Number of `edits`, from the first on, that the budget allows on the first `n_items` items.
    fn allowed(&mut self, edits: &[Edit], n_items: usize) -> usize {
        let budget = &self.context.settings.budget;
        let (mut trials, mut items) = (self.n_trials(), self.items_asked());
        let mut allowed = 0;
        if !self.context.observer.expired() {
            for edit in edits {
                let seen = self.outcomes(edit).map_or(0, Outcomes::len);
                trials += usize::from(seen == 0);
                items += n_items.saturating_sub(seen);
                if budget.trials.is_some_and(|most| trials > most) || budget.items.is_some_and(|most| items > most) {
                    break;
                }
                allowed += 1;
            }
        }
        self.budget_ended |= allowed < edits.len();
        allowed
    }
}

/// Edits to score: `base`, and each candidate added to it.
#[derive(Clone, Copy)]
struct Request<'a> {
    base: &'a Edit,
    /// The model with `base` applied.
    model: &'a Model,
    candidates: &'a [Candidate],
    /// The edit of each candidate, `base` included.
    edits: &'a [Edit],
}
