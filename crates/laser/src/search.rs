//! Search: edits found on the search split, chosen on the validation split, proved on the test split.
//!
//! A [`Plan`] of [`Stage`]s goes through the [`Space`]; what it tries it tries through `trials`.

pub mod objective;
pub mod observer;
pub mod store;

mod beam;
mod choice;
mod exhaustive;
mod gradient;
mod greedy;
mod proof;
mod race;
mod settings;
mod space;
mod spectral;
mod strategy;
mod trials;
mod walk;

use std::sync::Arc;

use crate::edit::Edit;
use crate::edit::truncation::{Truncation, TruncationRecord};
use crate::error::{Error, Result};
use crate::evaluate::activation::Activations;
use crate::evaluate::outcome::Outcome;
use crate::evaluate::{EvaluatedTask, Evaluator};
use crate::search::store::{Store, Trial};
use laser_model::Model;
use laser_model::weight_id::WeightId;
use laser_statistics::{Split, assign_split, paper_split};
use observer::SearchObserver;

pub use greedy::Order;
pub use proof::Proof;
pub use settings::{Budget, Protocol, Settings};
pub use space::{Candidate, Space};
pub use spectral::Criterion;
use strategy::Pool;
pub use strategy::{Plan, Stage};
pub use trials::Asking;
use trials::Trials;

/// The items of each split, as indices into the exam.
#[derive(Debug, Clone)]
pub struct Splits {
    /// Split of each item.
    pub of: Vec<Split>,
}

impl Splits {
    /// Divides an exam's items.
    ///
    /// # Errors
    /// A split that a task leaves empty.
    pub fn new(exam: &Evaluator<'_>, settings: &Settings) -> Result<Self> {
        // By the items' own groups: what several tasks ask of one subject stays in one split, and each item in the
        // split it has when its task is evaluated alone.
        let of_part = |part: &EvaluatedTask<'_>| match settings.protocol {
            Protocol::Paper => paper_split(part.range.len()),
            Protocol::Honest { fractions } => {
                let items = exam.items()[part.range.clone()].iter();
                items.map(|item| assign_split(&item.group, settings.split_seed, fractions)).collect()
            }
        };
        let splits = Self { of: exam.parts().iter().flat_map(of_part).collect() };
        let needed: &[Split] = match settings.protocol {
            Protocol::Paper => &[Split::Search, Split::Test],
            Protocol::Honest { .. } => &[Split::Search, Split::Validation, Split::Test],
        };
        for EvaluatedTask { task, range, .. } in exam.parts() {
            if let Some(split) = needed.iter().find(|split| !splits.of[range.clone()].contains(split)) {
                let problem = format!("{} items leave the {split} split empty: give more items", range.len());
                return Err(Error::Task(laser_task::Error::Task {
                    file: task.name.clone(),
                    place: "items".into(),
                    problem,
                }));
            }
        }
        Ok(splits)
    }

    /// Indices of a split's items, upwards.
    pub fn items(&self, split: Split) -> Vec<usize> {
        (0..self.of.len()).filter(|i| self.of[*i] == split).collect()
    }
}

/// What a search tried, before anything is chosen.
#[derive(Debug)]
pub struct Explored {
    /// Split of each item.
    pub splits: Splits,
    /// Items of the search split, in the order in which trials asked them.
    pub order: Vec<usize>,
    /// Every edit tried on the search split, in the order of trying; those a race dropped saw the first items only.
    pub trials: Vec<Trial>,
    /// The edits that saw all items, best first.
    pub found: Vec<Edit>,
    /// Items asked, summed over trials.
    pub items_asked: usize,
    /// What a composition passed through.
    pub steps: Vec<Edit>,
    /// What makes the edits; calibrated on the search split where one of the space needs it.
    pub truncation: Truncation,
    /// Things the reader should know.
    pub notes: Vec<String>,
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// What was tried; its notes are those of the choice and the proof too.
    pub explored: Explored,
    /// The winner.
    pub winner: Edit,
    /// What the winner does to its matrices.
    pub records: Vec<TruncationRecord>,
    /// Outcomes of the unedited model, by item.
    pub base: Vec<Outcome>,
    /// Outcomes of the winner, by item.
    pub best: Vec<Outcome>,
    /// The proof on the test split.
    pub proof: Proof,
}

/// Runs the plan's trials on the search split; those in the store are not run again.
///
/// # Errors
/// An objective that does not fit the exam, an empty space or split, a budget too small for one edit, and whatever
/// keeps an edit from running.
pub fn explore(
    model: &Model,
    exam: &Evaluator<'_>,
    truncation: &Truncation,
    settings: &Settings,
    store: &mut Store,
    observer: &dyn SearchObserver,
) -> Result<Explored> {
    settings.objective.check(exam.parts().len())?;
    let splits = Splits::new(exam, settings)?;
    let items = splits.items(Split::Search);
    let arms = settings.space.arms(model.config());
    if arms.is_empty() {
        return Err(Error::setting("search space", "expected at least one layer, matrix and reduction, found none"));
    }
    let calibrated: Vec<WeightId> =
        arms.iter().filter(|arm| arm.reduction.needs_activations()).map(|arm| arm.id).collect();
    let mut truncation = truncation.clone();
    if !calibrated.is_empty() {
        let activations = Activations::measure(model, exam, &items, &calibrated, settings.threads, observer)?;
        truncation = truncation.with_activations(Arc::new(activations));
    }
    let before = model.work();
    let asking = Asking::new(exam, &items, settings);
    store.insert_order(Split::Search, &asking.order)?;
    let mut trials = Trials::new(model, exam, &truncation, settings, observer, store, asking);
    let Pool { mut found, steps, mut notes, .. } = settings.plan.run(&mut trials, arms, settings)?;
    let (order, items_asked) = (trials.order().to_vec(), trials.items_asked());
    if trials.exhausted() {
        let tried = trials.tried();
        notes.push(format!("the budget ended the search after {tried} edits and {items_asked} items asked"));
    }
    if settings.protocol == Protocol::Paper {
        let first = first_of_equals(&trials, &found);
        found.retain(|edit| *edit != first);
        found.insert(0, first);
    }
    let trials = trials.into_trials();
    observer.searched(model.work().since(before), items_asked);
    Ok(Explored { splits, order, trials, found, items_asked, steps, truncation, notes })
}

/// Runs a search: the plan's trials, the choice, and the one look at the test split.
///
/// # Errors
/// Those of [`explore`].
pub fn search(
    model: &Model,
    exam: &Evaluator<'_>,
    truncation: &Truncation,
    settings: &Settings,
    store: &mut Store,
    observer: &dyn SearchObserver,
) -> Result<Found> {
    let mut explored = explore(model, exam, truncation, settings, store, observer)?;
    let Explored { splits, found, truncation, notes, .. } = &mut explored;
    if exam.parts().len() > 1 {
        notes.push(
            "scores count the items of all tasks alike, texts that are only read aside; the proof leaves those and \
             guarded tasks out"
                .to_owned(),
        );
    }
    let winner = match settings.protocol {
        Protocol::Paper => found[0].clone(),
        Protocol::Honest { .. } => {
            let items = splits.items(Split::Validation);
            let (winner, note) = choice::choose(model, exam, truncation, settings, &items, found, store, observer)?;
            notes.extend(note);
            winner
        }
    };

    // The one look at the test split, for the unedited model and the winner.
    let all: Vec<usize> = (0..exam.items().len()).collect();
    let base = exam.evaluate(model, &all, settings.threads, "test: base", observer)?;
    let (edited, records) = truncation.apply(model, &winner)?;
    let best = exam.evaluate(&edited, &all, settings.threads, "test: winner", observer)?;
    let ties = base.iter().chain(&best).filter(|o| o.tied).count();
    if ties > 0 {
        notes.push(format!("{ties} outcomes of base or winner were decided by a tie"));
    }
    let proof = Proof::measure(exam, &explored, &base, &best, settings);
    Ok(Found { explored, winner, records, base, best, proof })
}

/// Tries `arms` on `items`, all of them: one trial an arm, its outcomes in the order of `items`, whatever
/// `settings.plan` says. Trials already in the store are taken from there.
#[allow(clippy::too_many_arguments)] // the parts of a search, each of its own type
pub fn sweep(
    model: &Model,
    exam: &Evaluator<'_>,
    truncation: &Truncation,
    arms: &[Candidate],
    items: &[usize],
    settings: &Settings,
    store: &mut Store,
    observer: &dyn SearchObserver,
) -> Result<Vec<Trial>> {
    let settings = Settings { plan: Plan::exhaustive(), ..settings.clone() };
    let asking = Asking::new(exam, items, &settings);
    let mut trials = Trials::new(model, exam, truncation, &settings, observer, store, asking);
    trials.extend(&Edit::default(), arms, items.len())?;
    let place: std::collections::BTreeMap<usize, usize> =
        trials.order().iter().enumerate().map(|(place, item)| (*item, place)).collect();
    let places: Vec<usize> = items.iter().map(|item| place[item]).collect();
    let trial = |arm: &Candidate| {
        let edit = arm.edit();
        let outcomes = trials.whole(&edit)?.picked(&places);
        Some(Trial { rank: arm.rank(model.config()), edit, split: Split::Search, outcomes })
    };
    Ok(arms.iter().filter_map(trial).collect())
}

/// The paper's choice: the best edit, the first of equals in the reference's order (layers downwards, matrices as
/// listed, the most severe ρ first).
fn first_of_equals(trials: &Trials<'_>, found: &[Edit]) -> Edit {
    let value = |edit: &Edit| trials.whole(edit).map(|outcomes| trials.value(outcomes));
    let place = |edit: &Edit| edit.as_single().map(|(id, _)| (std::cmp::Reverse(id.layer), id.kind, id.part));
    let best = found.first().expect("there is a best edit because something was found");
    let mut equals: Vec<&Edit> = found.iter().take_while(|edit| value(edit) == value(best)).collect();
    // Arms of one matrix stand in the space's order, the mildest first.
    equals.reverse();
    equals.sort_by_key(|edit| place(edit));
    equals[0].clone()
}
