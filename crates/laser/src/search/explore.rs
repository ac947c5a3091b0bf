//! Exploration: the trials of a search on the search split, before a winner is chosen.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::candidate::Candidate;
use super::context::SearchContext;
use super::decompositions::divide_decompositions;
use super::forecast::ForecastSizes;
use super::item_order::ItemOrder;
use super::plan::Plan;
use super::screen::Screen;
use super::settings::{Protocol, Settings};
use super::splits::Splits;
use super::stages::run_plan;
use super::store::Store;
use super::trial::Trial;
use super::trial_runner::TrialRunner;
use crate::edit::Edit;
use crate::edit::truncation::Truncation;
use crate::error::{Error, Result};
use crate::evaluate::RunContext;
use crate::evaluate::measure_activations;
use laser_model::weight_id::WeightId;
use laser_statistics::Split;

/// Result of trying candidates on the search split.
#[derive(Debug)]
pub struct Exploration {
    /// Split of each item.
    pub splits: Splits,
    /// Indices of the search split's items, in the order in which trials score them.
    pub order: Vec<usize>,
    /// All edits tried, in the order of their first trial; those that a race dropped have outcomes on the first items
    /// only.
    pub trials: Vec<Trial>,
    /// Edits that were scored on all items, best first.
    pub found: Vec<Edit>,
    /// The edits of one matrix that the search could try, with the number of components that each keeps where that is known.
    pub candidates: Vec<(Edit, Option<usize>)>,
    /// The screen; `None` without one.
    pub screen: Option<Screen>,
    /// Number of items scored, summed over trials.
    pub items_asked: usize,
    /// Edits that a composition accepted, in order, from one matrix to many.
    pub steps: Vec<Edit>,
    /// Turns edits into edited models; calibrated on the search split if a reduction of the space needs it.
    pub truncation: Truncation,
    /// Remarks for the reader of the results.
    pub notes: Vec<String>,
}

/// Runs the plan's stages on the search split. Trials that the store has already are not run again.
pub(super) fn explore(context: SearchContext<'_>, store: &mut Store) -> Result<Exploration> {
    let SearchContext { model, evaluator, settings, observer, .. } = context;
    settings.objective.check(evaluator.tasks().len())?;
    let splits = Splits::new(evaluator, settings)?;
    let items = splits.items(Split::Search);
    let candidates = settings.all_candidates(model.config());
    if candidates.is_empty() {
        return Err(Error::setting("search space", "expected at least one layer, matrix and reduction, found none"));
    }
    let sizes = ForecastSizes::of(&splits, settings, candidates.len(), context.text.is_some());
    observer.planned(settings.forecast(model.config(), sizes));
    let truncation = calibrate(context, &items, &candidates)?;
    let context = SearchContext { truncation: &truncation, ..context };
    divide_decompositions(context, &candidates)?;

    // Calibration is not part of the cost of the search.
    let work_before = model.work();
    let order = ItemOrder::new(evaluator, &items, settings);
    store.insert_order(Split::Search, &order.items)?;
    let mut runner = TrialRunner::new(context, store, Split::Search, order);
    let by_margin = runner.improves_answers() && evaluator.levels().is_none();
    let screen = Screen::of(settings, runner.counts_flips(), by_margin);
    let ranked = |candidate: &Candidate| (candidate.edit(), candidate.rank(model.config()));
    let all = candidates.iter().map(ranked).collect();
    let pool = run_plan(&mut runner, candidates)?;
    let mut found = pool.ranked;
    let (order, items_asked) = (runner.items().to_vec(), runner.items_asked());
    let mut notes = Vec::new();
    if runner.budget_ended() {
        let tried = runner.n_trials();
        notes.push(format!("the budget ended the search after {tried} edits and {items_asked} items asked"));
    }
    if settings.protocol == Protocol::Paper && !found.is_empty() {
        let winner = first_of_equals(&runner, &found);
        found.retain(|edit| *edit != winner);
        found.insert(0, winner);
    }
    let trials = runner.into_trials();
    observer.searched(model.work().since(work_before), items_asked);
    Ok(Exploration {
        splits,
        order,
        trials,
        found,
        candidates: all,
        screen,
        items_asked,
        steps: pool.steps,
        truncation,
        notes,
    })
}

/// Scores `candidates` on all of `items`, whatever the plan and the budget's drop points: one trial a candidate, with
/// outcomes in the order of `items`. Trials that the store has already are not run again. Candidates that the budget
/// does not allow are left out.
///
/// # Errors
/// If an edit cannot be made or scored, or the store cannot be written; if the observer stops the search.
pub fn sweep(
    context: SearchContext<'_>,
    candidates: &[Candidate],
    items: &[usize],
    store: &mut Store,
) -> Result<Vec<Trial>> {
    let settings = Settings { plan: Plan::exhaustive(), ..context.settings.clone() };
    let context = SearchContext { settings: &settings, ..context };
    let order = ItemOrder::new(context.evaluator, items, &settings);
    let mut runner = TrialRunner::new(context, store, Split::Search, order);
    runner.score(&Edit::default(), candidates, items.len())?;
    let position_of: BTreeMap<usize, usize> =
        runner.items().iter().enumerate().map(|(position, item)| (*item, position)).collect();
    let positions: Vec<usize> = items.iter().map(|item| position_of[item]).collect();
    let trial = |candidate: &Candidate| {
        let edit = candidate.edit();
        let outcomes = runner.complete(&edit)?.select(&positions);
        Some(Trial { rank: candidate.rank(runner.config()), edit, split: Split::Search, outcomes })
    };
    Ok(candidates.iter().filter_map(trial).collect())
}

/// Returns the context's truncation with the input covariances that the candidates' reductions need, measured on
/// `items`. Without such a reduction nothing is measured.
fn calibrate(context: SearchContext<'_>, items: &[usize], candidates: &[Candidate]) -> Result<Truncation> {
    let SearchContext { model, evaluator, truncation, settings, observer, .. } = context;
    let ids: Vec<WeightId> =
        candidates.iter().filter(|candidate| candidate.reduction.needs_activations()).map(|c| c.id).collect();
    if ids.is_empty() {
        return Ok(truncation.clone());
    }
    let context = RunContext { threads: settings.threads, stage: "activations", observer };
    let activations = measure_activations(model, evaluator, items, &ids, context)?;
    Ok(truncation.clone().with_activations(Arc::new(activations)))
}

/// The winner by the paper's protocol: the best edit, and of edits of equal value the first in the order of the
/// reference code: layers downwards, matrices as listed, the most severe ρ first.
fn first_of_equals(runner: &TrialRunner<'_>, ranked: &[Edit]) -> Edit {
    let value = |edit: &Edit| runner.complete(edit).map(|outcomes| runner.value(outcomes));
    let place = |edit: &Edit| edit.as_single().map(|(id, _)| (std::cmp::Reverse(id.layer), id.kind, id.part));
    let best = ranked.first().expect("there is a best edit because a plan without one is an error");
    let mut equals: Vec<&Edit> = ranked.iter().take_while(|edit| value(edit) == value(best)).collect();
    // Equal edits of one matrix are in the order of the space, the mildest first; the sort is stable.
    equals.reverse();
    equals.sort_by_key(|edit| place(edit));
    equals[0].clone()
}
