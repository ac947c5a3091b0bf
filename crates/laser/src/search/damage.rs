//! Damage: finalists → how much worse each makes the model on ordinary text.

use super::context::SearchContext;
use super::finalists::Finalist;
use super::fingerprint::Fingerprint;
use super::item_order::ItemOrder;
use super::objective::Objective;
use super::observer::UnlimitedTime;
use super::settings::Settings;
use super::store::Store;
use super::trial_runner::TrialRunner;
use crate::edit::Edit;
use crate::error::Result;
use laser_statistics::Split;

/// Largest number of passages on which finalists are compared, one of each kind; the winner's price is measured on all.
const PASSAGES: usize = 5;

/// Measures the damage of each finalist, the rise of the log-loss of the context's ordinary text in nats a token. Without a
/// text nothing is measured.
pub(super) fn measure_damage(context: SearchContext<'_>, finalists: &mut [Finalist]) -> Result<()> {
    let Some(text) = context.text else { return Ok(()) };
    let settings = Settings { objective: Objective::default(), ..context.settings.without_limits() };
    let observer = UnlimitedTime(context.observer);
    let context = SearchContext { evaluator: text, text: None, settings: &settings, observer: &observer, ..context };
    let passages: Vec<usize> = (0..text.items().len().min(PASSAGES)).collect();
    let order = ItemOrder::new(text, &passages, &settings);
    let mut store = Store::in_memory(&Fingerprint::named("damage"))?;
    let mut runner = TrialRunner::new(context, &mut store, Split::All, order);
    let edits: Vec<Edit> = finalists.iter().map(|finalist| finalist.edit.clone()).collect();
    runner.score_edits(&edits)?;
    let tokens: usize = passages.iter().map(|passage| text.answer_tokens(*passage)).sum();
    let loss = |edit: &Edit| {
        let outcomes = runner.complete(edit).expect("no budget keeps the runner from scoring every edit");
        -outcomes.logprobs.iter().sum::<f64>() / tokens as f64
    };
    let unedited = loss(&Edit::default());
    for finalist in finalists {
        finalist.damage = Some(loss(&finalist.edit) - unedited);
    }
    Ok(())
}
