//! Markdown: takes results, gives short tables for a terminal or a model card.

use std::fmt::Write;

use super::tasks::{self, TaskRow};
use crate::results::Results;
use crate::results::number_format::{count, p_value, percent, points};
use laser_statistics::Split;

/// Compares the winner with the unedited model on each split, as a Markdown table; the row of the test split has the
/// interval and p-value of the change. A second table has a row for each task and split, if [`Results::tasks`] has any.
/// If the search was to improve perplexity tasks only, the first table is left out, since it shows accuracies.
pub fn markdown_table(results: &Results) -> String {
    let tables = [results.perplexity_goals().is_empty().then(|| split_table(results)), task_table(results)];
    tables.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn split_table(results: &Results) -> String {
    let mut table =
        format!("| split | items | base | {} | change (points) |\n|---|---:|---:|---:|---:|\n", results.best.edit);
    for (split, base) in &results.base {
        let Some(best) = results.best.splits.get(split) else {
            continue;
        };
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
            percent(base.acc),
            percent(best.acc),
            points(best.acc - base.acc)
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
