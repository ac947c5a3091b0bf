//! Objectives: outcomes of one or several tasks → one value by which edits are ordered, and the per-item signal behind
//! it for those who compare edits pair by pair. Stands between `evaluate` and `search`.

mod aggregate;
mod guard;
mod measure;
mod value;

pub use aggregate::Aggregate;
pub use guard::Guard;
pub use measure::{MARGIN_BOUND, Measure};
pub use value::Value;

use crate::error::{Error, Result};
use crate::evaluate::{EvaluatedTask, Evaluator};
use crate::search::store::Outcomes;

/// What a search makes as large as it can, and what it must not spoil.
///
/// Each task has the mean of its items' [`Measure`], the same for all but texts that are only read
/// ([`Objective::measures`]); `over` makes one number of the tasks without a guard, whatever
/// their sizes; a task with a [`Guard`] counts in no other way. The default is accuracy of the mean task, unguarded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Objective {
    /// What is measured at an item that asks something.
    pub measure: Measure,
    /// How the tasks without a guard become one number.
    pub over: Aggregate,
    /// Tasks that only must not become worse.
    pub guards: Vec<Guard>,
}

impl Objective {
    /// Whether the objective fits an exam of `parts` tasks.
    ///
    /// # Errors
    /// A guard of no task, or two of one; no task left without a guard; weights of another number than those left.
    pub fn check(&self, parts: usize) -> Result<()> {
        for (i, guard) in self.guards.iter().enumerate() {
            if guard.part >= parts {
                return Err(Error::setting(
                    "--guard",
                    format!("expected one of {parts} tasks, found no. {}", guard.part),
                ));
            }
            if self.guards[..i].iter().any(|other| other.part == guard.part) {
                return Err(Error::setting("--guard", format!("task no. {} is guarded twice", guard.part + 1)));
            }
        }
        let aims = parts - self.guards.len();
        if aims == 0 {
            return Err(Error::setting("--guard", "expected a task without a guard, found none to become better"));
        }
        match &self.over {
            Aggregate::Weighted(weights) if weights.len() != aims => Err(Error::setting(
                "--aggregate",
                format!("expected {aims} weights, one for each task without a guard, found {}", weights.len()),
            )),
            _ => Ok(()),
        }
    }

    /// Whether a task is to become better, rather than only not worse.
    pub fn aims_at(&self, part: usize) -> bool {
        self.guards.iter().all(|guard| guard.part != part)
    }

    /// Whether a task can be evidence for a gain in accuracy: it is to become better, and it asks something.
    pub fn proves(&self, part: usize, measures: &[Measure]) -> bool {
        self.aims_at(part) && measures[part] != Measure::PerToken
    }

    /// What is measured in each task of an exam: texts that are only read have no right and wrong, and always count by
    /// [`Measure::PerToken`].
    pub fn measures(&self, exam: &Evaluator<'_>) -> Vec<Measure> {
        let of_part = |part: &EvaluatedTask<'_>| if part.score.only_reads() { Measure::PerToken } else { self.measure };
        exam.parts().iter().map(of_part).collect()
    }

    /// The value of an edit with these outcomes, where the unedited model has `base` on the same items. `parts`: the
    /// task of each item ([`crate::evaluate::Evaluator::parts_of`]); `measures`: what is measured in each task. A task
    /// without items among them is left out.
    ///
    /// # Panics
    /// If the slices differ in length, or [`Objective::check`] refuses the number of tasks.
    pub fn value(&self, outcomes: &Outcomes, base: &Outcomes, parts: &[usize], measures: &[Measure]) -> Value {
        let means = means(measures, outcomes, parts);
        let feasible = self.guards.is_empty() || {
            let base = self::means(measures, base, parts);
            let mean = |means: &[Mean], part: usize| means.get(part).and_then(Mean::value);
            self.guards.iter().all(|guard| match (mean(&base, guard.part), mean(&means, guard.part)) {
                (Some(base), Some(edited)) => guard.holds(base, edited),
                _ => true,
            })
        };
        // A window has hundreds of tokens, an answer a few.
        let tie = |measure: &Measure| if *measure == Measure::PerToken { *measure } else { Measure::LogLoss };
        let logprobs = self::means(&measures.iter().map(tie).collect::<Vec<_>>(), outcomes, parts);
        Value::new(feasible, self.over.of(&self.aims(&means)), self.over.of(&self.aims(&logprobs)))
    }

    /// One number an item whose mean is the measure of [`Objective::value`], up to rounding: for a single task the
    /// item's own measure, for several that times `weight · items / items of its task`, and 0 where the item does not
    /// count (guarded tasks; under [`Aggregate::Worst`] all but these outcomes' worst task).
    ///
    /// # Panics
    /// As [`Objective::value`].
    pub fn item_signal(&self, outcomes: &Outcomes, parts: &[usize], measures: &[Measure]) -> Vec<f64> {
        let means = means(measures, outcomes, parts);
        let mut factors = vec![0.0; means.len()];
        let present = self.aims(&means);
        for ((part, _, _), share) in present.iter().zip(self.over.shares(&present)) {
            factors[*part] = share * parts.len() as f64 / means[*part].n as f64;
        }
        parts.iter().enumerate().map(|(i, part)| factors[*part] * measures[*part].of(outcomes, i)).collect()
    }

    /// Part, place among the tasks aimed at, and mean of those that have items.
    fn aims(&self, means: &[Mean]) -> Vec<(usize, usize, f64)> {
        let aims = (0..means.len()).filter(|part| self.aims_at(*part)).enumerate();
        aims.filter_map(|(place, part)| Some((part, place, means[part].value()?))).collect()
    }
}

/// A mean under way.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    n: usize,
}

impl Mean {
    fn value(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }
}

/// The mean measure of each part, by index.
fn means(measures: &[Measure], outcomes: &Outcomes, parts: &[usize]) -> Vec<Mean> {
    assert_eq!(outcomes.correct.len(), parts.len(), "one part per item");
    let mut means = vec![Mean::default(); parts.iter().max().map_or(0, |last| last + 1)];
    for (i, part) in parts.iter().enumerate() {
        means[*part].sum += measures[*part].of(outcomes, i);
        means[*part].n += 1;
    }
    means
}

#[cfg(test)]
mod tests;
