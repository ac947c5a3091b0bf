//! Tasks: takes results, gives a table row for each task and split, for the page and for the terminal.

use super::table::{Cell, Table};
use crate::results::number_format::{count, nats, percent, points};
use crate::results::{Change, Results, SplitSummary, TaskChange};
use crate::search::objective::Measure;
use laser_statistics::Split;

/// One task on one split, as formatted text; "base" is the unedited model, "best" the winner.
#[derive(Debug)]
pub(super) struct TaskRow {
    pub(super) task: String,
    pub(super) score: String,
    pub(super) split: Split,
    /// Number of items.
    pub(super) items: String,
    /// Accuracy in per cent; log-loss in nats if that is the measure.
    pub(super) base: String,
    pub(super) best: String,
    /// Winner minus base, with its unit. A change of log-loss is negative if the winner is better.
    pub(super) change: String,
    /// 95 % interval of the change on the test split; empty for other splits.
    pub(super) interval: String,
    /// The bound of the task's guard, and whether it was kept; empty for tasks without a guard.
    pub(super) guard: String,
}

/// The rows, task by task; none for a search on a single task with answers.
pub(super) fn rows(results: &Results) -> Vec<TaskRow> {
    let of_task = |task: &TaskChange| -> Vec<TaskRow> {
        let row = |(split, change): (&Split, &Change)| {
            Some(row(task, *split, task.base.get(split)?, task.best.get(split)?, change))
        };
        task.change.iter().filter_map(row).collect()
    };
    results.tasks.iter().flat_map(of_task).collect()
}

/// The rows as a table of the page; `None` without rows.
pub(super) fn table(results: &Results) -> Option<Table> {
    let rows = rows(results);
    let proposed = results.proposes_edit();
    let titles: &[&str] = match proposed {
        true => &["task", "split", "#items", "#base", "#winner", "#change", "guard"],
        false => &["task", "split", "#items", "#unedited model"],
    };
    let mut table = Table::new("tasks", "Task by task", titles);
    let is_single = rows.is_empty();
    for row in rows {
        let mut cells = vec![
            Cell::new(row.task).note(row.score),
            Cell::new(row.split.to_string()),
            Cell::new(row.items),
            Cell::new(row.base),
        ];
        if proposed {
            cells.push(Cell::new(row.best));
            cells.push(Cell::new(row.change).strong().note(row.interval));
            cells.push(Cell::new(row.guard));
        }
        table.push(cells, row.split == Split::Test);
    }
    (!is_single).then_some(table)
}

fn row(task: &TaskChange, split: Split, base: &SplitSummary, best: &SplitSummary, change: &Change) -> TaskRow {
    let loss = |summary: &SplitSummary| match task.measure {
        Measure::PerToken => summary.log_loss_per_token,
        _ => summary.log_loss,
    };
    let figure = |summary: &SplitSummary| match task.measure {
        Measure::Accuracy | Measure::SoftAccuracy | Measure::Margin => summary.acc().map_or_else(String::new, percent),
        Measure::LogLoss | Measure::PerToken => format!("{:.4}", loss(summary)),
    };
    // `Change` is in log-probability, which rises where log-loss falls: signs turn, and the interval's ends swap.
    let (format_change, [low, high]): (fn(f64) -> String, _) = match (task.measure, change.ci95.unwrap_or_default()) {
        (Measure::Accuracy | Measure::SoftAccuracy, ci) => (points, ci),
        (Measure::Margin, ci) => (nats, ci),
        (Measure::LogLoss | Measure::PerToken, [low, high]) => (|v| nats(-v), [high, low]),
    };
    let unit = match task.measure {
        Measure::Accuracy | Measure::SoftAccuracy => "points",
        Measure::Margin => "nats of margin",
        Measure::LogLoss => "nats",
        Measure::PerToken => "nats a token",
    };
    let is_test = split == Split::Test && change.ci95.is_some();
    let guard = task.guard.as_ref().map(|guard| {
        let held = if guard.held.get(&split) == Some(&true) { "kept" } else { "broken" };
        let bound = format_change(-guard.max_drop);
        format!("at most {bound} {unit}: {held}")
    });
    TaskRow {
        task: task.task.clone(),
        score: task.score.clone(),
        split,
        items: count(base.n),
        base: figure(base),
        best: figure(best),
        change: format!("{} {unit}", format_change(change.diff)),
        interval: if is_test { format!("{} to {}", format_change(low), format_change(high)) } else { String::new() },
        guard: guard.unwrap_or_default(),
    }
}
