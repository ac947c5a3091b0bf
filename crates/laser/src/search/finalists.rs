//! Finalists: the best edits of the search split are compared on the validation split → the winner.

use super::context::SearchContext;
use super::objective::Value;
use super::store::Store;
use super::trial::{Outcomes, Trial};
use crate::edit::Edit;
use crate::error::Result;
use crate::evaluate::RunContext;
use laser_model::Model;
use laser_statistics::Split;

/// Chooses the winner among the first edits of `found` by their values on the validation split's `items`. Returns it,
/// with a remark for the reader of the results if it breaks a guard or is not better than the unedited model. Outcomes
/// that the store has already are not computed again.
pub(super) fn choose_winner(
    context: SearchContext<'_>,
    items: &[usize],
    found: &[Edit],
    store: &mut Store,
) -> Result<(Edit, Option<String>)> {
    let SearchContext { model, evaluator, truncation, settings, observer } = context;
    let objective = &settings.objective;
    let run = RunContext { threads: settings.threads, stage: "validation", observer };
    let score = |model: &Model| evaluator.evaluate(model, items, run);
    let (tasks, measures) = (evaluator.task_indices(items), objective.measures(evaluator));
    let unedited = Outcomes::of(&score(model)?);
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
        let value = objective.value(&outcomes, &unedited, &tasks, &measures);
        // Strictly better: of equal finalists, the better one on the search split wins.
        if best.is_none_or(|(best, _)| value > best) {
            best = Some((value, edit));
        }
    }
    let (value, winner) = best.expect("there is a finalist because a plan without a result is an error");
    let note = if !value.is_feasible() {
        Some("the winner breaks a guard on the validation split, as every finalist does".to_owned())
    } else if value <= objective.value(&unedited, &unedited, &tasks, &measures) {
        Some("the winner does not beat the unedited model on the validation split".to_owned())
    } else {
        None
    };
    Ok((winner.clone(), note))
}
