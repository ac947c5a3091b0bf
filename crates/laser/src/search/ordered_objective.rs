//! Objective of a search applied to outcomes of items in a known order.

use super::objective::{Measure, Objective, Value, has_margins_in_nats};
use super::trial::Outcomes;
use crate::evaluate::Evaluator;

/// An objective with the task of each item, in item order.
pub(super) struct OrderedObjective<'a> {
    objective: &'a Objective,
    /// Task index of each item.
    tasks: Vec<usize>,
    /// Measure of each task.
    measures: Vec<Measure>,
    /// Measure of each task by which edits are compared item by item.
    evidence: Vec<Measure>,
    /// Whether each task has margins in nats.
    in_nats: Vec<bool>,
}

impl<'a> OrderedObjective<'a> {
    pub(super) fn new(objective: &'a Objective, evaluator: &Evaluator<'_>, items: &[usize]) -> Self {
        let (measures, evidence) = (objective.measures(evaluator), objective.evidence(evaluator));
        let in_nats = evaluator.tasks().iter().map(|task| has_margins_in_nats(task.score)).collect();
        Self { objective, tasks: evaluator.task_indices(items), measures, evidence, in_nats }
    }

    /// Value of the items at `positions`, given outcomes of the first items. `unedited`: outcomes of the unedited
    /// model.
    pub(super) fn value(&self, outcomes: &Outcomes, unedited: Option<&Outcomes>, positions: &[usize]) -> Value {
        let tasks: Vec<usize> = positions.iter().map(|position| self.tasks[*position]).collect();
        // Only guards compare with the unedited model, and only if it was scored on as many items.
        let unedited =
            unedited.filter(|unedited| !self.objective.guards.is_empty() && unedited.len() >= outcomes.len());
        let unedited = unedited.map(|unedited| unedited.select(positions)).unwrap_or_default();
        self.objective.value(&outcomes.select(positions), &unedited, &tasks, &self.measures)
    }

    /// Values of single items by which edits are compared.
    pub(super) fn item_values(&self, outcomes: &Outcomes) -> Vec<f64> {
        self.objective.item_values(outcomes, &self.tasks[..outcomes.len()], &self.evidence)
    }

    /// Values of single items whose mean the objective combines.
    pub(super) fn measured_values(&self, outcomes: &Outcomes) -> Vec<f64> {
        self.objective.item_values(outcomes, &self.tasks[..outcomes.len()], &self.measures)
    }

    /// Whether a task without a guard has answers, rather than running text alone.
    pub(super) fn improves_answers(&self) -> bool {
        (0..self.measures.len()).any(|task| self.objective.proves(task, &self.measures))
    }

    /// Whether margins, in nats, decide the answers of every task that can prove a gain.
    pub(super) fn has_margins_in_nats(&self) -> bool {
        let mut proving = (0..self.measures.len()).filter(|task| self.objective.proves(*task, &self.measures));
        proving.all(|task| self.in_nats[task])
    }

    /// Whether the items of a task may be used by the gradient screen: tasks without a guard, and of these only the
    /// ones with answers if there are any.
    pub(super) fn guides_screen(&self, task: usize) -> bool {
        if self.improves_answers() { self.objective.proves(task, &self.measures) } else { self.objective.aims_at(task) }
    }
}
