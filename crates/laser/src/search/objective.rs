//! Objective of a search: outcomes of one or several tasks → one value that orders edits, and one value an item for
//! races, which compare edits item by item.

mod aggregate;
mod guard;
mod measure;
mod value;

pub use self::aggregate::Aggregate;
pub use self::guard::Guard;
pub use self::measure::{MARGIN_BOUND, Measure, SOFTNESS};
pub use self::value::Value;

use self::aggregate::TaskMean;
use super::trial::Outcomes;
use crate::error::{Error, Result};
use crate::evaluate::{EvaluatedTask, Evaluator};
use laser_task::score::{LengthNormalization, Score};

/// The value that a search maximises, and the guards that its edits must keep.
///
/// Each task has the mean of a [`Measure`] over its items. `over` combines the means of the tasks without a guard,
/// whatever their numbers of items. A task with a [`Guard`] has no other influence. The default maximises the mean
/// accuracy, without guards.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Objective {
    /// Measure of tasks with answers; running text always has [`Measure::PerToken`].
    pub measure: Measure,
    /// Combination of the means of the tasks without a guard.
    pub over: Aggregate,
    /// Tasks that must not become worse.
    pub guards: Vec<Guard>,
}

/// Whether a margin above 0 means that an item is right, and margins are not divided by a length.
pub(super) fn has_margins_in_nats(score: Score) -> bool {
    matches!(score, Score::Top1 | Score::Greedy | Score::Choice { length: LengthNormalization::Sum, .. })
}

impl Objective {
    /// Checks that the objective fits a number of tasks.
    ///
    /// # Errors
    /// If a guard names no task, or two guards the same one; if every task has a guard; if the number of weights is not
    /// the number of tasks without a guard.
    pub fn check(&self, n_tasks: usize) -> Result<()> {
        for (i, guard) in self.guards.iter().enumerate() {
            if guard.part >= n_tasks {
                return Err(Error::setting(
                    "guard",
                    format!("expected one of {n_tasks} tasks, found no. {}", guard.part),
                ));
            }
            if self.guards[..i].iter().any(|other| other.part == guard.part) {
                return Err(Error::setting("guard", format!("task no. {} is guarded twice", guard.part + 1)));
            }
        }
        let unguarded = n_tasks - self.guards.len();
        if unguarded == 0 {
            return Err(Error::setting("guard", "expected a task without a guard, found none to become better"));
        }
        match &self.over {
            Aggregate::Weighted(weights) if weights.len() != unguarded => Err(Error::setting(
                "aggregate",
                format!("expected {unguarded} weights, one for each task without a guard, found {}", weights.len()),
            )),
            _ => Ok(()),
        }
    }

    /// Whether the search improves a task, because it has no guard.
    pub fn aims_at(&self, task: usize) -> bool {
        self.guards.iter().all(|guard| guard.part != task)
    }

    /// Whether a task can prove a gain in accuracy: it has no guard, and it has answers rather than running text.
    /// `measures`: measure of each task ([`Objective::measures`]).
    pub fn proves(&self, task: usize, measures: &[Measure]) -> bool {
        self.aims_at(task) && measures[task] != Measure::PerToken
    }

    /// Measure of each task: [`Measure::PerToken`] for running text, where nothing is right or wrong, else
    /// [`Objective::measure`].
    pub fn measures(&self, evaluator: &Evaluator<'_>) -> Vec<Measure> {
        let of_task =
            |part: &EvaluatedTask<'_>| if part.score.is_perplexity() { Measure::PerToken } else { self.measure };
        evaluator.tasks().iter().map(of_task).collect()
    }

    /// Measure by which edits are compared item by item, for each task: [`Measure::SoftAccuracy`] in place of accuracy where
    /// the model's next tokens decide whether an item is right, else the task's own measure ([`Objective::measures`]).
    ///
    /// Not where it chooses among given answers: an edit that moves all answers a little raises the soft accuracy without
    /// turning one of them right (`docs/search.md`, "Decision").
    pub fn evidence(&self, evaluator: &Evaluator<'_>) -> Vec<Measure> {
        let soften = |(measure, part): (Measure, &EvaluatedTask<'_>)| match (measure, part.score) {
            (Measure::Accuracy, Score::Top1 | Score::Greedy) => Measure::SoftAccuracy,
            (measure, _) => measure,
        };
        self.measures(evaluator).into_iter().zip(evaluator.tasks()).map(soften).collect()
    }

    /// Value of an edit with these outcomes. `unedited`: outcomes of the unedited model on the same items, read only if
    /// there are guards; `tasks`: task of each item ([`Evaluator::task_indices`]); `measures`: measure of each task. Tasks
    /// without items here are ignored.
    ///
    /// # Panics
    /// If the numbers of outcomes and of `tasks` differ, or [`Objective::check`] refuses the number of tasks.
    pub fn value(&self, outcomes: &Outcomes, unedited: &Outcomes, tasks: &[usize], measures: &[Measure]) -> Value {
        let means = means(measures, outcomes, tasks);
        let feasible = self.guards.is_empty() || {
            let before = self::means(measures, unedited, tasks);
            let mean = |means: &[Mean], task: usize| means.get(task).and_then(Mean::value);
            self.guards.iter().all(|guard| match (mean(&before, guard.part), mean(&means, guard.part)) {
                (Some(before), Some(after)) => guard.holds(before, after),
                _ => true,
            })
        };
        // Ties are broken by log-loss, of running text by log-loss a token: the sum over a window of hundreds of tokens
        // would outweigh answers of a few.
        let tie_breaker = |measure: &Measure| if *measure == Measure::PerToken { *measure } else { Measure::LogLoss };
        let logprobs = self::means(&measures.iter().map(tie_breaker).collect::<Vec<_>>(), outcomes, tasks);
        Value::new(feasible, self.over.of(&self.unguarded(&means)), self.over.of(&self.unguarded(&logprobs)))
    }

    /// One value an item, whose mean is the combination of `measures` up to rounding. For a single task it is the
    /// item's measure; for several that times `weight · items / items of its task`. Items of guarded tasks have 0, and
    /// under [`Aggregate::Worst`] all items but those of the worst task.
    ///
    /// # Panics
    /// As [`Objective::value`].
    pub fn item_values(&self, outcomes: &Outcomes, tasks: &[usize], measures: &[Measure]) -> Vec<f64> {
        let means = means(measures, outcomes, tasks);
        let mut factors = vec![0.0; means.len()];
        let present = self.unguarded(&means);
        for (TaskMean { task, .. }, share) in present.iter().zip(self.over.shares(&present)) {
            factors[*task] = share * tasks.len() as f64 / means[*task].n as f64;
        }
        tasks.iter().enumerate().map(|(i, task)| factors[*task] * measures[*task].of(outcomes, i)).collect()
    }

    /// Means of the tasks without a guard that have items.
    fn unguarded(&self, means: &[Mean]) -> Vec<TaskMean> {
        let tasks = (0..means.len()).filter(|task| self.aims_at(*task)).enumerate();
        tasks.filter_map(|(weight, task)| Some(TaskMean { task, weight, mean: means[task].value()? })).collect()
    }
}

/// Sum and number of values.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    n: usize,
}

impl Mean {
    /// The mean; `None` of no values.
    fn value(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }
}

/// Mean measure of each task, by task index.
fn means(measures: &[Measure], outcomes: &Outcomes, tasks: &[usize]) -> Vec<Mean> {
    assert_eq!(outcomes.correct.len(), tasks.len(), "one task per item");
    let mut means = vec![Mean::default(); tasks.iter().max().map_or(0, |last| last + 1)];
    for (i, task) in tasks.iter().enumerate() {
        means[*task].sum += measures[*task].of(outcomes, i);
        means[*task].n += 1;
    }
    means
}

#[cfg(test)]
mod tests;
