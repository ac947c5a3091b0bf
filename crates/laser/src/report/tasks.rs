//! Tasks: takes results, gives a row for each task and split, for the page and for the terminal.

use serde::Serialize;

use crate::results::figures::{count, nats, percent, points};
use crate::results::{Change, Results, SplitSummary, TaskChange};
use crate::search::objective::Measure;
use laser_statistics::Split;

/// One task on one split, written.
#[derive(Debug, Serialize)]
pub(super) struct TaskRow {
    pub(super) task: String,
    pub(super) score: String,
    pub(super) split: Split,
    pub(super) items: String,
    /// Accuracy, or nats where log-loss is measured.
    pub(super) base: String,
    pub(super) best: String,
    /// Winner less base, with its unit; of log-loss, so that below 0 the winner is the better.
    pub(super) change: String,
    /// The change's 95 % interval on the test split; empty elsewhere.
    pub(super) interval: String,
    /// What a guarded task may lose and whether it lost no more; empty for others.
    pub(super) guard: String,
}

/// The rows, task by task; none for a single task that asks something.
pub(super) fn rows(results: &Results) -> Vec<TaskRow> {
    let of_task = |task: &TaskChange| -> Vec<TaskRow> {
        let row = |(split, change): (&Split, &Change)| {
            Some(row(task, *split, task.base.get(split)?, task.best.get(split)?, change))
        };
        task.change.iter().filter_map(row).collect()
    };
    results.tasks.iter().flat_map(of_task).collect()
}

fn row(task: &TaskChange, split: Split, base: &SplitSummary, best: &SplitSummary, change: &Change) -> TaskRow {
    let loss = |summary: &SplitSummary| match task.measure {
        Measure::PerToken => summary.log_loss_per_token,
        _ => summary.log_loss,
    };
    let figure = |summary: &SplitSummary| match task.measure {
        Measure::Accuracy | Measure::Margin => percent(summary.acc),
        Measure::LogLoss | Measure::PerToken => format!("{:.4}", loss(summary)),
    };
    // A log-loss falls where its measure, the log-probability, rises.
    let (written, [low, high]): (fn(f64) -> String, _) = match (task.measure, change.ci95.unwrap_or_default()) {
        (Measure::Accuracy, ci) => (points, ci),
        (Measure::Margin, ci) => (nats, ci),
        (Measure::LogLoss | Measure::PerToken, [low, high]) => (|v| nats(-v), [high, low]),
    };
    let unit = match task.measure {
        Measure::Accuracy => "points",
        Measure::Margin => "nats of margin",
        Measure::LogLoss => "nats",
        Measure::PerToken => "nats a token",
    };
    let is_test = split == Split::Test && change.ci95.is_some();
    let guard = task.guard.as_ref().map(|guard| {
        let held = if guard.held.get(&split) == Some(&true) { "kept" } else { "broken" };
        let bound = written(-guard.max_drop);
        format!("at most {bound} {unit}: {held}")
    });
    TaskRow {
        task: task.task.clone(),
        score: task.score.clone(),
        split,
        items: count(base.n),
        base: figure(base),
        best: figure(best),
        change: format!("{} {unit}", written(change.diff)),
        interval: if is_test { format!("{} to {}", written(low), written(high)) } else { String::new() },
        guard: guard.unwrap_or_default(),
    }
}
