//! Section 5.1: perplexity of text with and without the edit. The paper reads the Pile; here it is WikiText-2.

use laser::page::{Section, Table, Tile};
use laser::results::number_format::{interval, nats};
use laser::statistics::{bootstrap_ci95, group_ids};
use laser::{Edit, Error, EvaluateOptions, Result};
use serde_json::json;

use crate::outcome::Outcome;
use crate::workshop::{Way, Workshop};

/// The built-in task, and its place in the folder of data.
const TASK: (&str, &str) = ("wikitext-2", "wikitext-2");
/// Number of draws of the bootstrap.
const RESAMPLES: usize = 10_000;

pub(crate) fn run(workshop: &Workshop<'_>) -> Result<Outcome> {
    let folder = workshop.options.data.as_ref().map(|folder| folder.join(TASK.1)).filter(|path| path.exists());
    let path =
        folder.ok_or_else(|| Error::setting("data", format!("expected a folder with {}, found none", TASK.1)))?;
    let edit = match &workshop.options.edit {
        Some(edit) => Some(edit.clone()),
        None => {
            let (set, path) = workshop.main_data_set()?;
            workshop.edit(set, &workshop.tasks(set, &path, Way::Honest)?, Way::Honest)?
        }
    };
    let Some(edit) = edit else {
        return Ok(Outcome::without_edit());
    };
    let tasks = workshop.named_tasks(TASK.0, Some(path.display().to_string()), Way::Paper)?;
    let evaluate = |edit: Edit| {
        workshop
            .session
            .evaluate(&tasks, &EvaluateOptions { edit, no_side_effects: true, ..EvaluateOptions::default() })
    };
    let (base, edited) = (evaluate(Edit::default())?, evaluate(edit.clone())?);
    let tokens: Vec<usize> = base.outcomes.iter().map(|outcome| outcome.answer_tokens).collect();
    let total = tokens.iter().sum::<usize>().max(1) as f64;
    let per_token = |outcomes: &[laser::Outcome]| -outcomes.iter().map(|outcome| outcome.logprob).sum::<f64>() / total;
    let (before, after) = (per_token(&base.outcomes), per_token(&edited.outcomes));
    // Scaled so that the mean over windows is the mean over tokens; windows of one article are drawn together.
    let scale = base.outcomes.len() as f64 / total;
    let rises: Vec<f64> =
        base.outcomes.iter().zip(&edited.outcomes).map(|(b, e)| scale * (b.logprob - e.logprob)).collect();
    let groups = group_ids(base.samples.iter().map(|sample| sample.group.as_str()));
    let ci95 = bootstrap_ci95(&rises, &groups, RESAMPLES, 0);
    let interval = interval(ci95, nats);
    let row = |name: &str, loss: f64| vec![name.to_owned(), format!("{:.2}", loss.exp()), format!("{loss:.4}")];
    Ok(Outcome {
        verdict: format!(
            "With {edit}, the perplexity of WikiText-2 goes from {:.2} to {:.2}: {} nats a token (95 % {interval}).",
            before.exp(),
            after.exp(),
            nats(after - before)
        ),
        tiles: vec![Tile {
            name: "nats a token".to_owned(),
            value: nats(after - before),
            remark: format!("95 % {interval}"),
        }],
        sections: vec![Section {
            title: "Perplexity of WikiText-2".to_owned(),
            text: vec![format!(
                "{} tokens in {} windows; the interval draws whole articles.",
                total as usize,
                base.outcomes.len()
            )],
            tables: vec![Table::new(
                "",
                &["model", "perplexity", "nats a token"],
                vec![row("unedited", before), row("edited", after)],
            )],
            ..Section::default()
        }],
        numbers: json!({"edit": edit.to_string(), "tokens": total as usize, "base": before, "edited": after, "rise": after - before, "ci95": ci95}),
    })
}
