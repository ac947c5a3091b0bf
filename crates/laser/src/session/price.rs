//! Measures the price of an edit for a session: on ordinary text, on the task's prompts, and on its other wordings.

use std::collections::BTreeSet;

use laser_statistics::{group_ids, mean};
use laser_task::built_in::TaskInfo;
use laser_task::{Item, Score, Task, TaskOptions};

use super::{ScoredTasks, Session};
use crate::error::Result;
use crate::evaluate::{Evaluator, ModelPair, PairedEvaluation, RunContext};
use crate::price::{BeforeAfter, OrdinaryText, Price, TextPrice, WordingChange, repeats_itself};
use crate::results::Change;
use crate::team::Team;

/// Largest number of prompts whose predictions are compared: enough for two digits, at a small part of a search's cost.
const PROMPTS: usize = 100;
/// Largest number of items of another wording.
const WORDING_ITEMS: usize = 200;
/// Number of bootstrap draws.
const RESAMPLES: usize = 10_000;

/// An edit and the measurements of the task that its price starts from.
pub(super) struct PricedEdit<'a> {
    pub(super) models: ModelPair<'a>,
    pub(super) evaluator: &'a Evaluator<'a>,
    /// Items of the task that did not help to choose the edit, by index.
    pub(super) items: &'a [usize],
    /// Continuations of a sample of prompts by the unedited and by the edited model.
    pub(super) texts: &'a [[String; 2]],
    /// The processes that share the work.
    pub(super) team: &'a Team,
}

impl Session {
    /// Measures the price of an edit; `None` for a model that cannot read ordinary text. `seed`: of the bootstrap.
    pub(super) fn price(&self, tasks: &ScoredTasks, priced: &PricedEdit<'_>, seed: u64) -> Result<Option<Price>> {
        if priced.evaluator.levels().is_some() {
            return Ok(None); // a model that plays levels reads no texts
        }
        let Some(text) = OrdinaryText::open(self.config(), self.tokenizer()?)? else { return Ok(None) };
        let PricedEdit { models, evaluator, items, .. } = *priced;
        let passages = text.evaluator(self.tokenizer()?, self.config())?;
        let all: Vec<usize> = (0..passages.items().len()).collect();
        let predictions =
            models.compare_texts_in_team(&passages, &all, self.price_context("price: text"), priced.team)?;
        let Some(text) = TextPrice::of(&predictions, RESAMPLES, seed) else { return Ok(None) };
        let is_question = |item: &&usize| !evaluator.tasks()[evaluator.task_index(**item)].score.is_perplexity();
        let questions: Vec<usize> = items.iter().filter(is_question).copied().collect();
        let context = self.price_context("price: prompts");
        let prompts = spread(&questions, PROMPTS);
        let divergence_on_prompts = models.divergence_after_prompts(evaluator, &prompts, context)?;
        let mut wordings = Vec::new();
        for (task, score) in tasks.iter() {
            for name in TaskInfo::named(&task.name).map_or(&[][..], |info| info.wordings) {
                wordings.extend(self.wording_change(name, score, priced, seed)?);
            }
        }
        Ok(Some(Price { text, divergence_on_prompts, repetition: repetition(priced.texts), wordings }))
    }

    /// Accuracy on the items of another wording whose subjects are those of the priced items; `None` if there is none.
    fn wording_change(
        &self,
        name: &str,
        score: Score,
        priced: &PricedEdit<'_>,
        seed: u64,
    ) -> Result<Option<WordingChange>> {
        let tokenizer = self.tokenizer()?;
        let mut task = Task::open(name, None, &TaskOptions { tokenizer: Some(tokenizer), ..TaskOptions::default() })?;
        let groups: BTreeSet<&str> =
            priced.items.iter().map(|item| priced.evaluator.items()[*item].group.as_str()).collect();
        let about_them: Vec<Item> =
            task.items.iter().filter(|item| groups.contains(item.group.as_str())).cloned().collect();
        task.items = spread(&about_them, WORDING_ITEMS);
        if task.items.is_empty() {
            return Ok(None);
        }
        let evaluator = Evaluator::new(&[(&task, score)], tokenizer, self.config())?;
        let all: Vec<usize> = (0..evaluator.items().len()).collect();
        let context = self.price_context("price: other wordings");
        let right = PairedEvaluation::new(&evaluator, priced.models, String::new(), &all, context)
            .run(priced.team)?
            .map(|outcomes| outcomes.iter().map(|outcome| f64::from(u8::from(outcome.correct))).collect::<Vec<f64>>());
        let groups = group_ids(task.items.iter().map(|item| item.group.as_str()));
        let ci95 = Change::measure(&right[0], &right[1], &groups, RESAMPLES, seed).and_then(|change| change.ci95);
        let [base, best] = right.map(|right| mean(&right).unwrap_or(0.0));
        Ok(Some(WordingChange { task: name.to_owned(), n: task.items.len(), acc: BeforeAfter { base, best }, ci95 }))
    }

    fn price_context<'a>(&'a self, stage: &'a str) -> RunContext<'a> {
        RunContext { threads: self.threads(), stage, observer: &*self.options.observer }
    }
}

/// Shares of the texts of both models that repeat themselves; `None` without texts.
fn repetition(texts: &[[String; 2]]) -> Option<BeforeAfter> {
    let share =
        |model: usize| texts.iter().filter(|text| repeats_itself(&text[model])).count() as f64 / texts.len() as f64;
    (!texts.is_empty()).then(|| BeforeAfter { base: share(0), best: share(1) })
}

/// At most `n` of `values`, evenly spread over them.
pub(super) fn spread<T: Clone>(values: &[T], n: usize) -> Vec<T> {
    let kept = values.len().min(n);
    (0..kept).map(|i| values[i * values.len() / kept].clone()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_are_spread_evenly() {
        let ten: Vec<usize> = (0..10).collect();
        assert_eq!(super::spread(&ten, 4), [0, 2, 5, 7]);
        assert_eq!(super::spread(&ten, 20), ten);
        assert!(super::spread(&Vec::<usize>::new(), 3).is_empty());
    }
}
