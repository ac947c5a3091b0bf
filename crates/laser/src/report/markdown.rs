//! Markdown: takes results, gives the few lines that fit a terminal or a model card.

use std::fmt::Write;

use super::tasks::{self, TaskRow};
use crate::results::Results;
use crate::results::figures::{count, p_value, percent, points};
use laser_statistics::Split;

/// Base against winner over the splits as a Markdown table; the test row carries the interval. A second one for the
/// tasks, where there are several; it stands alone where nothing but the likelihood of texts was searched for.
pub fn markdown_table(results: &Results) -> String {
    let tables = [results.texts_aimed_at().is_empty().then(|| pooled(results)), per_task(results)];
    tables.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn pooled(results: &Results) -> String {
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
        .expect("a row because writing to a string does not fail");
    }
    table
}

fn per_task(results: &Results) -> Option<String> {
    let rows = tasks::rows(results);
    let edit = &results.best.edit;
    let mut table =
        format!("| task | split | items | base | {edit} | change | guard |\n|---|---|---:|---:|---:|---:|---|\n");
    for row in &rows {
        let TaskRow { task, split, items, base, best, change, interval, guard, .. } = row;
        let interval = if interval.is_empty() { String::new() } else { format!(" (95 % {interval})") };
        writeln!(table, "| {task} | {split} | {items} | {base} | {best} | {change}{interval} | {guard} |")
            .expect("a row because writing to a string does not fail");
    }
    (!rows.is_empty()).then_some(table)
}
