//! Task changes: takes a finished search, gives the difference between winner and unedited model on each of its tasks.

use std::collections::BTreeMap;

use super::samples::on_split;
use super::scores::{constant_answers, summaries};
use crate::evaluate::{EvaluatedTask, Evaluator};
use crate::results::{Change, GuardKept, SampleRecord, TaskChange, labels};
use crate::search::objective::Measure;
use crate::search::store::Outcomes;
use crate::search::{SearchResult, Settings};
use laser_statistics::{Split, group_ids};

/// Compares the winner with the unedited model on each task; `base` and `best` are their samples, one for each item.
/// Empty if there is a single task and it has answers, since the other results already describe it.
pub(super) fn task_changes(
    evaluator: &Evaluator<'_>,
    found: &SearchResult,
    settings: &Settings,
    base: &[SampleRecord],
    best: &[SampleRecord],
) -> Vec<TaskChange> {
    if let [task] = evaluator.tasks()
        && !task.score.is_perplexity()
    {
        return Vec::new();
    }
    let objective = &settings.objective;
    let measures = objective.measures(evaluator);
    let [base_outcomes, best_outcomes] = [&found.base, &found.best].map(Outcomes::of);
    let of_task = |(index, task): (usize, &EvaluatedTask<'_>)| {
        let comparison = Comparison {
            evaluator,
            found,
            settings,
            measure: measures[index],
            base: &base_outcomes,
            best: &best_outcomes,
        };
        let change = comparison.by_split(task);
        let guard = objective.guards.iter().find(|guard| guard.part == index);
        let [base, best] = [base, best].map(|samples| samples[task.range.clone()].to_vec());
        let is_classification = labels(task).is_some();
        TaskChange {
            task: task.task.name.clone(),
            score: task.score.to_string(),
            measure: measures[index],
            guard: guard.map(|guard| GuardKept::new(guard, &change)),
            base: summaries(&base, is_classification),
            best: summaries(&best, is_classification),
            always: constant_answers(task, &on_split(Split::Test, &base)),
            change,
        }
    };
    evaluator.tasks().iter().enumerate().map(of_task).collect()
}

/// The outcomes of unedited model and winner, compared by one measure.
struct Comparison<'a> {
    evaluator: &'a Evaluator<'a>,
    found: &'a SearchResult,
    settings: &'a Settings,
    measure: Measure,
    /// Outcomes of the unedited model, one entry for each item.
    base: &'a Outcomes,
    /// Outcomes of the winner, one entry for each item.
    best: &'a Outcomes,
}

impl Comparison<'_> {
    /// The change on each split that has items of `task`.
    fn by_split(&self, task: &EvaluatedTask<'_>) -> BTreeMap<Split, Change> {
        let splits = [Split::Search, Split::Validation, Split::Test].into_iter();
        splits.filter_map(|split| Some((split, self.on_split(task, split)?))).collect()
    }

    fn on_split(&self, task: &EvaluatedTask<'_>, split: Split) -> Option<Change> {
        let items: Vec<usize> = task.range.clone().filter(|i| self.found.explored.splits.of[*i] == split).collect();
        let [base, best] = [self.base, self.best]
            .map(|outcomes| items.iter().map(|i| self.measure.of(outcomes, *i)).collect::<Vec<f64>>());
        let groups = group_ids(items.iter().map(|i| self.evaluator.group(*i)));
        Change::measure(&base, &best, &groups, self.settings.resamples, self.settings.statistics_seed)
    }
}
