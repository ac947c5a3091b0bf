//! Markdown: takes results, gives short tables for a terminal or a model card.

use std::fmt::Write;

use super::finalists::{self, BestWithin, BoundRow};
use super::tasks::{self, TaskRow};
use crate::results::number_format::{count, p_value, percent, points};
use crate::results::{Results, SplitSummary};
use laser_statistics::Split;

/// Compares the winner with the unedited model on each split, as a Markdown table; the row of the test split has the
/// interval and p-value of the change. A second table has a row for each task and split, if [`Results::tasks`] has any.
/// Below follow the price of the winner, and the best edits for several bounds of damage, if they were measured.
///
/// If the search was to improve perplexity tasks only, the first table is left out, since it shows accuracies. If no edit
/// is proposed, there is one table, with the scores of the unedited model.
pub fn markdown_table(results: &Results) -> String {
    if !results.proposes_edit() {
        return base_task_table(results).unwrap_or_else(|| base_table(results));
    }
    let parts =
        [Some(proof_table(results)).filter(|table| !table.is_empty()), price_lines(results), bounds_table(results)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// The tables of [`markdown_table`] that compare the winner with the unedited model.
pub(crate) fn proof_table(results: &Results) -> String {
    let by_split = results.perplexity_goals().is_empty().then(|| split_table(results));
    [by_split, task_table(results)].into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// Scores of the unedited model on each split.
fn base_table(results: &Results) -> String {
    let mut table = "| split | items | unedited model | log-loss, nats |\n|---|---:|---:|---:|\n".to_owned();
    for (split, base) in &results.base {
        let accuracy = base.acc().map_or_else(String::new, percent);
        writeln!(table, "| {split} | {} | {accuracy} | {:.3} |", count(base.n), base.log_loss)
            .expect("writing to a string does not fail");
    }
    table
}

/// Scores of the unedited model on each task and split; `None` if the results have no single tasks.
fn base_task_table(results: &Results) -> Option<String> {
    let rows = tasks::rows(results);
    let mut table = "| task | split | items | unedited model |\n|---|---|---:|---:|\n".to_owned();
    for TaskRow { task, split, items, base, .. } in &rows {
        writeln!(table, "| {task} | {split} | {items} | {base} |").expect("writing to a string does not fail");
    }
    (!rows.is_empty()).then_some(table)
}

fn split_table(results: &Results) -> String {
    let mut table =
        format!("| split | items | base | {} | change (points) |\n|---|---:|---:|---:|---:|\n", results.best.edit);
    for (split, base) in &results.base {
        let best = results.best.splits.get(split).and_then(SplitSummary::acc);
        let Some((base_acc, best_acc)) = base.acc().zip(best) else { continue };
        let proof = match (split, results.test.ci95) {
            (Split::Test, Some([low, high])) => {
                format!(" (95 % {} to {}, {})", points(low), points(high), p_value(results.test.mcnemar_p))
            }
            _ => String::new(),
        };
        writeln!(
            table,
            "| {split} | {} | {} | {} | {}{proof} |",
            count(base.n),
            percent(base_acc),
            percent(best_acc),
            points(best_acc - base_acc)
        )
        .expect("writing to a string does not fail");
    }
    table
}

fn task_table(results: &Results) -> Option<String> {
    let rows = tasks::rows(results);
    let edit = &results.best.edit;
    let mut table =
        format!("| task | split | items | base | {edit} | change | guard |\n|---|---|---:|---:|---:|---:|---|\n");
    for row in &rows {
        let TaskRow { task, split, items, base, best, change, interval, guard, .. } = row;
        let interval = if interval.is_empty() { String::new() } else { format!(" (95 % {interval})") };
        writeln!(table, "| {task} | {split} | {items} | {base} | {best} | {change}{interval} | {guard} |")
            .expect("writing to a string does not fail");
    }
    (!rows.is_empty()).then_some(table)
}

/// The price on ordinary text, repetition and other wordings, a line each, as a list.
fn price_lines(results: &Results) -> Option<String> {
    let lines = crate::results::price_lines(results.price.as_ref()?);
    Some(lines.iter().map(|line| format!("- {line}\n")).collect())
}

/// The best edit for each bound of damage; `None` if no damage was measured.
fn bounds_table(results: &Results) -> Option<String> {
    let finalists = finalists::finalists(results)?;
    let mut table = format!(
        "| damage at most, nats a token | best edit | estimated gain ({}) | damage |\n|---:|---|---:|---:|\n",
        finalists.unit
    );
    for BoundRow { bound, best } in &finalists.bounds {
        let row = best.as_ref().map_or_else(
            || "none | |".to_owned(),
            |BestWithin { edit, estimated, damage }| format!("{edit} | {estimated} | {damage}"),
        );
        writeln!(table, "| {bound} | {row} |").expect("writing to a string does not fail");
    }
    (!finalists.bounds.is_empty()).then_some(table)
}
