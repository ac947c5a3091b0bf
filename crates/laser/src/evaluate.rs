//! Model × task → outcomes: the one way items are scored, batched, and identical to one item at a time.

use crate::error::Result;
use crate::model::{Model, ModelConfig};
use crate::parallel::{Observer, map};
use crate::score::batch::{Batch, plan, plan_apart};
use crate::score::encode::{Encoded, encode};
use crate::score::trial::{Scored, Scorer};
use crate::score::{Outcome, Score};
use crate::task::Task;
use crate::tokenizer::Tokenizer;

/// Rows of one pass: enough for the matrix products to run near their peak, few enough to stay in cache.
const PASS_ROWS: usize = 512;

/// A task in the tokens of a model, ready to be scored on it and on its edits.
#[derive(Debug)]
pub struct Exam<'a> {
    task: &'a Task,
    tokenizer: &'a Tokenizer,
    score: Score,
    encoded: Vec<Encoded>,
    eos: Vec<u32>,
    alone_beyond: Option<usize>,
}

impl<'a> Exam<'a> {
    /// Encodes the items of `task`.
    ///
    /// # Errors
    /// An item that does not suit the score, or is longer than the model's context; a text to be generated across the
    /// length where the model's rotary frequencies change.
    pub fn new(task: &'a Task, tokenizer: &'a Tokenizer, config: &ModelConfig, score: Score) -> Result<Self> {
        let mut eos = tokenizer.eos_ids().to_vec();
        eos.extend(&config.eos);
        eos.sort_unstable();
        eos.dedup();
        Ok(Self {
            task,
            tokenizer,
            score,
            encoded: encode(task, tokenizer, score, config)?,
            eos,
            alone_beyond: config.rope.length_dependent_beyond(),
        })
    }

    /// The task.
    pub fn task(&self) -> &'a Task {
        self.task
    }

    /// The score.
    pub fn score(&self) -> Score {
        self.score
    }

    /// Scores the items `indices` on `model`: their outcomes in that order, whatever `threads`.
    pub fn evaluate(
        &self,
        model: &Model,
        indices: &[usize],
        threads: usize,
        stage: &str,
        observer: &dyn Observer,
    ) -> Result<Vec<Outcome>> {
        let scored = self.run(model, indices, PASS_ROWS, threads, stage, observer)?;
        Ok(scored.into_iter().map(|s| s.outcome).collect())
    }

    /// Scores items one at a time, without any sharing: the definition that [`Exam::evaluate`] is tested against.
    pub fn evaluate_one_by_one(&self, model: &Model, indices: &[usize]) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(indices.len());
        for index in indices {
            let scored = self.run(model, &[*index], 1, 1, "", &crate::parallel::Unobserved)?;
            outcomes.extend(scored.into_iter().map(|s| s.outcome));
        }
        Ok(outcomes)
    }

    /// Scores items, keeping the continuations' tokens.
    pub(crate) fn run(
        &self,
        model: &Model,
        indices: &[usize],
        pass_rows: usize,
        threads: usize,
        stage: &str,
        observer: &dyn Observer,
    ) -> Result<Vec<Scored>> {
        let batches = self.batches(indices, pass_rows);
        let scorer = self.scorer(false);
        // Few batches: the threads work inside each pass. Many: one pass a thread.
        let inside = if batches.len() < threads { threads } else { 1 };
        let model = model.with_threads(inside);
        let total = indices.len();
        let done = std::sync::atomic::AtomicUsize::new(0);
        let results = map(batches.iter().collect(), threads / inside.max(1), observer, |batch: &Batch| {
            let scored = scorer.run(&model, batch, None)?;
            let done = done.fetch_add(batch.items.len(), std::sync::atomic::Ordering::Relaxed);
            observer.progress(stage, done + batch.items.len(), total);
            Ok(scored.into_iter().next().unwrap_or_default())
        })?;
        let mut by_index: Vec<Option<Scored>> = (0..self.encoded.len()).map(|_| None).collect();
        for (batch, scored) in batches.iter().zip(results) {
            for (item, scored) in batch.items.iter().zip(scored) {
                by_index[item.index] = Some(scored);
            }
        }
        let missing = "every index was in one batch because the plan covers them all";
        Ok(indices.iter().map(|i| by_index[*i].clone().expect(missing)).collect())
    }

    /// The batches of some items.
    pub(crate) fn batches(&self, indices: &[usize], pass_rows: usize) -> Vec<Batch> {
        plan(&self.encoded, indices, pass_rows, self.alone_beyond)
    }

    /// Batches in which no two items share a row, of some items, each as `part` leaves it. An item's index in its
    /// batch is its place in `indices`.
    pub(crate) fn apart(
        &self,
        indices: &[usize],
        pass_rows: usize,
        part: impl Fn(&Encoded) -> Encoded,
    ) -> (Vec<Encoded>, Vec<Batch>) {
        let items: Vec<Encoded> = indices.iter().map(|index| part(&self.encoded[*index])).collect();
        let batches = plan_apart(&items, pass_rows, self.alone_beyond);
        (items, batches)
    }

    /// What scores batches; `stop_early` for searches, where texts do not matter.
    pub(crate) fn scorer(&self, stop_early: bool) -> Scorer<'_> {
        Scorer {
            items: &self.task.items,
            encoded: &self.encoded,
            tokenizer: self.tokenizer,
            score: self.score,
            eos: &self.eos,
            stop_early,
        }
    }
}
