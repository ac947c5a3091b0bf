//! The choice: the best edits of the search split meet on the validation split.

use crate::edit::Edit;
use crate::edit::truncation::Truncation;
use crate::error::Result;
use crate::evaluate::Evaluator;
use crate::search::objective::Value;
use crate::search::store::{Outcomes, Store, Trial};
use laser_model::Model;
use laser_model::parallel::Observer;
use laser_statistics::Split;

use super::Settings;

/// The best of the first finalists of `found` on the validation split's `items`, and what the reader should know of it.
#[allow(clippy::too_many_arguments)] // the parts of a search, each of its own type
pub(super) fn choose(
    model: &Model,
    exam: &Evaluator<'_>,
    truncation: &Truncation,
    settings: &Settings,
    items: &[usize],
    found: &[Edit],
    store: &mut Store,
    observer: &dyn Observer,
) -> Result<(Edit, Option<String>)> {
    let objective = &settings.objective;
    let score = |model: &Model| exam.evaluate(model, items, settings.threads, "validation", observer);
    let (parts, measures) = (exam.parts_of(items), objective.measures(exam));
    let base = Outcomes::of(&score(model)?);
    let finalists = &found[..found.len().min(settings.finalists.max(1))];
    let mut best: Option<(Value, &Edit)> = None;
    for (done, edit) in finalists.iter().enumerate() {
        let mut outcomes = store.get(edit, Split::Validation)?;
        if outcomes.is_empty() {
            outcomes = Outcomes::of(&score(&truncation.apply(model, edit)?.0)?);
            let trial = Trial { edit: edit.clone(), rank: None, split: Split::Validation, outcomes: outcomes.clone() };
            store.insert(0, &[trial])?;
        }
        observer.progress("finalists", done + 1, finalists.len());
        let value = objective.value(&outcomes, &base, &parts, &measures);
        if best.is_none_or(|(best, _)| value > best) {
            best = Some((value, edit));
        }
    }
    let (value, edit) = best.expect("there is a finalist because something was found");
    let note = if !value.is_feasible() {
        Some("the winner breaks a guard on the validation split, as every finalist does".to_owned())
    } else if value <= objective.value(&base, &base, &parts, &measures) {
        Some("the winner does not beat the unedited model on the validation split".to_owned())
    } else {
        None
    };
    Ok((edit.clone(), note))
}
