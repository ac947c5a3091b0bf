//! Markdown: takes results, gives the few lines that fit a terminal or a model card.

use std::fmt::Write;

use crate::results::Results;
use crate::results::figures::{count, p_value, percent, points};
use crate::statistics::Split;

/// Base against winner over the splits as a Markdown table; the test row carries the interval.
pub fn markdown_table(results: &Results) -> String {
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
