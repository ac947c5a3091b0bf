//! Search: edits found on the search split, chosen on the validation split, proved on the test split.
//!
//! A [`Plan`] of [`Stage`]s goes through the [`Space`]; what it tries it tries through `trials`.

mod beam;
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

use crate::activation::Activations;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::evaluate::{Exam, Part};
use crate::model::Model;
use crate::objective::Value;
use crate::parallel::Observer;
use crate::score::Outcome;
use crate::statistics::{Split, assign_split, paper_split};
use crate::store::{Outcomes, Store, Trial};
use crate::truncation::{Truncation, TruncationRecord};
use crate::weight::WeightId;

pub use greedy::Order;
pub use proof::Proof;
pub use settings::{Budget, Protocol, Settings};
pub use space::{Arm, Space};
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
    pub fn new(exam: &Exam<'_>, settings: &Settings) -> Result<Self> {
        // By the items' own groups: what several tasks ask of one subject stays in one split, and each item in the
        // split it has when its task is evaluated alone.
        let of_part = |part: &Part<'_>| match settings.protocol {
            Protocol::Paper => paper_split(part.range.len()),
            Protocol::Honest { fractions } => {
                part.task.items.iter().map(|item| assign_split(&item.group, settings.split_seed, fractions)).collect()
            }
        };
        let splits = Self { of: exam.parts().iter().flat_map(of_part).collect() };
        let needed: &[Split] = match settings.protocol {
            Protocol::Paper => &[Split::Search, Split::Test],
            Protocol::Honest { .. } => &[Split::Search, Split::Validation, Split::Test],
        };
        for Part { task, range, .. } in exam.parts() {
            if let Some(split) = needed.iter().find(|split| !splits.of[range.clone()].contains(split)) {
                let problem = format!("{} items leave the {split} split empty: give more items", range.len());
                return Err(Error::Task { file: task.name.clone(), place: "items".into(), problem });
            }
        }
        Ok(splits)
    }

    /// Indices of a split's items, upwards.
    pub fn items(&self, split: Split) -> Vec<usize> {
        (0..self.of.len()).filter(|i| self.of[*i] == split).collect()
    }
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// Split of each item.
    pub splits: Splits,
    /// Items of the search split, in the order in which trials asked them.
    pub order: Vec<usize>,
    /// Every edit tried on the search split, by its short form; those a race dropped saw the first items only.
    pub trials: Vec<Trial>,
    /// Items asked, summed over trials.
    pub items_asked: usize,
    /// What a composition passed through.
    pub steps: Vec<Edit>,
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
    /// Things the reader should know.
    pub notes: Vec<String>,
}

/// Runs a search: the plan's trials (those in the store are not run again), the choice, and the one look at the test
/// split.
pub fn search(
    model: &Model,
    exam: &Exam<'_>,
    truncation: &Truncation,
    settings: &Settings,
    store: &mut Store,
    observer: &dyn Observer,
) -> Result<Found> {
    let objective = &settings.objective;
    objective.check(exam.parts().len())?;
    let splits = Splits::new(exam, settings)?;
    let arms = settings.space.arms();
    if arms.is_empty() {
        return Err(Error::setting("search space", "expected at least one layer, matrix and reduction, found none"));
    }
    let calibrated: Vec<WeightId> =
        arms.iter().filter(|arm| arm.reduction.needs_activations()).map(|arm| arm.id).collect();
    let truncation = &match calibrated.is_empty() {
        true => truncation.clone(),
        false => {
            let items = splits.items(Split::Search);
            let activations = Activations::measure(model, exam, &items, &calibrated, settings.threads, observer)?;
            truncation.clone().with_activations(Arc::new(activations))
        }
    };
    let asking = Asking::new(exam, &splits.items(Split::Search), settings);
    let before = model.work();
    let mut trials = Trials::new(model, exam, truncation, settings, observer, store, asking);
    let pool = settings.plan.run(&mut trials, arms, settings)?;
    let Pool { found, steps, mut notes, .. } = pool;
    if trials.exhausted() {
        let (tried, asked) = (trials.tried(), trials.items_asked());
        notes.push(format!("the budget ended the search after {tried} edits and {asked} items asked"));
    }
    if exam.parts().len() > 1 {
        notes.push("scores and proof count the items of all tasks alike, those of guarded tasks too".to_owned());
    }
    let (order, items_asked) = (trials.order().to_vec(), trials.items_asked());
    observer.searched(model.work().since(before), items_asked);
    let first = first_of_equals(&trials, &found);
    let tried = trials.into_trials();

    let score =
        |items: &[usize], model: &Model, stage: &str| exam.evaluate(model, items, settings.threads, stage, observer);
    let winner = match settings.protocol {
        Protocol::Paper => first,
        Protocol::Honest { .. } => {
            let items = splits.items(Split::Validation);
            let parts = exam.parts_of(&items);
            let base = Outcomes::of(&score(&items, model, "validation")?);
            let finalists = &found[..found.len().min(settings.finalists.max(1))];
            let mut best: Option<(Value, &Edit)> = None;
            for (done, edit) in finalists.iter().enumerate() {
                let mut outcomes = store.get(edit, Split::Validation)?;
                if outcomes.is_empty() {
                    let (edited, _) = truncation.apply(model, edit)?;
                    outcomes = Outcomes::of(&score(&items, &edited, "validation")?);
                    let trial =
                        Trial { edit: edit.clone(), rank: None, split: Split::Validation, outcomes: outcomes.clone() };
                    store.insert(0, &[trial])?;
                }
                observer.progress("finalists", done + 1, finalists.len());
                let value = objective.value(&outcomes, &base, &parts);
                if best.is_none_or(|(best, _)| value > best) {
                    best = Some((value, edit));
                }
            }
            let (value, edit) = best.expect("there is a finalist because something was found");
            if !value.is_feasible() {
                notes.push("the winner breaks a guard on the validation split, as every finalist does".to_owned());
            } else if value <= objective.value(&base, &base, &parts) {
                notes.push("the winner does not beat the unedited model on the validation split".to_owned());
            }
            edit.clone()
        }
    };

    // The one look at the test split, for the unedited model and the winner.
    let all: Vec<usize> = (0..exam.items().len()).collect();
    let base = score(&all, model, "test: base")?;
    let (edited, records) = truncation.apply(model, &winner)?;
    let best = score(&all, &edited, "test: winner")?;
    let ties = base.iter().chain(&best).filter(|o| o.tied).count();
    if ties > 0 {
        notes.push(format!("{ties} outcomes of base or winner were decided by a tie"));
    }
    let proof = Proof::measure(exam, &splits, &order, &base, &best, &tried, settings);
    Ok(Found { splits, order, trials: tried, items_asked, steps, winner, records, base, best, proof, notes })
}

/// Tries `arms` on `items`, all of them: one trial an arm, its outcomes in the order of `items`, whatever
/// `settings.plan` says. Trials already in the store are taken from there.
#[allow(clippy::too_many_arguments)] // the parts of a search, each of its own type
pub fn sweep(
    model: &Model,
    exam: &Exam<'_>,
    truncation: &Truncation,
    arms: &[Arm],
    items: &[usize],
    settings: &Settings,
    store: &mut Store,
    observer: &dyn Observer,
) -> Result<Vec<Trial>> {
    let settings = Settings { plan: Plan::exhaustive(), ..settings.clone() };
    let asking = Asking::new(exam, items, &settings);
    let mut trials = Trials::new(model, exam, truncation, &settings, observer, store, asking);
    trials.extend(&Edit::default(), arms, items.len())?;
    let place: std::collections::BTreeMap<usize, usize> =
        trials.order().iter().enumerate().map(|(place, item)| (*item, place)).collect();
    let places: Vec<usize> = items.iter().map(|item| place[item]).collect();
    let trial = |arm: &Arm| {
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
    let place = |edit: &Edit| edit.as_single().map(|(id, _)| (std::cmp::Reverse(id.layer), id.kind));
    let best = found.first().expect("there is a best edit because something was found");
    let mut equals: Vec<&Edit> = found.iter().take_while(|edit| value(edit) == value(best)).collect();
    // Arms of one matrix stand in the space's order, the mildest first.
    equals.reverse();
    equals.sort_by_key(|edit| place(edit));
    equals[0].clone()
}
