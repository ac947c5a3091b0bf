//! Continuations: what the unedited and the edited model say after the prompts of some items, as whole texts.
//!
//! Scores such as `greedy` generate nothing: they read one prediction for each token of the gold answer, so that a reader
//! would see only the first wrong token.

use std::collections::BTreeMap;

use laser_task::{Score, Task};

use super::Session;
use crate::error::Result;
use crate::evaluate::{EvaluatedTask, Evaluator, ModelPair, PairedEvaluation, RunContext};
use crate::team::Team;

/// Number of items after whose prompts both models continue, to see whether they repeat themselves.
pub(super) const CONTINUATIONS: usize = 96;

/// The continuations of items by the unedited and by the edited model, by item index.
pub(super) type Continuations = BTreeMap<usize, [String; 2]>;

impl Session {
    /// Generates the continuations of those of `items` that have no choices, ten tokens each or as many as the score
    /// generates.
    pub(super) fn continuations(
        &self,
        evaluator: &Evaluator<'_>,
        models: ModelPair<'_>,
        items: &[usize],
        team: &Team,
    ) -> Result<Continuations> {
        let context = RunContext { threads: self.threads(), stage: "continuations", observer: &*self.options.observer };
        let mut found = Continuations::new();
        for ItemsOfTask { task, score, items: of_task } in items_by_task(evaluator, items) {
            let Some(score) = generating(score).filter(|_| evaluator.is_causal()) else { continue };
            let generating = Evaluator::new(&[(&task, score)], self.tokenizer()?, self.config())?;
            let all: Vec<usize> = (0..of_task.len()).collect();
            let evaluation = PairedEvaluation::new(&generating, models, String::new(), &all, context);
            let [base, edited] = evaluation.run(team)?;
            let texts = base.into_iter().zip(edited).map(|(base, edited)| [base.prediction, edited.prediction]);
            found.extend(of_task.into_iter().zip(texts));
        }
        Ok(found)
    }
}

/// Some items of one task.
pub(super) struct ItemsOfTask {
    /// The task with these items alone.
    pub(super) task: Task,
    /// Its score.
    pub(super) score: Score,
    /// Indices of the items in the evaluation.
    pub(super) items: Vec<usize>,
}

/// Divides items by their tasks; tasks without any of them are left out.
pub(super) fn items_by_task(evaluator: &Evaluator<'_>, items: &[usize]) -> Vec<ItemsOfTask> {
    let of_task = |part: &EvaluatedTask<'_>| {
        let items: Vec<usize> = items.iter().copied().filter(|item| part.range.contains(item)).collect();
        let selected = items.iter().map(|item| evaluator.items()[*item].clone()).collect();
        let task = Task { items: selected, ..part.task.clone() };
        (!items.is_empty()).then_some(ItemsOfTask { task, score: part.score, items })
    };
    evaluator.tasks().iter().filter_map(of_task).collect()
}

/// The score that generates the answers which `score` reads the beginning of; `None` if there is nothing to generate.
pub(super) fn generating(score: Score) -> Option<Score> {
    match score {
        Score::Top1 | Score::Greedy => Some(Score::GENERATE),
        score => score.generates().then_some(score),
    }
}
